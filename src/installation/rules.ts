/**
 * Every right that Sluice asks for, and what it is for. The chart's roles, those of `sluice install` and the manifests
 * in deploy are made from these (`npm run generate`).
 */

export interface Rule {
  readonly why: string;
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const FLINK = ["flink.apache.org"];
const CORE = [""];
const APPS = ["apps"];

/** In names of rules: what everything of an installation is called after. */
const NAME = "FULLNAME";

/** In each watched namespace, or in all. */
const operator: readonly Rule[] = [
  {
    why: "The resources themselves: read the spec, write the status, hold the finalizer.",
    apiGroups: FLINK,
    resources: ["flinkdeployments", "flinksessionjobs"],
    verbs: ["get", "list", "watch", "patch"],
  },
  {
    why: "Their status.",
    apiGroups: FLINK,
    resources: ["flinkdeployments/status", "flinksessionjobs/status"],
    verbs: ["get", "update", "patch"],
  },
  {
    why: "Setting a blocking owner reference to the resource.",
    apiGroups: FLINK,
    resources: ["flinkdeployments/finalizers"],
    verbs: ["update"],
  },
  {
    why: "Savepoints and checkpoints: those that users make, and those that Sluice makes and cleans up.",
    apiGroups: FLINK,
    resources: ["flinkstatesnapshots"],
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
  },
  {
    why: "Their status.",
    apiGroups: FLINK,
    resources: ["flinkstatesnapshots/status"],
    verbs: ["get", "update", "patch"],
  },
  {
    why: "The JobManager, and the TaskManagers of a standalone cluster.",
    apiGroups: APPS,
    resources: ["deployments"],
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
  },
  {
    why: "Setting a blocking owner reference to the JobManager.",
    apiGroups: APPS,
    resources: ["deployments/finalizers"],
    verbs: ["update"],
  },
  {
    why: "The cluster's Services, whose labels and annotations follow the job file.",
    apiGroups: CORE,
    resources: ["services"],
    verbs: ["get", "list", "create", "patch", "delete"],
  },
  {
    why: "Flink's configuration and its HA metadata.",
    apiGroups: CORE,
    resources: ["configmaps"],
    verbs: ["get", "list", "create", "patch", "delete"],
  },
  {
    why: "Why pods do not run.",
    apiGroups: CORE,
    resources: ["pods"],
    verbs: ["get", "list", "watch"],
  },
  {
    why: "What a JobManager that crashes said last, where its pod's status does not tell.",
    apiGroups: CORE,
    resources: ["pods/log"],
    verbs: ["get"],
  },
  {
    why: "Whether a namespace goes with everything in it: then nothing is waited for that cannot come any more.",
    apiGroups: CORE,
    resources: ["namespaces"],
    verbs: ["get"],
  },
  {
    why: "Events about resources, found again and counted up; events about pods, for their reasons.",
    apiGroups: CORE,
    resources: ["events"],
    verbs: ["create", "get", "list", "patch", "update"],
  },
  {
    why: "The cluster's Ingress, which comes back when it is changed by hand.",
    apiGroups: ["networking.k8s.io"],
    resources: ["ingresses"],
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
  },
  {
    why: "With sluice.metrics.monitor: what a Prometheus finds the clusters by.",
    apiGroups: ["monitoring.coreos.com"],
    resources: ["podmonitors", "servicemonitors"],
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
  },
];

/** In the operator's own namespace. */
const own: readonly Rule[] = [
  {
    why: "Which of several operators acts. (The configuration may give the Lease another name, so that none is named here.)",
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: ["get", "create", "update", "patch"],
  },
];

/** Of the admission webhook's account, in its own namespace. */
const webhookOwn: readonly Rule[] = [
  {
    why: "Its certificates, in its own Secret, which is made for it: it may make none.",
    apiGroups: CORE,
    resources: ["secrets"],
    resourceNames: [`${NAME}-webhook-certificates`],
    verbs: ["get", "update"],
  },
];

/** Of the admission webhook's account, for the cluster. */
const webhookCluster: readonly Rule[] = [
  {
    why: "To say in its own configurations which authority signs.",
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
    resourceNames: [`${NAME}-webhook`],
    verbs: ["get", "update"],
  },
];

/** Of the admission webhook's account, in each watched namespace or in all. */
const webhookReads: readonly Rule[] = [
  {
    why: "The session cluster of a job, and the job of a snapshot.",
    apiGroups: FLINK,
    resources: ["flinkdeployments", "flinksessionjobs"],
    verbs: ["get"],
  },
];

/** Of Flink's own pods, where jobs run. */
const job: readonly Rule[] = [
  {
    why: "JobManagers make TaskManagers, and keep HA metadata in ConfigMaps.",
    apiGroups: CORE,
    resources: ["pods", "configmaps"],
    verbs: ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
  },
  {
    why: "The address by which TaskManagers reach the JobManager.",
    apiGroups: CORE,
    resources: ["services"],
    verbs: ["get", "list"],
  },
  {
    why: "The JobManager's own Deployment, which owns its TaskManagers.",
    apiGroups: APPS,
    resources: ["deployments"],
    verbs: ["get", "list", "watch"],
  },
  {
    why: "Setting a blocking owner reference to it.",
    apiGroups: APPS,
    resources: ["deployments/finalizers"],
    verbs: ["update"],
  },
];

const KINDS = ["flinkdeployments", "flinksessionjobs", "flinkstatesnapshots", "flinkbluegreendeployments"];
const statusOf = (kinds: readonly string[]): string[] => kinds.map((kind) => `${kind}/status`);

/** Of people, added to Kubernetes' role of that name. */
const view: readonly Rule[] = [
  {
    why: "Looking at Flink resources.",
    apiGroups: FLINK,
    resources: [...KINDS, ...statusOf(KINDS)],
    verbs: ["get", "list", "watch"],
  },
];
const edit: readonly Rule[] = [
  {
    why: "Running jobs.",
    apiGroups: FLINK,
    resources: KINDS,
    verbs: ["create", "update", "patch", "delete", "deletecollection"],
  },
  {
    why: "kubectl scale, and autoscalers.",
    apiGroups: FLINK,
    resources: ["flinkdeployments/scale"],
    verbs: ["get", "update", "patch"],
  },
];
const admin: readonly Rule[] = [
  {
    why: "Mending a status by hand, when the documentation of a failure asks for it.",
    apiGroups: FLINK,
    resources: statusOf(KINDS),
    verbs: ["update", "patch"],
  },
];

export const RULES = {
  operator,
  own,
  job,
  view,
  edit,
  admin,
  webhookOwn,
  webhookCluster,
  webhookReads,
} as const;
export type RuleSet = keyof typeof RULES;

/** As Kubernetes has it. */
function policyRule(described: Rule, fullname: string): Omit<Rule, "why"> {
  const { why: _, resourceNames, ...rule } = described;
  if (resourceNames === undefined) return rule;
  return { ...rule, resourceNames: resourceNames.map((name) => name.replace(NAME, fullname)) };
}

export function policyRules(set: RuleSet, fullname = NAME): Omit<Rule, "why">[] {
  return RULES[set].map((rule) => policyRule(rule, fullname));
}
