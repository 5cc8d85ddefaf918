/** Operator defaults for one resource: the configuration's layers for its namespace and Flink version (2.26). */
import type { FlinkVersion } from "../api/flink-deployment.ts";
import type { FlinkConfiguration } from "./configuration.ts";
import { isAtLeast } from "./flink-version.ts";

const NAMESPACE = "kubernetes.operator.default-configuration.namespace.";
const VERSION = "kubernetes.operator.default-configuration.flink-version.";

function versionParts(text: string): { major: number; minor: number; orNewer: boolean } | undefined {
  const match = /^v(\d+)_(\d+)(\+?)$/.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]), orNewer: match[3] === "+" } : undefined;
}

/** Entries of `vX_Y.<key>` and `vX_Y+.<key>` that hold for the version: ranges first, ascending; the exact one last. */
function versionLayers(config: FlinkConfiguration, version: FlinkVersion): [string, string][] {
  const found = Object.entries(config).flatMap(([name, value]) => {
    if (!name.startsWith(VERSION)) return [];
    const [label = "", ...rest] = name.slice(VERSION.length).split(".");
    const parts = versionParts(label);
    if (parts === undefined) return [];
    const applies = parts.orNewer ? isAtLeast(version, parts.major, parts.minor) : label === version;
    return applies
      ? [{ key: rest.join("."), value, rank: parts.orNewer ? parts.major * 1000 + parts.minor : Infinity }]
      : [];
  });
  return found.sort((a, b) => a.rank - b.rank).map(({ key, value }) => [key, value]);
}

/** Later layers override earlier ones: common, namespace, version ranges, exact version. */
export function defaultsFor(
  config: FlinkConfiguration,
  namespace: string,
  version: FlinkVersion | undefined,
): Record<string, string> {
  const own = `${NAMESPACE}${namespace}.`;
  const entries = Object.entries(config);
  return Object.fromEntries([
    ...entries.filter(([name]) => !name.startsWith(NAMESPACE) && !name.startsWith(VERSION)),
    ...entries
      .filter(([name]) => name.startsWith(own))
      .map(([name, value]) => [name.slice(own.length), value]),
    ...(version === undefined ? [] : versionLayers(config, version)),
  ]);
}
