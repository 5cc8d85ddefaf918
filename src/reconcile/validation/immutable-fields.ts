/** Rules on what must not change once something is deployed. */
import { error, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

const recreate = "restore the field, or delete the resource and create it anew";

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
  const nonce = spec.job?.savepointRedeployNonce;
  const redeploys =
    last.job !== undefined && nonce !== undefined && nonce !== last.job.savepointRedeployNonce;
  if (redeploys && (spec.job?.initialSavepointPath ?? "").trim() === "") {
    findings.push(
      error(
        "spec.job.initialSavepointPath",
        "is required when savepointRedeployNonce changes: it is where the job starts from",
        "set it to a savepoint",
      ),
    );
  }
  return findings;
}
