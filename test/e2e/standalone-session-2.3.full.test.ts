import { standaloneSession } from "./standalone-session.ts";

standaloneSession("2.3", true);
