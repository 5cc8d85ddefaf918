import { sessionChanges } from "./session.ts";

sessionChanges("2.3");
