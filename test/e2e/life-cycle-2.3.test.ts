import { lifeCycle } from "./life-cycle.ts";

lifeCycle("2.3");
