/**
 * What a user may choose of an installation: the values of the Helm chart and of `sluice install`. The chart's
 * values.yaml and values.schema.json and the reference page are made from this (tools/generate). Names are those of the
 * Apache operator's chart where they mean the same.
 */
import { type Static, type TSchema, Type } from "typebox";
import { StringEnum, StringMap } from "../api/schema.ts";

/** A value of the Apache operator's chart that a process without a JVM has no use for. */
const IGNORED = "x-sluice-ignored";

function value<T extends TSchema>(schema: T, fallback: Static<T>, description: string): T {
  // A copy: the schema may be shared. TypeBox keeps what it needs in hidden properties.
  const copy: T & { default?: unknown; description?: string } = Object.defineProperties(
    { ...schema },
    Object.getOwnPropertyDescriptors(schema),
  );
  copy.default = fallback;
  copy.description = description;
  return copy;
}

function ignored<T extends TSchema>(schema: T, fallback: Static<T>): T {
  const copy: T & { [IGNORED]?: true } = value(schema, fallback, "Ignored.");
  copy[IGNORED] = true;
  return copy;
}

type Open = Record<string, unknown>;
/** Kubernetes' own types: the API server checks them. */
const Anything = Type.Unsafe<Open>({ type: "object", "x-kubernetes-preserve-unknown-fields": true });
const Anythings = Type.Array(Anything);
const Text = Type.String();
/** Of an object, or empty. */
export const NAME_PATTERN = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$";
const Name = Type.String({ pattern: NAME_PATTERN });
/** Without repetition. */
const Names = Type.Array(Type.String(), { uniqueItems: true });
const Flag = Type.Boolean();
const Port = Type.Unsafe<number>({ type: "integer", format: "int32" });
const Count = Port;
const IntOrText = Type.Unsafe<number | string>({ "x-kubernetes-int-or-string": true });

function role(what: string) {
  return Type.Object({
    create: value(Flag, true, `Make the ${what}.`),
    name: value(Text, "", "Its name; when empty, made of the release's."),
  });
}

const Image = Type.Object(
  {
    repository: value(
      Text,
      "sluice.test/sluice",
      "Where your registry has the image (docs/install.md says how it is made).",
    ),
    tag: value(Text, "dev", "Its tag."),
    digest: value(Text, "", "sha256:…; wins over the tag."),
    pullPolicy: value(StringEnum("Always", "IfNotPresent", "Never"), "IfNotPresent", "When it is pulled."),
  },
  { description: "The image of the operator. Pods that fetch a remote jar use it too." },
);

const Rbac = Type.Object(
  {
    create: value(Flag, true, "Make the roles and bindings below."),
    aggregateRoles: value(
      Flag,
      true,
      "Add rights on Flink resources to Kubernetes' own roles view, edit and admin (ClusterRoles).",
    ),
    nodesRule: Type.Object({ create: ignored(Flag, false) }),
    operatorRole: role("operator's role"),
    operatorRoleBinding: role("operator's binding"),
    jobRole: role("role of Flink's own pods"),
    jobRoleBinding: role("binding of Flink's own pods"),
  },
  { description: "Rights. What each is for: docs/security.md." },
);

const OperatorPod = Type.Object(
  {
    priorityClassName: value(Text, "", "PriorityClass."),
    annotations: value(StringMap, {}, "Annotations of the pod."),
    labels: value(StringMap, {}, "Labels of the pod."),
    env: value(Anythings, [], "More environment variables, as in a container."),
    envFrom: value(Anythings, [], "Environment variables from ConfigMaps and Secrets, as in a container."),
    dnsPolicy: value(Text, "", "DNS policy."),
    dnsConfig: value(Anything, {}, "DNS configuration."),
    nodeSelector: value(StringMap, {}, "Labels of the nodes that are suitable."),
    affinity: value(Anything, {}, "Affinity."),
    tolerations: value(Anythings, [], "Tolerations."),
    topologySpreadConstraints: value(
      Anythings,
      [],
      "How replicas are spread. When empty, several are on different nodes where that is possible.",
    ),
    resources: value(
      Anything,
      { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
      "Requests and limits. 512Mi are good for some thousand jobs.",
    ),
    initContainers: value(Anythings, [], "Containers that run before."),
    sidecarContainers: value(Anythings, [], "Containers that run beside."),
    webhook: Type.Object(
      {
        resources: value(
          Anything,
          { requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "256Mi" } },
          "Requests and limits.",
        ),
        container: Type.Object({
          env: value(Anythings, [], "More environment variables, as in a container."),
        }),
      },
      { description: "The webhook's container, which is in a pod of its own." },
    ),
  },
  { description: "The operator's pod." },
);

const ServiceAccountOf = {
  create: value(Flag, true, "Make it."),
  annotations: value(StringMap, {}, "Annotations, such as those of workload identity."),
};

const KEPT = "helm.sh/resource-policy";

const JobServiceAccount = Type.Object(
  {
    ...ServiceAccountOf,
    annotations: value(
      StringMap,
      { [KEPT]: "keep" },
      "Annotations. It stays when the operator goes, because jobs run on.",
    ),
    name: value(Text, "flink", "Its name, which jobs have in spec.serviceAccount."),
    namespaces: value(
      Names,
      [],
      "Where it is made. When empty: in watchNamespaces; when those are empty, in the operator's own namespace.",
    ),
  },
  {
    description:
      "The account of Flink's own pods: JobManagers make TaskManagers and keep HA metadata with it.",
  },
);

function volumes(what: string) {
  return Type.Object({
    create: value(Flag, false, `Add them.`),
    data: value(Anythings, [], `${what}, as in a pod.`),
  });
}

const Webhook = Type.Object(
  {
    create: value(Flag, false, "Make it: a Deployment beside the operator's. Needs Kubernetes 1.28."),
    replicas: value(Count, 2, "Each answers."),
    validator: Type.Object({ create: value(Flag, true, "Refuse resources with mistakes.") }),
    mutator: Type.Object({ create: value(Flag, true, "Give session jobs the label of their cluster.") }),
    failurePolicy: value(
      StringEnum("Fail", "Ignore"),
      "Fail",
      "While it does not answer, specs can be neither created nor changed (Fail), or pass unseen (Ignore).",
    ),
    certificates: Type.Object(
      {
        secretName: value(
          Text,
          "",
          "A Secret with tls.crt and tls.key, of cert-manager for example. When empty, the webhook makes its own.",
        ),
        annotations: value(
          StringMap,
          {},
          "Annotations of the webhook configurations, such as cert-manager.io/inject-ca-from.",
        ),
      },
      { description: "Certificates." },
    ),
    keystore: Type.Object({
      useDefaultPassword: ignored(Flag, true),
      passwordSecretRef: ignored(Anything, {}),
      pkcs12Profile: ignored(Text, ""),
    }),
    serviceLabels: value(StringMap, {}, "Labels of the webhook's Service."),
  },
  { description: "Admission webhook (docs/webhook.md)." },
);

const DefaultConfiguration = Type.Object(
  {
    create: value(Flag, true, "Give the operator the files below (ConfigMap, folder /conf)."),
    append: value(
      Flag,
      true,
      "Nothing to choose: the image has no files of its own, so that yours are the whole configuration either way.",
    ),
    "config.yaml": value(
      Text,
      "",
      "Options of the operator and defaults of all clusters (docs/operator.md). Read again when they change.",
    ),
    "flink-conf.yaml": value(Text, "", "The same in the format of Flink 1; only one of the two."),
    "log4j-console.properties": value(Text, "", "Log4j configuration of clusters that have none."),
    "logback-console.xml": value(Text, "", "Logback configuration of clusters that have none."),
    "log4j-operator.properties": ignored(Text, ""),
    "logback-operator.xml": ignored(Text, ""),
  },
  { description: "The operator's configuration. A text; `|` in YAML." },
);

const OperatorHealth = Type.Object(
  {
    port: value(Port, 8085, "Port of /healthz, /readyz and /metrics."),
    livenessProbe: Type.Object({
      periodSeconds: value(Count, 10, "Seconds between two questions."),
      initialDelaySeconds: value(Count, 0, "Seconds before the first."),
    }),
    startupProbe: Type.Object({
      failureThreshold: value(Count, 60, "Failures before the container is started again."),
      periodSeconds: value(Count, 1, "Seconds between two questions."),
    }),
  },
  { description: "Health." },
);

function monitor(kind: string) {
  return Type.Object(
    {
      create: value(Flag, false, `Make it. Needs the Prometheus Operator's CRDs.`),
      labels: value(StringMap, {}, "Labels by which Prometheus finds it, such as release: prometheus."),
      interval: value(Text, "", "How often, such as 30s; when empty, Prometheus' own."),
    },
    { description: `${kind} of the operator's metrics, and of the webhook's where there is one.` },
  );
}

const PrometheusRule = Type.Object(
  {
    create: value(Flag, false, "Make it. Needs the Prometheus Operator's CRDs."),
    labels: value(StringMap, {}, "Labels by which Prometheus finds it, such as release: prometheus."),
  },
  {
    description:
      "PrometheusRule with all alerts; each has a runbook (docs/runbooks). SluiceNotLeading fires where nobody scrapes the operator: podMonitor or serviceMonitor.",
  },
);

const GrafanaDashboards = Type.Object(
  {
    create: value(Flag, false, "Make a ConfigMap for each, which Grafana's sidecar loads."),
    namespace: value(
      Text,
      "",
      "Where; when empty, the operator's own namespace. It has to be one in which the sidecar looks.",
    ),
    label: value(Text, "grafana_dashboard", "Label by which the sidecar finds them."),
    labelValue: value(Text, "1", "Its value."),
    annotations: value(
      StringMap,
      {},
      "Annotations, such as grafana_folder: Flink, if that is the sidecar's folderAnnotation.",
    ),
  },
  { description: "Grafana's dashboards (docs/monitoring.md)." },
);

export const ValuesSchema = Type.Object({
  watchNamespaces: value(
    Names,
    [],
    "Namespaces with Flink resources, which have to exist. When empty: all. With names, the operator has rights in these only.",
  ),
  image: Image,
  imagePullSecrets: value(Anythings, [], "Secrets for the registry: [{ name: … }]."),
  replicas: value(Count, 1, "Operators. With several, one acts and the others take over."),
  strategy: Type.Object(
    { type: value(StringEnum("Recreate", "RollingUpdate"), "Recreate", "Recreate or RollingUpdate.") },
    { description: "How the Deployment is updated." },
  ),
  nameOverride: value(Name, "", "In place of the chart's name in names."),
  fullnameOverride: value(Name, "", "The name of everything."),
  commonLabels: value(StringMap, {}, "Labels of every object."),
  crds: Type.Object(
    {
      install: value(Flag, true, "Install the CRDs, and bring them up to date with every upgrade."),
      keep: value(Flag, true, "Leave them on uninstallation. Without them, every Flink resource is deleted."),
    },
    { description: "CustomResourceDefinitions." },
  ),
  rbac: Rbac,
  operatorServiceAccount: Type.Object(
    { ...ServiceAccountOf, name: value(Text, "", "Its name; when empty, the release's.") },
    { description: "The operator's account." },
  ),
  jobServiceAccount: JobServiceAccount,
  operatorPod: OperatorPod,
  operatorVolumeMounts: volumes("Mounts of the operator's container"),
  operatorVolumes: volumes("Volumes of the operator's pod"),
  podSecurityContext: value(
    Anything,
    { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: "RuntimeDefault" } },
    "Security context of the pod. As it is, it passes Pod Security's level restricted.",
  ),
  operatorSecurityContext: value(
    Anything,
    { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    "Security context of the operator's container.",
  ),
  webhookSecurityContext: value(
    Anything,
    { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    "Security context of the webhook's container.",
  ),
  webhook: Webhook,
  defaultConfiguration: DefaultConfiguration,
  logLevel: value(StringEnum("debug", "info", "warn", "error"), "info", "Least level that is logged."),
  operatorHealth: OperatorHealth,
  metrics: Type.Object(
    { port: ignored(Type.Unsafe<number>({ type: "integer", format: "int32" }), 0) },
    { description: "Metrics are on operatorHealth.port." },
  ),
  podMonitor: monitor("PodMonitor"),
  serviceMonitor: monitor("ServiceMonitor, with a Service,"),
  prometheusRule: PrometheusRule,
  grafanaDashboards: GrafanaDashboards,
  podDisruptionBudget: Type.Object(
    {
      create: value(Flag, true, "Make it when there are several replicas."),
      maxUnavailable: value(IntOrText, 1, "How many may be missing at a time, as a number or a percentage."),
    },
    { description: "PodDisruptionBudget." },
  ),
  networkPolicy: Type.Object(
    {
      create: value(Flag, false, "Make it: needed where a namespace denies everything else."),
      ingressFrom: value(
        Anythings,
        [],
        "Who may reach the health and metrics port, as in a NetworkPolicy's `from`. When empty: everybody.",
      ),
      egress: value(
        Anythings,
        [{}],
        "Where the operator may connect to: the API server, DNS, port 8081 of JobManagers, the state storage. [{}]: everywhere.",
      ),
    },
    { description: "NetworkPolicy of the operator." },
  ),
  postStart: value(Anything, {}, "Lifecycle hook of the operator's container."),
  extraObjects: value(Anythings, [], "More objects, applied as they are."),
  logging: Type.Object({ framework: ignored(Text, "log4j2") }),
  jvmArgs: Type.Object({ webhook: ignored(Text, ""), operator: ignored(Text, "") }),
  tls: Type.Object({
    create: ignored(Flag, false),
    secretName: ignored(Text, "flink-operator-cert"),
    secretKeyRef: ignored(Anything, { name: "operator-certificate-password", key: "password" }),
  }),
});

export type Values = Static<typeof ValuesSchema>;
