/** Accounts, roles and bindings: cluster-wide, or in the watched namespaces alone. */
import type { KubeObject } from "../api/kube-object.ts";
import { labelsOf, type Names, namesOf, type Release } from "./release.ts";
import { policyRules, type RuleSet } from "./rules.ts";
import type { Values } from "./values.ts";

const RBAC = "rbac.authorization.k8s.io";
/** What running jobs need stays, as they do. */
const KEEP = { "helm.sh/resource-policy": "keep" };

/** Where Flink's own pods get an account. */
function jobNamespaces({ jobServiceAccount, watchNamespaces }: Values, release: Release): readonly string[] {
  if (jobServiceAccount.namespaces.length > 0) return jobServiceAccount.namespaces;
  return watchNamespaces.length > 0 ? watchNamespaces : [release.namespace];
}

export function serviceAccounts(values: Values, release: Release, names: Names): KubeObject[] {
  const { operatorServiceAccount: operator, jobServiceAccount: job } = values;
  const account = (
    name: string,
    namespace: string,
    annotations: Readonly<Record<string, string>>,
  ): KubeObject => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: {
      name,
      namespace,
      labels: labelsOf(values, release),
      ...(Object.keys(annotations).length > 0 ? { annotations: { ...annotations } } : {}),
    },
  });
  const accounts = operator.create
    ? [account(names.serviceAccount, release.namespace, operator.annotations)]
    : [];
  if (!job.create) return accounts;
  const jobs = jobNamespaces(values, release).map((namespace) =>
    account(job.name, namespace, job.annotations),
  );
  return [...accounts, ...jobs];
}

interface Place {
  readonly name: string;
  /** Undefined: cluster-wide. */
  readonly namespace: string | undefined;
}

function at({ name, namespace }: Place): { name: string; namespace?: string } {
  return namespace === undefined ? { name } : { name, namespace };
}

export function roleIn(
  values: Values,
  release: Release,
  place: Place,
  set: RuleSet,
  annotations = {},
): KubeObject {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: place.namespace === undefined ? "ClusterRole" : "Role",
    metadata: { ...at(place), labels: labelsOf(values, release), ...annotations },
    rules: policyRules(set, namesOf(values, release).fullname),
  };
}

export function bindingIn(
  values: Values,
  release: Release,
  place: Place,
  role: string,
  account: { readonly name: string; readonly namespace: string },
  annotations = {},
): KubeObject {
  const scope = place.namespace === undefined ? "Cluster" : "";
  return {
    apiVersion: `${RBAC}/v1`,
    kind: `${scope}RoleBinding`,
    metadata: { ...at(place), labels: labelsOf(values, release), ...annotations },
    roleRef: { apiGroup: RBAC, kind: `${scope}Role`, name: role },
    subjects: [{ kind: "ServiceAccount", ...account }],
  };
}

function operatorRights(values: Values, release: Release, names: Names): KubeObject[] {
  const { operatorRole, operatorRoleBinding } = values.rbac;
  const account = { name: names.serviceAccount, namespace: release.namespace };
  const { watchNamespaces } = values;
  const places = watchNamespaces.length > 0 ? watchNamespaces : [undefined];
  const own = `${names.fullname}-own`;
  const home = { name: own, namespace: release.namespace };
  return [
    ...places.flatMap((namespace) => {
      const role = { name: names.operatorRole, namespace };
      const binding = { name: names.operatorRoleBinding, namespace };
      return [
        ...(operatorRole.create ? [roleIn(values, release, role, "operator")] : []),
        ...(operatorRoleBinding.create ? [bindingIn(values, release, binding, role.name, account)] : []),
      ];
    }),
    ...(operatorRole.create ? [roleIn(values, release, home, "own")] : []),
    ...(operatorRoleBinding.create ? [bindingIn(values, release, home, own, account)] : []),
  ];
}

function jobRights(values: Values, release: Release, names: Names): KubeObject[] {
  const { jobRole, jobRoleBinding } = values.rbac;
  const kept = { annotations: KEEP };
  return jobNamespaces(values, release).flatMap((namespace) => {
    const role = { name: names.jobRole, namespace };
    const binding = { name: names.jobRoleBinding, namespace };
    const account = { name: values.jobServiceAccount.name, namespace };
    return [
      ...(jobRole.create ? [roleIn(values, release, role, "job", kept)] : []),
      ...(jobRoleBinding.create ? [bindingIn(values, release, binding, role.name, account, kept)] : []),
    ];
  });
}

const PEOPLE = ["view", "edit", "admin"] as const;

/** Added by the API server to its own roles of these names, which hold one another: view in edit, edit in admin. */
function peoplesRights(values: Values, release: Release, { fullname }: Names): KubeObject[] {
  if (!values.rbac.aggregateRoles) return [];
  return PEOPLE.map((set) => {
    const role = roleIn(values, release, { name: `${fullname}-${set}`, namespace: undefined }, set);
    const labels = { ...role.metadata.labels, [`${RBAC}/aggregate-to-${set}`]: "true" };
    return { ...role, metadata: { ...role.metadata, labels } };
  });
}

export function roleObjects(values: Values, release: Release, names: Names): KubeObject[] {
  if (!values.rbac.create) return [];
  return [
    ...operatorRights(values, release, names),
    ...jobRights(values, release, names),
    ...peoplesRights(values, release, names),
  ];
}
