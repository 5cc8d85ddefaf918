/** The files that the operator is given: its configuration, and log files of clusters that have none. */
import type { Values } from "./values.ts";

const LOG_FILES = ["log4j-console.properties", "logback-console.xml"] as const;

/** The file that `--config` names. */
export function configurationFile({ defaultConfiguration }: Values): "config.yaml" | "flink-conf.yaml" {
  return defaultConfiguration["flink-conf.yaml"] === "" ? "config.yaml" : "flink-conf.yaml";
}

/** File name to content. */
export function configurationFiles(values: Values): Record<string, string> {
  const files = values.defaultConfiguration;
  const main = configurationFile(values);
  const logs = LOG_FILES.filter((name) => files[name] !== "").map((name) => [name, files[name]]);
  return { [main]: files[main], ...Object.fromEntries(logs) };
}
