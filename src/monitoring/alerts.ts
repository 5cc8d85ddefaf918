/** All alerts, and the rules that Prometheus evaluates. */
import type { Alert } from "./alert.ts";
import { flinkAlerts } from "./flink-alerts.ts";
import { sluiceAlerts } from "./sluice-alerts.ts";

export const alerts: readonly Alert[] = [...flinkAlerts, ...sluiceAlerts];

export function annotationsOf({ name, summary, meaning }: Alert): Record<string, string> {
  return { summary, description: meaning, runbook: `docs/runbooks/${name}.md` };
}

function ruleOf(alert: Alert): object {
  return {
    alert: alert.name,
    expr: alert.expr,
    ...(alert.for === undefined ? {} : { for: alert.for }),
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert),
  };
}

/** Of a file of rules, and of a PrometheusRule. */
export function ruleGroups(): object[] {
  return [
    { name: "flink", rules: flinkAlerts.map(ruleOf) },
    { name: "sluice", rules: sluiceAlerts.map(ruleOf) },
  ];
}
