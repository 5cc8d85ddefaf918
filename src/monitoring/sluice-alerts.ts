/** Alerts about Sluice itself. */
import type { Alert } from "./alert.ts";

export const sluiceAlerts: readonly Alert[] = [
  {
    name: "SluiceNotLeading",
    severity: "critical",
    expr: "absent(sluice_leader == 1)",
    for: "2m",
    summary: "No Sluice operator leads",
    meaning: "Every operator is down, waits for the Lease, or is not scraped.",
    impact:
      "Jobs go on running, and nobody looks after them: no upgrade, no recovery of a lost JobManager, no savepoint in time.",
    look: [
      "`kubectl -n sluice-system get pods,leases`.",
      "`kubectl -n sluice-system logs deployment/sluice-operator`.",
      "Prometheus, Status, Targets: whether the operator is scraped.",
    ],
    mend: [
      "What the log says: rights, the API server, memory.",
      "A Lease of a pod that is gone ends by itself after 15 seconds.",
    ],
    fires: { series: [['sluice_leader{pod="a"}', "0x60"]], after: 3, labels: {} },
    silent: [
      {
        why: "one of two leads",
        series: [
          ['sluice_leader{pod="a"}', "0x60"],
          ['sluice_leader{pod="b"}', "1x60"],
        ],
        after: 10,
      },
    ],
  },
  {
    name: "SluiceQueueGrowing",
    severity: "warning",
    expr: 'min_over_time(workqueue_depth{name=~"flinkdeployment|flinksessionjob|flinkstatesnapshot"}[10m]) > 10',
    for: "5m",
    summary: "More than ten resources of {{ $labels.name }} have waited for a pass for 10 minutes",
    meaning: "The operator does not keep up: passes are slow, or there are too few workers.",
    impact: "Changes and recoveries come later.",
    look: [
      "Dashboard *Sluice / Operator*: wait in the queue, length of passes, time to answer of the API server and of Flink.",
    ],
    mend: [
      "CPU of the operator's pod.",
      "`--workers`.",
      "JobManagers that hang cost a call each; `sluice doctor` names them.",
    ],
    fires: {
      series: [['workqueue_depth{name="flinkdeployment"}', "50x60"]],
      after: 20,
      labels: { name: "flinkdeployment" },
    },
    silent: [
      {
        why: "it empties in between",
        series: [['workqueue_depth{name="flinkdeployment"}', "50x4 0 50x4 0 50x4 0 50x60"]],
        after: 18,
      },
    ],
  },
  {
    name: "SluicePassesFailing",
    severity: "warning",
    expr: 'increase(controller_runtime_reconcile_errors_total{controller=~"flink.+"}[15m]) > 5',
    for: "5m",
    summary: "Passes of {{ $labels.controller }} end with errors",
    meaning: "Passes throw: the API server refuses or does not answer, or it is a defect.",
    impact: "The resources concerned are tried again with a back-off, and do not get on.",
    look: ['`kubectl -n sluice-system logs deployment/sluice-operator | grep "pass failed"`.'],
    mend: ["Rights: `deploy/operator/rbac.yaml`.", "A defect: report it with the log line and the resource."],
    fires: {
      series: [['controller_runtime_reconcile_errors_total{controller="flinkdeployment"}', "0+1x60"]],
      after: 25,
      labels: { controller: "flinkdeployment" },
    },
    silent: [
      {
        why: "a conflict now and then",
        series: [
          ['controller_runtime_reconcile_errors_total{controller="flinkdeployment"}', "0x10 1x10 2x60"],
        ],
        after: 25,
      },
    ],
  },
  {
    name: "SluiceNamespaceUnreadable",
    severity: "warning",
    expr: "sluice_watched_namespace == 0",
    for: "10m",
    summary: "A namespace that Sluice is to watch cannot be read",
    meaning: "Rights are missing, or the API server refuses.",
    impact: "Nothing in that namespace is looked after.",
    look: ["`/readyz` of the operator names the namespace and the reason; so does its log."],
    mend: [
      "`kubectl -n NAMESPACE apply -f deploy/operator/namespace-rights.yaml`. It is noticed within seconds.",
    ],
    fires: {
      series: [['sluice_watched_namespace{namespace="x"}', "0x60"]],
      after: 11,
      labels: { namespace: "x" },
    },
    silent: [{ why: "it is read", series: [['sluice_watched_namespace{namespace="x"}', "1x60"]], after: 20 }],
  },
  {
    name: "SluiceCertificateExpires",
    severity: "warning",
    expr: "sluice_webhook_certificate_expiry_timestamp_seconds - time() < 7 * 24 * 3600",
    for: "10m",
    summary: "The certificate of the admission webhook ends within a week",
    meaning: "It should have been renewed by now, and was not.",
    impact:
      "When it ends, the API server refuses changes of the resources, or lets them through unchecked, as the webhook's failurePolicy says.",
    look: ["The webhook's log.", "`kubectl get validatingwebhookconfigurations -o yaml`: the CA."],
    mend: ["Restart the webhook.", "With cert-manager: `kubectl describe certificate`."],
    fires: {
      series: [["sluice_webhook_certificate_expiry_timestamp_seconds", "500000x60"]],
      after: 12,
      labels: {},
    },
    silent: [
      {
        why: "it lasts for a month",
        series: [["sluice_webhook_certificate_expiry_timestamp_seconds", "2592000x60"]],
        after: 30,
      },
      { why: "there is no webhook", series: [["sluice_leader", "1x60"]], after: 30 },
    ],
  },
];
