import { severalJobManagers } from "./several-job-managers.ts";

severalJobManagers("2.3");
