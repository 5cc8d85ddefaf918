/** What the rules look at: a spec after its defaults, without values of a wrong type, and its configuration. */
import { type DefaultedSpec, withSpecDefaults } from "../../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../../flink/configuration.ts";
import { type Finding, parsePath } from "./finding.ts";

export interface Subject {
  readonly name: string;
  readonly namespace: string;
  readonly spec: DefaultedSpec;
  /** Operator defaults and the spec's own configuration. */
  readonly config: FlinkConfiguration;
  /** The spec's own configuration. */
  readonly own: FlinkConfiguration;
  /** The operator's own, for options that count there only. */
  readonly operator: FlinkConfiguration;
  readonly last: DefaultedSpec | undefined;
}

export type Rule = (subject: Subject) => readonly Finding[];

/** A copy without the fields of the findings, so that rules can rely on types. */
export function withoutFields<T>(value: T, findings: readonly Finding[]): T {
  if (findings.length === 0) return value;
  const copy = structuredClone(value);
  for (const { path } of findings) {
    const steps = parsePath(path);
    const last = steps.pop();
    let parent: unknown = copy;
    for (const step of steps) parent = (parent as Record<string, unknown> | undefined)?.[step];
    if (last === undefined || parent === null || typeof parent !== "object") continue;
    // An item of a list goes with its place kept: the paths of its neighbours stay right.
    if (Array.isArray(parent)) parent[last as number] = undefined;
    else delete (parent as Record<string, unknown>)[last];
  }
  return copy;
}

/** What a manifest has, which need not be what the API requires. */
interface Manifest {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: FlinkDeploymentSpec;
}

export function subjectOf(
  resource: Manifest,
  config: FlinkConfiguration,
  lastReconciled: { readonly spec: FlinkDeploymentSpec } | undefined,
  operator: FlinkConfiguration = {},
): Subject {
  const spec = withSpecDefaults(resource.spec ?? {});
  return {
    name: resource.metadata?.name ?? "",
    namespace: resource.metadata?.namespace ?? "default",
    spec,
    config,
    own: flattenConfiguration(spec.flinkConfiguration),
    operator,
    last: lastReconciled === undefined ? undefined : withSpecDefaults(lastReconciled.spec),
  };
}
