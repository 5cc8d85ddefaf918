/** Flink versions as the job file writes them: `v1_20` is 1.20. */
import type { FlinkVersion } from "../api/flink-deployment.ts";

function parts(version: FlinkVersion): [number, number] {
  const [major = 0, minor = 0] = version.slice(1).split("_").map(Number);
  return [major, minor];
}

/** Whether `version` is `major.minor` or newer. */
export function isAtLeast(version: FlinkVersion, major: number, minor: number): boolean {
  const [ownMajor, ownMinor] = parts(version);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** The Apache operator's rule: 1.15 and newer. */
export function isSupported(version: FlinkVersion): boolean {
  return isAtLeast(version, 1, 15);
}
