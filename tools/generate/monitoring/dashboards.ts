/** The dashboards, from one job to all of them. */
import type { Dashboard } from "./dashboard.ts";
import { checkpoints, job, processes } from "./flink-dashboards.ts";
import { cost, fleet, operator } from "./sluice-dashboards.ts";
import { sources } from "./sources-dashboard.ts";

export const dashboards: readonly Dashboard[] = [job, checkpoints, processes, sources, operator, fleet, cost];
