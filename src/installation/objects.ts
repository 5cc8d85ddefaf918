/**
 * The objects of an installation. `deploy/helm/sluice` says the same in Helm's language: test/integration/installation
 * holds one against the other, object by object.
 */
import { customResourceDefinition } from "../api/crd.ts";
import { kinds } from "../api/kinds.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { configurationFiles } from "./configuration-files.ts";
import { monitoringObjects } from "./monitoring.ts";
import { operatorPodTemplate } from "./operator-pod.ts";
import { labelsOf, type Names, namesOf, type Release, selectorOf } from "./release.ts";
import { roleObjects, serviceAccounts } from "./rights.ts";
import type { Values } from "./values.ts";
import { webhookObjects } from "./webhook.ts";

type Maker = (values: Values, release: Release, names: Names) => readonly KubeObject[];

function meta({ fullname }: Names, release: Release, values: Values, suffix = ""): KubeObject["metadata"] {
  return {
    name: `${fullname}${suffix}`,
    namespace: release.namespace,
    labels: labelsOf(values, release),
  };
}

const crds: Maker = (values, release) =>
  values.crds.install
    ? kinds.map((kind) => {
        const { metadata, ...rest } = customResourceDefinition(kind);
        const keep = values.crds.keep ? { annotations: { "helm.sh/resource-policy": "keep" } } : {};
        return { ...rest, metadata: { ...metadata, labels: labelsOf(values, release), ...keep } };
      })
    : [];

const configuration: Maker = (values, release, names) =>
  values.defaultConfiguration.create
    ? [
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: meta(names, release, values, "-config"),
          data: configurationFiles(values),
        },
      ]
    : [];

const deployment: Maker = (values, release, names) => [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(names, release, values),
    spec: {
      replicas: values.replicas,
      strategy: { type: values.strategy.type },
      selector: { matchLabels: selectorOf(values, release) },
      template: operatorPodTemplate(values, release, names),
    },
  },
];

const disruptionBudget: Maker = (values, release, names) =>
  values.podDisruptionBudget.create && values.replicas > 1
    ? [
        {
          apiVersion: "policy/v1",
          kind: "PodDisruptionBudget",
          metadata: meta(names, release, values),
          spec: {
            maxUnavailable: values.podDisruptionBudget.maxUnavailable,
            selector: { matchLabels: selectorOf(values, release) },
          },
        },
      ]
    : [];

const networkPolicy: Maker = (values, release, names) => {
  const { create, ingressFrom, egress } = values.networkPolicy;
  if (!create) return [];
  const from = ingressFrom.length > 0 ? { from: ingressFrom } : {};
  return [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: meta(names, release, values),
      spec: {
        podSelector: { matchLabels: selectorOf(values, release) },
        policyTypes: ["Ingress", "Egress"],
        ingress: [{ ports: [{ port: values.operatorHealth.port, protocol: "TCP" }], ...from }],
        egress,
      },
    },
  ];
};

const extras: Maker = ({ extraObjects }) => extraObjects as unknown as KubeObject[];

const MAKERS: readonly Maker[] = [
  crds,
  serviceAccounts,
  configuration,
  roleObjects,
  deployment,
  disruptionBudget,
  networkPolicy,
  monitoringObjects,
  extras,
  webhookObjects,
];

/** In an order in which they can be applied. */
export function installationObjects(values: Values, release: Release): KubeObject[] {
  const names = namesOf(values, release);
  return MAKERS.flatMap((make) => make(values, release, names));
}
