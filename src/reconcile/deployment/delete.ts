/** Deletion of the resource (2.24): the job is stopped as asked, the cluster and its HA metadata go, then the finalizer. */
import { FLINK_DEPLOYMENT_FINALIZER } from "../../api/flink-deployment.ts";
import { getBoolean, getOption } from "../../flink/configuration.ts";
import { SAVEPOINT_ON_DELETION, SAVEPOINTS_DIR } from "../../flink/options.ts";
import { emit, observeConfiguration, type Pass, recordedSpec, waitFor } from "../pass.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { beginStop, followStop } from "./stop.ts";
import { deleteHaMetadata, tearDown } from "./tear-down.ts";

function wantsSavepoint(pass: Pass): boolean {
  const config = observeConfiguration(pass);
  const { state } = pass.status.jobStatus;
  const running = recordedSpec(pass)?.spec.job?.state === "running" && !isTerminal(state);
  return (
    running && getBoolean(config, SAVEPOINT_ON_DELETION) && getOption(config, SAVEPOINTS_DIR) !== undefined
  );
}

/** True when the savepoint is taken, or none is wanted. A failing one keeps the resource and says so. */
function savepointTaken(pass: Pass): boolean {
  if (!wantsSavepoint(pass)) return true;
  const { status } = pass;
  if (status.reconciliationStatus.state === "UPGRADING") {
    followStop(pass);
    if (recordedSpec(pass)?.spec.job?.state === "suspended") return false;
  } else if (status.jobStatus.state === "RUNNING" && pass.flink.jobs?.ok === true) {
    beginStop(pass, "SAVEPOINT", "savepoint");
  }
  pass.stalled = {
    reason: "SavepointOnDeletion",
    message:
      `the job is ${status.jobStatus.state ?? "unknown"}; deletion waits for its savepoint ` +
      `(${SAVEPOINT_ON_DELETION.key}: true). Set that option to false to delete without one`,
  };
  waitFor(pass, "SavepointOnDeletion", "taking a savepoint before the deletion");
  return false;
}

export function decideDeletion(pass: Pass): void {
  const { status, resource } = pass;
  if (!(resource.metadata.finalizers ?? []).includes(FLINK_DEPLOYMENT_FINALIZER)) {
    pass.requeueAfter = undefined;
    return;
  }
  if (status.lifecycleState !== "DELETING") {
    emit(pass, {
      type: "Normal",
      reason: "Cleanup",
      message: "Cleaning up FlinkDeployment",
      component: "Operator",
    });
    status.lifecycleState = "DELETING";
  }
  waitFor(pass, "Deleting", "taking the cluster down");
  if (!savepointTaken(pass)) return;
  if (!tearDown(pass)) return;
  status.jobManagerDeploymentStatus = "MISSING";
  if (!deleteHaMetadata(pass, "the resource is deleted")) return;
  pass.actions.push({ type: "remove-finalizer" });
  pass.requeueAfter = undefined;
}
