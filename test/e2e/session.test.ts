import { session } from "./session.ts";

session("2.3");
