/** Rules on what must not change once something is deployed. */
import type { JobSpec } from "../../api/flink-deployment.ts";
import { error, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

const recreate = "restore the field, or delete the resource and create it anew";

/** Of a job, and of what was last deployed of it. */
export function checkRedeployment(job: JobSpec | undefined, last: JobSpec | undefined): Finding[] {
  const nonce = job?.savepointRedeployNonce;
  const redeploys = last !== undefined && nonce !== undefined && nonce !== last.savepointRedeployNonce;
  if (!redeploys || (job?.initialSavepointPath ?? "").trim() !== "") return [];
  return [
    error(
      "spec.job.initialSavepointPath",
      "is required when savepointRedeployNonce changes: it is where the job starts from",
      "set it to a savepoint",
    ),
  ];
}

export function checkImmutableFields({ spec, last }: Subject): Finding[] {
  if (last === undefined) return [];
  const findings: Finding[] = [];
  if ((spec.job === undefined) !== (last.job === undefined)) {
    const message =
      spec.job === undefined
        ? "cannot be removed: an application cluster does not become a session cluster"
        : "cannot be added: a session cluster does not become an application cluster";
    findings.push(error("spec.job", message, recreate));
  }
  const before = last.mode ?? "native";
  const after = spec.mode ?? "native";
  if (before !== after) {
    findings.push(error("spec.mode", `cannot change from ${before} to ${after}`, recreate, before));
  }
  return [...findings, ...checkRedeployment(spec.job, last.job)];
}
