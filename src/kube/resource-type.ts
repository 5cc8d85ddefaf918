/** The resource types Sluice reads or writes, by their place in the API server's paths. */

export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const PODS = define("v1", "pods", "Pod");
export const SERVICES = define("v1", "services", "Service");
export const CONFIG_MAPS = define("v1", "configmaps", "ConfigMap");
/** core/v1 Events: what the Apache operator writes and `kubectl describe` shows. */
export const EVENTS = define("v1", "events", "Event");
export const SERVICE_ACCOUNTS = define("v1", "serviceaccounts", "ServiceAccount");
export const NAMESPACES = define("v1", "namespaces", "Namespace", false);
export const DEPLOYMENTS = define("apps/v1", "deployments", "Deployment");
export const LEASES = define("coordination.k8s.io/v1", "leases", "Lease");
export const INGRESSES = define("networking.k8s.io/v1", "ingresses", "Ingress");
export const POD_MONITORS = define("monitoring.coreos.com/v1", "podmonitors", "PodMonitor");
export const SERVICE_MONITORS = define("monitoring.coreos.com/v1", "servicemonitors", "ServiceMonitor");
export const CRDS = define(
  "apiextensions.k8s.io/v1",
  "customresourcedefinitions",
  "CustomResourceDefinition",
  false,
);
export const SECRETS = define("v1", "secrets", "Secret");
export const VALIDATING_WEBHOOKS = define(
  "admissionregistration.k8s.io/v1",
  "validatingwebhookconfigurations",
  "ValidatingWebhookConfiguration",
  false,
);
export const MUTATING_WEBHOOKS = define(
  "admissionregistration.k8s.io/v1",
  "mutatingwebhookconfigurations",
  "MutatingWebhookConfiguration",
  false,
);
export const FLINK_DEPLOYMENTS = define("flink.apache.org/v1beta1", "flinkdeployments", "FlinkDeployment");
export const FLINK_SESSION_JOBS = define("flink.apache.org/v1beta1", "flinksessionjobs", "FlinkSessionJob");
export const FLINK_STATE_SNAPSHOTS = define(
  "flink.apache.org/v1beta1",
  "flinkstatesnapshots",
  "FlinkStateSnapshot",
);
export const FLINK_BLUE_GREEN_DEPLOYMENTS = define(
  "flink.apache.org/v1beta1",
  "flinkbluegreendeployments",
  "FlinkBlueGreenDeployment",
);

const KNOWN: readonly ResourceType[] = [
  PODS,
  SERVICES,
  CONFIG_MAPS,
  EVENTS,
  SERVICE_ACCOUNTS,
  NAMESPACES,
  DEPLOYMENTS,
  LEASES,
  INGRESSES,
  POD_MONITORS,
  SERVICE_MONITORS,
  CRDS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  FLINK_STATE_SNAPSHOTS,
  FLINK_BLUE_GREEN_DEPLOYMENTS,
];

/** `v1`, or `group/version`. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** The type of an object, found by its apiVersion and kind; undefined for one that Sluice does not handle. */
export function resourceTypeOf(object: { apiVersion: string; kind: string }): ResourceType | undefined {
  return KNOWN.find((type) => type.kind === object.kind && apiVersionOf(type) === object.apiVersion);
}

function define(apiVersion: string, plural: string, kind: string, namespaced = true): ResourceType {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  return { group, version: apiVersion.slice(slash + 1), plural, kind, namespaced };
}
