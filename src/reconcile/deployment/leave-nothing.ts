/**
 * A suspended job whose state is a path, and whose HA metadata is gone. An operator may leave the metadata there; a record
 * outlives clusters, and what it says has to be enough to go on from.
 */
import { amendRecord, emit, type Pass, recordedSpec, requeue, stall, waitFor } from "../pass.ts";
import { awaitLook, lookForRetained } from "./retained.ts";
import { deleteHaMetadata } from "./tear-down.ts";

/** The path of the checkpoint that the HA metadata points to is recorded, before the metadata may go. */
function recordPath(pass: Pass): void {
  const look = lookForRetained(pass);
  if (look.kind === "open") return awaitLook(pass, look);
  if (look.kind === "nowhere") {
    const message =
      `the job's state is in Flink's HA metadata, which stays, because its path is not known: ${look.why}. ` +
      "The next start goes on from it";
    return stall(pass, "StateInHaMetadata", message);
  }
  pass.status.jobStatus.upgradeSavepointPath = look.path;
  amendRecord(pass, { upgradeMode: "savepoint" });
  emit(pass, {
    type: "Normal",
    reason: "StateRecorded",
    message: `The state is the ${look.what}`,
    component: "Job",
  });
  waitFor(pass, "DeletingHaMetadata", "the state is recorded, and Flink's HA metadata is to go");
  requeue(pass, 0);
}

/** Only when nothing of the cluster is left. */
export function leaveNothing(pass: Pass): void {
  if (recordedSpec(pass)?.spec.job?.upgradeMode === "last-state") return recordPath(pass);
  if (!deleteHaMetadata(pass, "the job is suspended, and its state is recorded")) {
    emit(pass, {
      type: "Normal",
      reason: "Cleanup",
      message: "Deleting Flink's HA metadata: the job's state is recorded",
      component: "Job",
    });
  }
}
