import { session, sessionChanges } from "./session.ts";

session("1.20");
sessionChanges("1.20");
