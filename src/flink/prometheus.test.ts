import { expect, it } from "vitest";
import { prometheusPort, prometheusReporter } from "./prometheus.ts";

const ON = { "sluice.metrics.prometheus": "true" };
const CLASS = "metrics.reporter.prom.factory.class";
const FACTORY = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory";

it.each<[string, Record<string, string>, Record<string, string>]>([
  ["off unless asked for", {}, {}],
  ["on", ON, { [CLASS]: FACTORY, "metrics.reporter.prom.port": "9249" }],
  ["at the user's port", { ...ON, "metrics.reporter.prom.port": "9300" }, { [CLASS]: FACTORY }],
  [
    "beside other reporters",
    { ...ON, "metrics.reporters": "jmx, slf4j" },
    { [CLASS]: FACTORY, "metrics.reporter.prom.port": "9249", "metrics.reporters": "jmx,slf4j,prom" },
  ],
  [
    "by the user's own reporter, which would want the same port",
    { ...ON, "metrics.reporter.mine.factory.class": FACTORY, "metrics.reporters": "mine" },
    { "metrics.reporter.mine.port": "9249" },
  ],
])("the reporter is %s", (_, config, added) => {
  expect(prometheusReporter(config)).toEqual(added);
});

it("its port is known, unless it is looked for in a range", () => {
  expect(prometheusPort({})).toBe(9249);
  expect(prometheusPort({ [CLASS]: FACTORY, "metrics.reporter.prom.port": "9300" })).toBe(9300);
  expect(
    prometheusPort({ "metrics.reporter.a.factory.class": FACTORY, "metrics.reporter.a.port": "9250-9260" }),
  ).toBe(undefined);
});
