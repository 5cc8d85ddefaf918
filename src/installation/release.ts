/** What an installation is called, and the labels of its objects. */
import type { Values } from "./values.ts";

/** The chart's. */
const CHART = "sluice";
/** Longest value of a label, and of a name that is one. */
const LIMIT = 63;

export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  /** What installs it: `app.kubernetes.io/managed-by`. */
  readonly service: string;
}

export interface Names {
  readonly fullname: string;
  readonly serviceAccount: string;
  readonly operatorRole: string;
  readonly operatorRoleBinding: string;
  readonly jobRole: string;
  readonly jobRoleBinding: string;
}

function short(name: string): string {
  return name.slice(0, LIMIT).replace(/-$/, "");
}

function orElse(name: string, fallback: string): string {
  return name === "" ? fallback : name;
}

function fullnameOf({ fullnameOverride, nameOverride }: Values, { name }: Release): string {
  if (fullnameOverride !== "") return short(fullnameOverride);
  const chart = orElse(nameOverride, CHART);
  return short(name.includes(chart) ? name : `${name}-${chart}`);
}

export function namesOf(values: Values, release: Release): Names {
  const fullname = fullnameOf(values, release);
  const { rbac, operatorServiceAccount } = values;
  return {
    fullname,
    // Without one of its own, the namespace's.
    serviceAccount: orElse(operatorServiceAccount.name, operatorServiceAccount.create ? fullname : "default"),
    operatorRole: orElse(rbac.operatorRole.name, fullname),
    operatorRoleBinding: orElse(rbac.operatorRoleBinding.name, fullname),
    jobRole: orElse(rbac.jobRole.name, `${fullname}-job`),
    jobRoleBinding: orElse(rbac.jobRoleBinding.name, `${fullname}-job`),
  };
}

/** Of the webhook's objects, and the label of its pods. */
export function webhookName(fullname: string): string {
  return `${fullname}-webhook`;
}

/** By which the operator's pods are found; never changes, as a Deployment's selector cannot. */
export function selectorOf(values: Values, release: Release): Record<string, string> {
  return { "app.kubernetes.io/name": fullnameOf(values, release) };
}

export function labelsOf(values: Values, release: Release): Record<string, string> {
  return {
    ...values.commonLabels,
    ...selectorOf(values, release),
    "app.kubernetes.io/instance": release.name,
    "app.kubernetes.io/version": release.version,
    "app.kubernetes.io/part-of": CHART,
    "app.kubernetes.io/managed-by": release.service,
  };
}
