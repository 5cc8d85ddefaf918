/** Flink's Prometheus reporter: how it is switched on, and at which port it is found. */
import { type FlinkConfiguration, getBoolean } from "./configuration.ts";
import { METRICS_PROMETHEUS } from "./options.ts";

const FACTORY = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory";
const REPORTER_CLASS = /^metrics\.reporter\.([^.]+)\.factory\.class$/;
/** Which reporters there are; without it, all that are configured. */
const REPORTERS = "metrics.reporters";

/** Flink's own default. */
export const PROMETHEUS_PORT = 9249;

export function isPrometheusOn(config: FlinkConfiguration): boolean {
  return getBoolean(config, METRICS_PROMETHEUS);
}

/** The name of the reporter, if there is one. */
function reporterOf(config: FlinkConfiguration): string | undefined {
  const found = Object.entries(config).find(
    ([key, value]) => REPORTER_CLASS.test(key) && value.trim() === FACTORY,
  );
  return found && REPORTER_CLASS.exec(found[0])?.[1];
}

/** The port of every process; undefined when Flink looks for a free one in a range. */
export function prometheusPort(config: FlinkConfiguration): number | undefined {
  const reporter = reporterOf(config) ?? "prom";
  const text = (config[`metrics.reporter.${reporter}.port`] ?? String(PROMETHEUS_PORT)).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What switches the reporter on, beside what the user has configured; nothing unless the option says so. */
export function prometheusReporter(config: FlinkConfiguration): Record<string, string> {
  if (!isPrometheusOn(config)) return {};
  const own = reporterOf(config);
  const name = own ?? "prom";
  const port = `metrics.reporter.${name}.port`;
  const listed = config[REPORTERS];
  const names = (listed ?? "").split(/[,;]/).map((one) => one.trim());
  return {
    ...(own === undefined ? { [`metrics.reporter.${name}.factory.class`]: FACTORY } : {}),
    ...(config[port] === undefined ? { [port]: String(PROMETHEUS_PORT) } : {}),
    ...(listed === undefined || names.includes(name)
      ? {}
      : { [REPORTERS]: [...names, name].filter((one) => one !== "").join(",") }),
  };
}
