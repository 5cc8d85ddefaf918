import { lifeCycle } from "./life-cycle.ts";

lifeCycle("1.20");
