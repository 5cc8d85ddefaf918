/** Carries out what decisions about snapshots come to, for whatever resource they were made. */
import type { FlinkAnswer } from "../flink/rest-answers.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { type KubeClient, isKubeError } from "../kube/client.ts";
import { FLINK_STATE_SNAPSHOTS } from "../kube/resource-type.ts";
import type { ActionFailure, SnapshotAction } from "../reconcile/decision.ts";

export interface SnapshotPlace {
  readonly client: KubeClient;
  readonly flink: FlinkRestClient;
  readonly namespace: string;
}

/** What Flink says no to. */
export function refusal<T extends string>(
  action: T,
  answer: FlinkAnswer<unknown>,
): ActionFailure<T> | undefined {
  if (answer.ok) return undefined;
  const { kind, message, status } = answer.failure;
  return { action, reason: kind, message, ...(status === undefined ? {} : { httpStatus: status }) };
}

type FlinkSnapshotAction = Extract<SnapshotAction, { type: "trigger-savepoint" | "trigger-checkpoint" }>;

export async function triggerSnapshot(
  flink: FlinkRestClient,
  action: FlinkSnapshotAction,
): Promise<ActionFailure<FlinkSnapshotAction["type"]> | undefined> {
  const { type, ...request } = action;
  const answer =
    "checkpointType" in request
      ? await flink.triggerCheckpoint(request)
      : await flink.triggerSavepoint(request);
  return refusal(type, answer);
}

/** @throws KubeApiError */
export async function runSnapshotAction(
  action: SnapshotAction,
  { client, flink, namespace }: SnapshotPlace,
): Promise<ActionFailure | undefined> {
  switch (action.type) {
    case "create-snapshot":
      try {
        await client.create(FLINK_STATE_SNAPSHOTS, action.snapshot);
      } catch (error) {
        // Its name belongs to this request alone: an earlier pass has made it.
        if (!isKubeError(error, "already-exists")) throw error;
      }
      return undefined;
    case "delete-snapshot":
      try {
        await client.delete(FLINK_STATE_SNAPSHOTS, namespace, action.name, { uid: action.uid });
      } catch (error) {
        // Another one of that name, which nobody decided about.
        if (!isKubeError(error, "precondition-failed")) throw error;
      }
      return undefined;
    case "trigger-savepoint":
    case "trigger-checkpoint":
      return triggerSnapshot(flink, action);
    case "dispose-savepoint":
      return refusal(action.type, await flink.disposeSavepoint(action.path));
  }
}
