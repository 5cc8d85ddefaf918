/** The admission webhook: a process of its own, with rights of its own. */
import type { KubeObject } from "../api/kube-object.ts";
import { configurationFile } from "./configuration-files.ts";
import { FOLDER, given, imageOf, placement, probe, spread, withoutUndefined } from "./operator-pod.ts";
import { labelsOf, type Names, type Release, webhookName } from "./release.ts";
import { bindingIn, roleIn } from "./rights.ts";
import type { Values } from "./values.ts";

const PORT = 9443;
const CERTIFICATES = "/certificates";
const KINDS = ["flinkdeployments", "flinksessionjobs", "flinkstatesnapshots", "flinkbluegreendeployments"];

/** What all of its objects need to be made. */
interface Context {
  readonly values: Values;
  readonly release: Release;
  readonly name: string;
  readonly fullname: string;
  /** It makes its own certificates. */
  readonly makesOwn: boolean;
}

function selector({ name }: Context): Record<string, string> {
  return { "app.kubernetes.io/name": name };
}

function labels(context: Context): Record<string, string> {
  return { ...labelsOf(context.values, context.release), ...selector(context) };
}

function meta(context: Context, suffix = ""): KubeObject["metadata"] {
  const { name, release } = context;
  return { name: `${name}${suffix}`, namespace: release.namespace, labels: labels(context) };
}

function accountAndSecret(context: Context): KubeObject[] {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: meta(context) };
  // Empty: the webhook fills it, and needs no right to make Secrets.
  const secret = { apiVersion: "v1", kind: "Secret", metadata: meta(context, "-certificates") };
  return context.makesOwn ? [account, secret] : [account];
}

function rights(context: Context): KubeObject[] {
  const { values, release, name, makesOwn } = context;
  if (!values.rbac.create) return [];
  const account = { name, namespace: release.namespace };
  const both = (
    place: { readonly name: string; readonly namespace: string | undefined },
    set: "webhookOwn" | "webhookCluster" | "webhookReads",
  ): KubeObject[] => [
    { ...roleIn(values, release, place, set) },
    { ...bindingIn(values, release, place, place.name, account) },
  ];
  const places = values.watchNamespaces.length > 0 ? values.watchNamespaces : [undefined];
  const own = makesOwn
    ? [
        ...both({ name: `${name}-certificates`, namespace: release.namespace }, "webhookOwn"),
        ...both({ name: `${name}-certificates`, namespace: undefined }, "webhookCluster"),
      ]
    : [];
  const made = [...own, ...places.flatMap((namespace) => both({ name, namespace }, "webhookReads"))];
  return made.map((object) => ({ ...object, metadata: { ...object.metadata, labels: labels(context) } }));
}

function service(context: Context): KubeObject {
  const { metadata, ...rest } = { apiVersion: "v1", kind: "Service", metadata: meta(context, "-service") };
  return {
    ...rest,
    metadata: { ...metadata, labels: { ...labels(context), ...context.values.webhook.serviceLabels } },
    spec: {
      selector: selector(context),
      ports: [{ name: "webhook", port: 443, targetPort: "webhook" }],
    },
  };
}

function args({ values, name, makesOwn }: Context): string[] {
  return [
    "webhook",
    ...(values.defaultConfiguration.create ? [`--config=${FOLDER}/${configurationFile(values)}`] : []),
    `--port=${PORT}`,
    `--health-port=${values.operatorHealth.port}`,
    `--service=${name}-service`,
    `--log-level=${values.logLevel}`,
    ...(makesOwn
      ? [`--secret=${name}-certificates`, `--configuration=${name}`]
      : [`--certificates=${CERTIFICATES}`]),
  ];
}

function container(context: Context): unknown {
  const { values, makesOwn } = context;
  const mounts = [
    ...(values.defaultConfiguration.create ? [{ name: "conf", mountPath: FOLDER, readOnly: true }] : []),
    ...(makesOwn ? [] : [{ name: "certificates", mountPath: CERTIFICATES, readOnly: true }]),
  ];
  const { container: more, resources } = values.operatorPod.webhook;
  return withoutUndefined({
    name: "webhook",
    image: imageOf(values),
    imagePullPolicy: values.image.pullPolicy,
    args: args(context),
    env: [
      { name: "SLUICE_POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      ...more.env,
    ],
    ports: [
      { name: "webhook", containerPort: PORT },
      { name: "health", containerPort: values.operatorHealth.port },
    ],
    startupProbe: probe("/healthz", values.operatorHealth.startupProbe),
    livenessProbe: probe("/healthz", values.operatorHealth.livenessProbe),
    readinessProbe: probe("/readyz", { periodSeconds: 1 }),
    resources: given(resources),
    securityContext: given(values.webhookSecurityContext),
    volumeMounts: given(mounts),
  });
}

function deployment(context: Context): KubeObject {
  const { values, fullname, name, makesOwn } = context;
  const { replicas, certificates } = values.webhook;
  const volumes = [
    ...(values.defaultConfiguration.create
      ? [{ name: "conf", configMap: { name: `${fullname}-config` } }]
      : []),
    ...(makesOwn ? [] : [{ name: "certificates", secret: { secretName: certificates.secretName } }]),
  ];
  const spec = withoutUndefined({
    serviceAccountName: name,
    ...placement(values),
    topologySpreadConstraints: given(spread(values, replicas, selector(context))),
    containers: [container(context)],
    volumes: given(volumes),
  });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(context),
    spec: {
      replicas,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: selector(context) },
      template: { metadata: { labels: labels(context) }, spec },
    },
  };
}

function disruptionBudget(context: Context): KubeObject[] {
  const { podDisruptionBudget: budget, webhook } = context.values;
  if (!budget.create || webhook.replicas <= 1) return [];
  const spec = { maxUnavailable: budget.maxUnavailable, selector: { matchLabels: selector(context) } };
  return [{ apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: meta(context), spec }];
}

/** The API server calls, from addresses that nobody knows beforehand. */
function networkPolicy(context: Context): KubeObject[] {
  const { networkPolicy: policy, operatorHealth } = context.values;
  if (!policy.create) return [];
  const from = policy.ingressFrom.length > 0 ? { from: policy.ingressFrom } : {};
  const spec = {
    podSelector: { matchLabels: selector(context) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { ports: [{ port: PORT, protocol: "TCP" }] },
      { ports: [{ port: operatorHealth.port, protocol: "TCP" }], ...from },
    ],
    egress: policy.egress,
  };
  return [{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: meta(context), spec }];
}

/** Namespaces opt out by a label; with named namespaces, these alone are asked about. */
function namespaceSelector({ watchNamespaces: names }: Values): object {
  const watched = { key: "kubernetes.io/metadata.name", operator: "In", values: names };
  return {
    matchExpressions: [
      { key: "sluice/webhook", operator: "NotIn", values: ["ignore"] },
      ...(names.length > 0 ? [watched] : []),
    ],
  };
}

function configuration(
  context: Context,
  kind: "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
  webhook: { readonly name: string; readonly path: string; readonly [field: string]: unknown },
  resources: readonly string[],
): KubeObject {
  const { values, release, name } = context;
  const { path, ...rest } = webhook;
  const { namespace: _, ...metadata } = meta(context);
  const { annotations } = values.webhook.certificates;
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind,
    metadata:
      Object.keys(annotations).length > 0 ? { ...metadata, annotations: { ...annotations } } : metadata,
    webhooks: [
      {
        ...rest,
        clientConfig: { service: { name: `${name}-service`, namespace: release.namespace, path } },
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        timeoutSeconds: 5,
        namespaceSelector: namespaceSelector(values),
        rules: [
          {
            apiGroups: ["flink.apache.org"],
            apiVersions: ["v1beta1"],
            resources,
            operations: ["CREATE", "UPDATE"],
            scope: "Namespaced",
          },
        ],
      },
    ],
  };
}

function configurations(context: Context): KubeObject[] {
  const { validator, mutator, failurePolicy } = context.values.webhook;
  const validate = {
    name: "validate.flink.apache.org",
    path: "/validate",
    failurePolicy,
    // Decided by the API server alone: a webhook that is down holds up nothing that it has no opinion about.
    matchConditions: [
      { name: "spec-changes", expression: "request.operation == 'CREATE' || object.spec != oldObject.spec" },
      { name: "not-being-deleted", expression: "!has(object.metadata.deletionTimestamp)" },
    ],
  };
  const mutate = {
    name: "mutate.flink.apache.org",
    path: "/mutate",
    // A label by which session jobs are found; nothing depends on it.
    failurePolicy: "Ignore",
    matchConditions: [
      {
        name: "label-differs",
        expression:
          "!has(object.metadata.deletionTimestamp) && (!has(object.metadata.labels) || !('target.session' in object.metadata.labels) || object.metadata.labels['target.session'] != object.spec.deploymentName)",
      },
    ],
  };
  return [
    ...(validator.create ? [configuration(context, "ValidatingWebhookConfiguration", validate, KINDS)] : []),
    ...(mutator.create
      ? [configuration(context, "MutatingWebhookConfiguration", mutate, ["flinksessionjobs"])]
      : []),
  ];
}

export function webhookObjects(values: Values, release: Release, { fullname }: Names): KubeObject[] {
  if (!values.webhook.create) return [];
  const makesOwn = values.webhook.certificates.secretName === "";
  const context = { values, release, fullname, name: webhookName(fullname), makesOwn };
  return [
    ...accountAndSecret(context),
    ...rights(context),
    service(context),
    deployment(context),
    ...disruptionBudget(context),
    ...networkPolicy(context),
    ...configurations(context),
  ];
}
