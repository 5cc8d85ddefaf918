/** What finds the metrics of an installation, judges them and shows them: for the Prometheus Operator, and for Grafana. */
import type { KubeObject } from "../api/kube-object.ts";
import { ruleGroups } from "../monitoring/alerts.ts";
import { grafanaDashboard } from "../monitoring/dashboard.ts";
import { dashboards } from "../monitoring/dashboards.ts";
import { labelsOf, type Names, type Release, webhookName } from "./release.ts";
import type { Values } from "./values.ts";

const GROUP = "monitoring.coreos.com/v1";
/** The metrics port under a name of its own. */
const PORT = "health";
const METRICS_LABEL = { "app.kubernetes.io/component": "metrics" };

function metricsService(
  { operatorHealth }: Values,
  metadata: KubeObject["metadata"],
  selector: Readonly<Record<string, string>>,
): KubeObject {
  const { name, labels } = metadata;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, name: `${name}-metrics`, labels: { ...labels, ...METRICS_LABEL } },
    spec: {
      clusterIP: "None",
      selector,
      ports: [{ name: PORT, port: operatorHealth.port, targetPort: PORT }],
    },
  };
}

function monitor(
  kind: "PodMonitor" | "ServiceMonitor",
  { labels, interval }: Values["podMonitor"],
  metadata: KubeObject["metadata"],
  selector: Readonly<Record<string, string>>,
): KubeObject {
  const every = interval === "" ? {} : { interval };
  const endpoints = [{ port: PORT, path: "/metrics", ...every }];
  const byPods = { selector: { matchLabels: selector }, podMetricsEndpoints: endpoints };
  const byService = { selector: { matchLabels: { ...selector, ...METRICS_LABEL } }, endpoints };
  return {
    apiVersion: GROUP,
    kind,
    metadata: { ...metadata, labels: { ...metadata.labels, ...labels } },
    spec: kind === "PodMonitor" ? byPods : byService,
  };
}

/** `name`: of the operator or of the webhook, and the label of its pods. */
function monitorsOf(values: Values, release: Release, name: string): KubeObject[] {
  const { podMonitor, serviceMonitor } = values;
  const selector = { "app.kubernetes.io/name": name };
  const labels = { ...labelsOf(values, release), ...selector };
  const metadata = { name, namespace: release.namespace, labels };
  return [
    ...(serviceMonitor.create
      ? [
          metricsService(values, metadata, selector),
          monitor("ServiceMonitor", serviceMonitor, metadata, selector),
        ]
      : []),
    ...(podMonitor.create ? [monitor("PodMonitor", podMonitor, metadata, selector)] : []),
  ];
}

function prometheusRule(values: Values, release: Release, { fullname }: Names): KubeObject[] {
  const { create, labels } = values.prometheusRule;
  if (!create) return [];
  return [
    {
      apiVersion: GROUP,
      kind: "PrometheusRule",
      metadata: {
        name: fullname,
        namespace: release.namespace,
        labels: { ...labelsOf(values, release), ...labels },
      },
      spec: { groups: ruleGroups() },
    },
  ];
}

/** One ConfigMap each: together they would come near the size that `kubectl apply` can keep of an object. */
function dashboardObjects(values: Values, release: Release, { fullname }: Names): KubeObject[] {
  const { create, namespace, label, labelValue, annotations } = values.grafanaDashboards;
  if (!create) return [];
  return dashboards.map((dashboard) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: `${fullname}-dashboard-${dashboard.uid.replace(/^sluice-/, "")}`,
      namespace: namespace === "" ? release.namespace : namespace,
      labels: { ...labelsOf(values, release), [label]: labelValue },
      ...(Object.keys(annotations).length > 0 ? { annotations: { ...annotations } } : {}),
    },
    data: { [`${dashboard.uid}.json`]: JSON.stringify(grafanaDashboard(dashboard)) },
  }));
}

export function monitoringObjects(values: Values, release: Release, names: Names): KubeObject[] {
  const { fullname } = names;
  return [
    ...monitorsOf(values, release, fullname),
    ...(values.webhook.create ? monitorsOf(values, release, webhookName(fullname)) : []),
    ...prometheusRule(values, release, names),
    ...dashboardObjects(values, release, names),
  ];
}
