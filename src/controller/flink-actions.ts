/** Carries out those actions that are requests to Flink and nothing else. */
import type { FlinkRestClient } from "../flink-rest/client.ts";
import type { Action, ActionFailure } from "../reconcile/decision.ts";
import { refusal, triggerSnapshot } from "./snapshot-actions.ts";

const FLINK_ACTIONS = [
  "cancel-job",
  "stop-with-savepoint",
  "trigger-savepoint",
  "trigger-checkpoint",
  "dispose-savepoint",
] as const satisfies readonly Action["type"][];

type FlinkAction = Extract<Action, { type: (typeof FLINK_ACTIONS)[number] }>;

export function isFlinkAction(action: Action): action is FlinkAction {
  return (FLINK_ACTIONS as readonly string[]).includes(action.type);
}

async function stopWithSavepoint(
  flink: FlinkRestClient,
  request: Extract<Action, { type: "stop-with-savepoint" }>,
): Promise<ActionFailure | undefined> {
  const { jobId, triggerId, targetDirectory, drain, formatType } = request;
  const answer = await flink.stopWithSavepoint({ jobId, triggerId, targetDirectory, drain, formatType });
  return refusal("stop-with-savepoint", answer);
}

async function cancelJob(
  flink: FlinkRestClient,
  { jobId, bestEffort }: Extract<Action, { type: "cancel-job" }>,
): Promise<ActionFailure | undefined> {
  const answer = await flink.cancelJob(jobId);
  // 404: not there any more; 409: ended already. The next look tells which.
  if (answer.ok || bestEffort || answer.failure.status === 404 || answer.failure.status === 409)
    return undefined;
  return refusal("cancel-job", answer);
}

export async function runFlinkAction(
  action: FlinkAction,
  flink: FlinkRestClient,
): Promise<ActionFailure | undefined> {
  switch (action.type) {
    case "cancel-job":
      return cancelJob(flink, action);
    case "stop-with-savepoint":
      return stopWithSavepoint(flink, action);
    case "trigger-savepoint":
    case "trigger-checkpoint":
      return triggerSnapshot(flink, action);
    case "dispose-savepoint":
      return refusal(action.type, await flink.disposeSavepoint(action.path));
  }
}
