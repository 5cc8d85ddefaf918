/** The four kinds of the group, in the order in which they are documented. */
import { FLINK_BLUE_GREEN_DEPLOYMENT } from "./flink-blue-green-deployment.ts";
import { FLINK_DEPLOYMENT } from "./flink-deployment.ts";
import { FLINK_SESSION_JOB } from "./flink-session-job.ts";
import { FLINK_STATE_SNAPSHOT } from "./flink-state-snapshot.ts";
import type { Kind } from "./kind.ts";

export const kinds: readonly Kind[] = [
  FLINK_DEPLOYMENT,
  FLINK_SESSION_JOB,
  FLINK_STATE_SNAPSHOT,
  FLINK_BLUE_GREEN_DEPLOYMENT,
];
