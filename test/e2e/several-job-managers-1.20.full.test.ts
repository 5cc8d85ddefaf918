import { severalJobManagers } from "./several-job-managers.ts";

severalJobManagers("1.20", { mode: "standalone" });
