/** Rules on flinkConfiguration as a whole, and on options that need one another. */
import {
  flattenConfiguration,
  type FlinkConfiguration,
  getBoolean,
  getOption,
} from "../../flink/configuration.ts";
import { HA_STORAGE_DIR, HA_TYPE, HEALTH_CHECK, JM_RECOVERY, ROLLBACK } from "../../flink/options.ts";
import { configPath, error, type Finding, joinPath, warning } from "./finding.ts";
import { isSecret } from "../spec-diff.ts";
import { describeValue } from "./schema-check.ts";
import type { Subject } from "./subject.ts";

/** Flink is told these by the operator, from the resource's own name. */
const FORBIDDEN = ["kubernetes.namespace", "kubernetes.cluster-id", "high-availability.cluster-id"];

export function isHighAvailabilityActive(config: FlinkConfiguration): boolean {
  return (getOption(config, HA_TYPE) ?? "NONE").trim().toUpperCase() !== "NONE";
}

export function enableHighAvailability(): string {
  return `set ${HA_TYPE.key}: kubernetes and ${HA_STORAGE_DIR.key} in spec.flinkConfiguration`;
}

/** One option written in two shapes, of which one would win by accident. */
function doubledKeys(value: unknown): string[] {
  const seen = new Set<string>();
  const doubled: string[] = [];
  const walk = (node: unknown, prefix: string): void => {
    if (node === null || typeof node !== "object" || Array.isArray(node)) {
      if (seen.has(prefix)) doubled.push(prefix);
      seen.add(prefix);
      return;
    }
    for (const [key, child] of Object.entries(node)) walk(child, prefix === "" ? key : `${prefix}.${key}`);
  };
  walk(value, "");
  return doubled;
}

export function checkConfigurationShape({ spec }: Subject): Finding[] {
  const value = spec.flinkConfiguration;
  const path = "spec.flinkConfiguration";
  if (value === null || value === undefined) return [];
  if (typeof value !== "object" || Array.isArray(value)) {
    return [error(path, `must be a map of options, is ${describeValue(value, path)}`)];
  }
  const flat = flattenConfiguration(value);
  return doubledKeys(value).map((key) =>
    warning(
      joinPath(path, key),
      isSecret({ path: key, from: undefined, to: flat[key] })
        ? "is set twice, flat and nested"
        : `is set twice, flat and nested; ${JSON.stringify(flat[key])} would win`,
      "keep one",
    ),
  );
}

export function checkForbiddenKeys({ config }: Subject): Finding[] {
  return FORBIDDEN.filter((key) => config[key] !== undefined).map((key) =>
    error(configPath(key), "is set by the operator and must not be given", "remove it"),
  );
}

export function checkDependencies({ config }: Subject): Finding[] {
  const findings: Finding[] = [];
  const isHa = isHighAvailabilityActive(config);
  if (getBoolean(config, ROLLBACK) && !isHa) {
    findings.push(error(configPath(ROLLBACK.key), "needs high availability", enableHighAvailability()));
  }
  if (getBoolean(config, HEALTH_CHECK) && !getBoolean(config, JM_RECOVERY)) {
    findings.push(
      error(configPath(HEALTH_CHECK.key), `needs ${JM_RECOVERY.key}`, `set ${JM_RECOVERY.key}: true`),
    );
  }
  if (isHa && (getOption(config, HA_STORAGE_DIR) ?? "").trim() === "") {
    findings.push(
      warning(
        configPath(HA_STORAGE_DIR.key),
        "is required by Flink for high availability",
        "set it to a directory that outlives the pods, for example s3://bucket/ha",
      ),
    );
  }
  return findings;
}

/** What a job that was stopped by last-state goes on from is in its HA metadata, and read with HA only. */
export function checkLastStateReadable({ spec, config, last }: Subject): Finding[] {
  const stopped = last?.job?.state === "suspended" && last.job.upgradeMode === "last-state";
  const restores = spec.job !== undefined && spec.job.upgradeMode !== "stateless";
  if (!stopped || !restores || isHighAvailabilityActive(config)) return [];
  if (!isHighAvailabilityActive(flattenConfiguration(last.flinkConfiguration))) return [];
  return [
    error(
      configPath(HA_TYPE.key),
      "must stay set while the job is stopped with last-state: its state is in the HA metadata",
      "let the job run with high availability first, then switch it off",
    ),
  ];
}
