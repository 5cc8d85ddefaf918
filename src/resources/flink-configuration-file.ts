/** The file from which a cluster's processes read their configuration. */
import { parse, stringify } from "yaml";
import type { FlinkVersion } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { isAtLeast } from "../flink/flink-version.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";

/** Older names that are also the beginning of other names, and what replaced them. */
const REPLACED_BY: Readonly<Record<string, string>> = {
  "high-availability": "high-availability.type",
  "restart-strategy": "restart-strategy.type",
  "state.backend": "state.backend.type",
  "kubernetes.container.image": "kubernetes.container.image.ref",
  "kubernetes.jobmanager.cpu": "kubernetes.jobmanager.cpu.amount",
  "kubernetes.taskmanager.cpu": "kubernetes.taskmanager.cpu.amount",
};

/** Flink 1.19 and 1.20 know both files; the old one stays theirs, as in the Apache operator. */
export function configurationFileName(version: FlinkVersion): "config.yaml" | "flink-conf.yaml" {
  return isAtLeast(version, 2, 0) ? "config.yaml" : "flink-conf.yaml";
}

function overlap(shorter: string, longer: string): InvalidClusterError {
  const replacement = REPLACED_BY[shorter];
  return new InvalidClusterError(
    shorter,
    `${shorter} and ${longer} cannot both be in the config.yaml of Flink 2: a key is a value or the beginning of ` +
      `other keys. ${replacement === undefined ? "Remove one of them" : `Use ${replacement} instead of ${shorter}`}`,
  );
}

type Tree = Map<string, Tree | string>;

function nest(config: FlinkConfiguration): Tree {
  const root: Tree = new Map();
  for (const [key, value] of Object.entries(config)) {
    const parts = key.split(".");
    let node = root;
    for (const [depth, part] of parts.slice(0, -1).entries()) {
      const next = node.get(part) ?? new Map<string, Tree | string>();
      if (typeof next === "string") throw overlap(parts.slice(0, depth + 1).join("."), key);
      node.set(part, next);
      node = next;
    }
    const last = parts.at(-1) ?? "";
    const existing = node.get(last);
    if (existing instanceof Map) {
      const longer = Object.keys(config).find((other) => other.startsWith(`${key}.`)) ?? "";
      throw overlap(key, longer);
    }
    node.set(last, value);
  }
  return root;
}

/** The old reader takes each line as it is: no quotes, no continuation, a "#" starts a comment. */
function asLines(config: FlinkConfiguration): string {
  return Object.entries(config)
    .map(([key, value]) => `${key}: ${value.trim().replaceAll(/\s*\n\s*/g, " ")}\n`)
    .join("");
}

/** @throws InvalidClusterError when one key is the beginning of another, which nested YAML cannot express. */
export function configurationFile(config: FlinkConfiguration, version: FlinkVersion): string {
  if (configurationFileName(version) === "flink-conf.yaml") return asLines(config);
  return stringify(nest(config), { lineWidth: 0 });
}

/** The other way round, from either file. */
export function readConfigurationFile(text: string, name: string): Record<string, string> {
  if (name === "config.yaml") return flattenConfiguration(parse(text));
  const entries = text.split("\n").map((line) => /^([^#]*?): ([^#]*)/.exec(line));
  return Object.fromEntries(
    entries.flatMap((found) => (found === null ? [] : [[found[1] ?? "", (found[2] ?? "").trim()]])),
  );
}
