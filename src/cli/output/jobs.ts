/** Jobs without an operator, as a table. */
import type { JobState } from "../../targets/status.ts";
import { table } from "./table.ts";

const HEADER = ["NAME", "LIFECYCLE", "JOB", "READY", "IMAGE", "FLINK", "PARALLELISM", "SAVEPOINT", "MESSAGE"];
const NONE = "<none>";

function row(state: JobState): string[] {
  const { name, lifecycleState, jobState, ready, image = NONE, flinkVersion = NONE } = state;
  const { parallelism = NONE, savepointPath = NONE, message } = state;
  const first = [name, lifecycleState, jobState, String(ready), image, flinkVersion];
  return [...first, String(parallelism), savepointPath, message];
}

export function jobTable(states: readonly JobState[]): string {
  return table([HEADER, ...states.map(row)]);
}
