/** The dashboards, from one job to all of them. */
import type { Dashboard } from "./dashboard.ts";
import { checkpoints } from "./checkpoints-dashboard.ts";
import { job } from "./job-dashboard.ts";
import { processes } from "./processes-dashboard.ts";
import { cost, fleet, operator } from "./sluice-dashboards.ts";
import { sources } from "./sources-dashboard.ts";

export const dashboards: readonly Dashboard[] = [job, checkpoints, processes, sources, operator, fleet, cost];
