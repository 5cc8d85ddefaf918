import { standaloneSession } from "./standalone-session.ts";

standaloneSession("1.20", false);
