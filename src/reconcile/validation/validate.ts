/** Replaced by the rules. */
import type { FlinkDeployment } from "../../api/flink-deployment.ts";

export interface Finding {
  path: string;
  message: string;
  expected?: string;
  next?: string;
  severity: "error" | "warning";
}

export function validateFlinkDeployment(
  _resource: FlinkDeployment,
  _config: object,
  _last?: object,
): Finding[] {
  return [];
}

export function findingsToMessage(findings: readonly Finding[]): string {
  return findings.map(({ path, message }) => `${path}: ${message}`).join("; ");
}
