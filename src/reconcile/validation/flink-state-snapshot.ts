/** Everything that can be said about a FlinkStateSnapshot. */
import { withoutNulls } from "../../api/defaults.ts";
import type { FlinkStateSnapshot, FlinkStateSnapshotSpec } from "../../api/flink-state-snapshot.ts";
import { error, type Finding, warning } from "./finding.ts";
import { unlessWrong } from "./flink-deployment.ts";
import { wrongValues } from "./schema-check.ts";
import { withoutFields } from "./subject.ts";

function checkSpec(spec: FlinkStateSnapshotSpec): Finding[] {
  const isSavepoint = spec.savepoint !== undefined;
  const isCheckpoint = spec.checkpoint !== undefined;
  if (isSavepoint && isCheckpoint) {
    return [error("spec.checkpoint", "cannot stand beside spec.savepoint", "keep one of the two")];
  }
  if (!isSavepoint && !isCheckpoint) {
    return [error("spec", "needs either savepoint or checkpoint", "add savepoint: {} or checkpoint: {}")];
  }
  if (spec.savepoint?.alreadyExists === true) return checkExisting(spec.savepoint.path);
  return [...checkReference(spec), ...checkFormat(spec)];
}

/** The Apache operator takes it, so it is no error. */
function checkExisting(path = ""): Finding[] {
  if (path !== "") return [];
  const next = "set it to the place of the savepoint that alreadyExists";
  return [warning("spec.savepoint.path", "is missing, so there is nothing to restore from", next)];
}

function checkReference({ jobReference }: FlinkStateSnapshotSpec): Finding[] {
  if (jobReference === undefined) {
    return [error("spec.jobReference", "is required", "name the job: kind and name")];
  }
  return (["kind", "name"] as const)
    .filter((field) => (jobReference[field] ?? "") === "")
    .map((field) => error(`spec.jobReference.${field}`, "is required"));
}

function checkFormat({ savepoint }: FlinkStateSnapshotSpec): Finding[] {
  if (savepoint?.formatType !== "UNKNOWN") return [];
  const message = "must be CANONICAL or NATIVE: Flink takes no savepoint of format UNKNOWN";
  return [error("spec.savepoint.formatType", message, "remove it for CANONICAL")];
}

/** `targetExists`: whether the job that it names does; undefined where nobody can know. */
export function validateFlinkStateSnapshot(resource: FlinkStateSnapshot, targetExists?: boolean): Finding[] {
  const wrong = wrongValues(resource);
  const { spec } = withoutFields(resource, wrong);
  const findings = checkSpec(withoutNulls(spec ?? {}));
  const isPending = (resource.status?.state ?? "TRIGGER_PENDING") === "TRIGGER_PENDING";
  if (
    wrong.length + findings.length === 0 &&
    targetExists === false &&
    isPending &&
    spec.savepoint?.alreadyExists !== true
  ) {
    const { kind, name } = spec.jobReference ?? {};
    findings.push(error("spec.jobReference", `${kind} ${name} does not exist in the snapshot's namespace`));
  }
  return unlessWrong(wrong, findings);
}
