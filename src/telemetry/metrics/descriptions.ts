/**
 * Every metric of the operator: `/metrics` is made from it, and so is docs/reference/metrics.md. Names that other
 * controllers or the Apache operator have mean here what they mean there.
 */
import { counter, type Description, gauge, histogram, summary } from "./description.ts";

const PASS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const CALL_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** How long a job stands still, and what it stands still for. */
const UPGRADE_SECONDS = [0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800];

/** They count what happens. */
export const RECORDED = {
  reconciles: counter(
    "controller_runtime_reconcile_total",
    "Passes over resources, by result: success (nothing more until something changes), requeue_after (comes again by itself), requeue (comes again after a back-off), error (a defect, comes again after a back-off).",
    "controller",
    "result",
  ),
  reconcileErrors: counter(
    "controller_runtime_reconcile_errors_total",
    "Passes that ended with an error.",
    "controller",
  ),
  reconcileSeconds: histogram(
    "controller_runtime_reconcile_time_seconds",
    "Length of a pass over one resource, calls included.",
    PASS_SECONDS,
    "controller",
  ),
  maxConcurrent: gauge(
    "controller_runtime_max_concurrent_reconciles",
    "Resources that a controller handles at a time, at most.",
    "controller",
  ),
  queueAdds: counter("workqueue_adds_total", "Resources that were put into the queue.", "name"),
  queueRetries: counter(
    "workqueue_retries_total",
    "Resources that were put into the queue after a back-off.",
    "name",
  ),
  queueSeconds: histogram(
    "workqueue_queue_duration_seconds",
    "How long a resource waited for a free worker.",
    PASS_SECONDS,
    "name",
  ),
  workSeconds: histogram(
    "workqueue_work_duration_seconds",
    "How long a worker was busy with a resource.",
    PASS_SECONDS,
    "name",
  ),
  kubeRequests: counter(
    "rest_client_requests_total",
    "Requests to the API server, by answer. Code <error>: no answer.",
    "code",
    "method",
    "host",
  ),
  kubeSeconds: histogram(
    "rest_client_request_duration_seconds",
    "How long the API server took to answer; without watches, which last.",
    CALL_SECONDS,
    "verb",
    "host",
  ),
  flinkRequests: counter(
    "sluice_flink_requests_total",
    "Calls of Flink's REST API, by answer: an HTTP status, or timeout, unreachable, garbage. Routes have :id in place of ids.",
    "method",
    "route",
    "code",
  ),
  flinkSeconds: histogram(
    "sluice_flink_request_duration_seconds",
    "How long a JobManager took to answer.",
    CALL_SECONDS,
    "route",
  ),
  actions: counter(
    "sluice_actions_total",
    "What was done to the world, by kind of action and result: success, failure.",
    "action",
    "result",
  ),
  actionSeconds: histogram(
    "sluice_action_duration_seconds",
    "How long the calls of an action took.",
    CALL_SECONDS,
    "action",
  ),
  upgradeSeconds: histogram(
    "sluice_upgrade_duration_seconds",
    "Upgrades and rollbacks from their begin to their end, by what came of them: running, suspended, finished, failed; unchanged when the job ran on and it is tried again.",
    UPGRADE_SECONDS,
    "kind",
    "upgrade_mode",
    "outcome",
  ),
  upgradeStepSeconds: histogram(
    "sluice_upgrade_step_duration_seconds",
    "Time in each step of an upgrade; the steps are the reasons of the condition Reconciling.",
    UPGRADE_SECONDS,
    "kind",
    "step",
  ),
  upgradeDowntimeSeconds: histogram(
    "sluice_upgrade_downtime_seconds",
    "From when the job was seen not to run any more until it was seen RUNNING again, for each upgrade of a job. As exact as the pace of passes (kubernetes.operator.observer.progress-check.interval).",
    UPGRADE_SECONDS,
    "kind",
    "upgrade_mode",
  ),
  notifications: counter(
    "sluice_notifications_total",
    "Notifications of a receiver (sluice.notifications.NAME) by what became of them: sent, rejected (by the receiver, for good), expired (tried for 15 minutes), dropped (too many were waiting, or the operator ended).",
    "receiver",
    "result",
  ),
  notificationRetries: counter(
    "sluice_notification_retries_total",
    "Requests to a receiver that failed and were made again.",
    "receiver",
  ),
  notificationsWaiting: gauge(
    "sluice_notifications_waiting",
    "Notifications that a receiver has not been sent yet.",
    "receiver",
  ),
  leader: gauge("sluice_leader", "1: this process acts. 0: another one does, or this one is about to."),
} as const satisfies Record<string, Description>;

/** Of the webhook's own process. */
export const WEBHOOK = {
  requests: counter(
    "controller_runtime_webhook_requests_total",
    "Admission requests, by HTTP status.",
    "webhook",
    "code",
  ),
  seconds: histogram(
    "controller_runtime_webhook_latency_seconds",
    "How long admission requests take.",
    CALL_SECONDS,
    "webhook",
  ),
  refusals: counter("sluice_webhook_refusals_total", "Admission requests that were refused."),
  certificateExpiry: gauge(
    "sluice_webhook_certificate_expiry_timestamp_seconds",
    "When the certificate that is served ends, in seconds since 1970.",
  ),
} as const satisfies Record<string, Description>;

/** `namespace` would be the operator's, once Prometheus has put its own labels to a series. */
const RESOURCE = ["kind", "resource_namespace", "name"] as const;

/** They are what is there when somebody asks. */
export const SCRAPED = {
  queueDepth: gauge("workqueue_depth", "Resources that wait for a free worker.", "name"),
  queueUnfinished: gauge(
    "workqueue_unfinished_work_seconds",
    "For how long the resources that are being handled have been, added up.",
    "name",
  ),
  queueLongest: gauge(
    "workqueue_longest_running_processor_seconds",
    "For how long the resource that has been handled longest has been.",
    "name",
  ),
  activeWorkers: gauge(
    "controller_runtime_active_workers",
    "Resources that are being handled.",
    "controller",
  ),
  watchedNamespace: gauge(
    "sluice_watched_namespace",
    "1: the namespace is reconciled. 0: it is to be, and cannot be read.",
    "namespace",
  ),
  ready: gauge("sluice_resource_ready", "1: the condition Ready is True.", ...RESOURCE),
  stalled: gauge(
    "sluice_resource_stalled",
    "1 while the condition Stalled is True: a person has to act.",
    ...RESOURCE,
    "reason",
  ),
  lifecycleState: gauge(
    "sluice_resource_lifecycle_state",
    "1 for the state that the resource is in (status.lifecycleState); the other states have no series.",
    ...RESOURCE,
    "state",
  ),
  jobState: gauge(
    "sluice_resource_job_state",
    "1 for the state that the job was last seen in (status.jobStatus.state).",
    ...RESOURCE,
    "state",
  ),
  jobManagerStatus: gauge(
    "sluice_resource_jobmanager_status",
    "1 for what is known of the JobManager's Deployment (status.jobManagerDeploymentStatus).",
    ...RESOURCE,
    "status",
  ),
  info: gauge(
    "sluice_resource_info",
    "1, with what the resource asks for.",
    ...RESOURCE,
    "flink_version",
    "mode",
    "upgrade_mode",
  ),
  cpuRequest: gauge("sluice_resource_cpu_request_cores", "CPU that the cluster's pods request.", ...RESOURCE),
  memoryRequest: gauge(
    "sluice_resource_memory_request_bytes",
    "Memory that the cluster's pods request.",
    ...RESOURCE,
  ),
  withoutSeries: gauge(
    "sluice_resources_without_series",
    "Resources that have no sluice_resource_ series, because there are more than sluice.metrics.resource-series.max.",
  ),
} as const satisfies Record<string, Description>;

const SYSTEM = ["host", "namespace", "name"] as const;
const NAMESPACE = [...SYSTEM, "resourcens", "resourcetype"] as const;

/** The Apache operator's, under the names that its Prometheus reporter gives them. `<X>`: see docs. */
export const APACHE = {
  count: gauge("flink_k8soperator_namespace_Count", "Resources of a kind in a namespace.", ...NAMESPACE),
  stateCount: gauge(
    "flink_k8soperator_namespace_Lifecycle_State_<X>_Count",
    "Resources in the lifecycle state <X>.",
    ...NAMESPACE,
  ),
  jmStatusCount: gauge(
    "flink_k8soperator_namespace_JmDeploymentStatus_<X>_Count",
    "FlinkDeployments whose JobManager Deployment is <X>.",
    ...NAMESPACE,
  ),
  versionCount: gauge(
    "flink_k8soperator_namespace_FlinkVersion_<X>_Count",
    "FlinkDeployments that run Flink <X>, by what their JobManagers say: 1_20_1.",
    ...NAMESPACE,
  ),
  minorVersionCount: gauge(
    "flink_k8soperator_namespace_FlinkMinorVersion_<X>_Count",
    "FlinkDeployments that run Flink <X>: 1_20.",
    ...NAMESPACE,
  ),
  cpu: gauge(
    "flink_k8soperator_namespace_ResourceUsage_Cpu",
    "CPU that the pods of FlinkDeployments request.",
    ...NAMESPACE,
  ),
  memory: gauge(
    "flink_k8soperator_namespace_ResourceUsage_Memory",
    "Memory that the pods of FlinkDeployments request, in bytes.",
    ...NAMESPACE,
  ),
  snapshotCount: gauge(
    "flink_k8soperator_namespace_<X>_Count",
    "FlinkStateSnapshots of the kind <X>: Savepoint, Checkpoint.",
    ...NAMESPACE,
  ),
  snapshotStateCount: gauge(
    "flink_k8soperator_namespace_<X>_Count",
    "FlinkStateSnapshots by kind and state, <X>: Savepoint_State_COMPLETED.",
    ...NAMESPACE,
  ),
  stateTime: summary(
    "flink_k8soperator_<X>_TimeSeconds",
    "Seconds spent in a lifecycle state, all namespaces together, <X>: FlinkDeployment_Lifecycle_State_UPGRADING.",
    ...SYSTEM,
  ),
  transitionTime: summary(
    "flink_k8soperator_<X>_TimeSeconds",
    "Seconds that a transition took, all namespaces together, <X>: FlinkDeployment_Lifecycle_Transition_Upgrade. Transitions: Resume, Upgrade, Suspend, Stabilization, Rollback, Submission.",
    ...SYSTEM,
  ),
  namespaceTime: summary(
    "flink_k8soperator_namespace_<X>_TimeSeconds",
    "The same by namespace, <X>: Lifecycle_State_UPGRADING or Lifecycle_Transition_Upgrade. Without kubernetes.operator.resource.lifecycle.namespace.histograms.enabled: none.",
    ...NAMESPACE,
  ),
  clientRequests: counter(
    "flink_k8soperator_KubeClient_HttpRequest_<X>Count",
    "Requests to the API server; with <X> by method (GET_), failed (Failed_) or longer than 5 s (Slow_).",
    ...SYSTEM,
  ),
  clientResponses: counter(
    "flink_k8soperator_KubeClient_HttpResponse_<X>Count",
    "Answers of the API server; with <X> by status (200_).",
    ...SYSTEM,
  ),
} as const satisfies Record<string, Description>;
