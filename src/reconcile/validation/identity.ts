/** Rules on the name and the Flink version. */
import { isSupported } from "../../flink/flink-version.ts";
import { error, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

const NAME_LIMIT = 45;
const OLDEST = "v1_15";

/** Names of clusters become names of Services and labels, which have less room than names of resources. */
export function checkClusterName(name: string, path: string, limit = NAME_LIMIT): Finding[] {
  if (name === "") return [error(path, "is required")];
  if (name.length > limit) {
    return [
      error(path, `must have at most ${limit} characters, has ${name.length}`, "choose a shorter name"),
    ];
  }
  if (/^[a-z]([-a-z\d]*[a-z\d])?$/.test(name)) return [];
  const fixed = name
    .toLowerCase()
    .replaceAll(/[^-a-z\d]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .replace(/-+$/, "");
  return [
    error(
      path,
      `must be lower case letters, digits and "-", starting with a letter and not ending with "-"; is ${JSON.stringify(name)}`,
      fixed === "" ? undefined : `for example ${fixed}`,
    ),
  ];
}

export function checkName({ name }: Subject): Finding[] {
  return checkClusterName(name, "metadata.name");
}

export function checkFlinkVersion({ spec, last }: Subject): Finding[] {
  const version = spec.flinkVersion;
  const path = "spec.flinkVersion";
  if (version === undefined) {
    return [error(path, "is required", "set it to the version in the image, for example v1_20 or v2_3")];
  }
  if (!isSupported(version)) {
    return [error(path, `${version} is not supported`, `use ${OLDEST} or newer`)];
  }
  const suspendedLastState = last?.job?.state === "suspended" && last.job.upgradeMode === "last-state";
  const restores = spec.job !== undefined && spec.job.upgradeMode !== "stateless";
  if (suspendedLastState && restores && last.flinkVersion !== undefined && last.flinkVersion !== version) {
    return [
      error(
        path,
        `must not change, was ${last.flinkVersion}, while the job is suspended with last-state: HA metadata is read only by the version that wrote it`,
        `resume with ${last.flinkVersion} first, then upgrade`,
        last.flinkVersion,
      ),
    ];
  }
  return [];
}

export function checkServiceAccount({ spec }: Subject): Finding[] {
  if (spec.serviceAccount !== undefined) return [];
  return [
    error(
      "spec.serviceAccount",
      "is required",
      "name an account that may edit pods, deployments and config maps; the usual one is flink",
    ),
  ];
}
