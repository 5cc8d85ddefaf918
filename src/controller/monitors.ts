/**
 * Keeps PodMonitors, and Services with ServiceMonitors, as the job file wants them. No part of the passes over jobs: what
 * goes wrong here is told in an event, and keeps no job from anything.
 */
import { withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { KubeObject, OwnerReference } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { type KubeClient, isKubeError } from "../kube/client.ts";
import {
  DEPLOYMENTS,
  POD_MONITORS,
  type ResourceType,
  SERVICE_MONITORS,
  SERVICES,
} from "../kube/resource-type.ts";
import type { EventRecord } from "../reconcile/decision.ts";
import { unlessInvalid } from "../resources/in-place.ts";
import { type MonitorStep, monitorSteps, renderMonitors } from "../resources/monitors.ts";
import { type CachesFor, namespaceOf } from "./gather.ts";
import { type ControllerConfig, optionsFor } from "./job-passes.ts";
import type { PassOutcome, ShellDependencies } from "./pass-shell.ts";

const TYPES: Readonly<Record<string, ResourceType>> = {
  Service: SERVICES,
  PodMonitor: POD_MONITORS,
  ServiceMonitor: SERVICE_MONITORS,
};

/** Milliseconds until what is wanted is looked at again, without any change. */
const AGAIN_MS = 600_000;

export const NOT_INSTALLED =
  "sluice.metrics.monitor has no effect: there are no PodMonitors and ServiceMonitors, or they may not be read. " +
  "Install the CRDs of the Prometheus Operator and grant the rights, then restart Sluice";

function typeOf({ kind }: KubeObject): ResourceType {
  const type = TYPES[kind];
  if (type === undefined) throw new Error(`no resource type for kind ${kind}`);
  return type;
}

async function carryOut(client: KubeClient, step: MonitorStep): Promise<void> {
  switch (step.type) {
    case "create":
      await client.create(typeOf(step.object), step.object);
      return;
    case "patch": {
      const { namespace, name, uid } = step.found.metadata;
      const patch = { ...step.patch, metadata: { ...step.patch.metadata, uid } };
      await client.patch(typeOf(step.found), namespace, name, patch, { kind: "merge" });
      return;
    }
    case "delete": {
      const { namespace, name, uid } = step.found.metadata;
      await client.delete(typeOf(step.found), namespace, name, uid === undefined ? {} : { uid });
      return;
    }
    case "leave": {
      const { kind, metadata } = step.found;
      throw new Error(`${kind} ${metadata.name} exists and belongs to somebody else; rename one of the two`);
    }
  }
}

/** What went wrong, for people; undefined when all is done. Every step is tried. */
async function carryOutAll(client: KubeClient, steps: readonly MonitorStep[]): Promise<string | undefined> {
  const problems: string[] = [];
  for (const step of steps) {
    await carryOut(client, step).catch((error: unknown) => {
      // The caches are not complete yet, or somebody was faster: the next look sees what is there.
      const expected = step.type === "create" ? "already-exists" : "not-found";
      if (!isKubeError(error, expected))
        problems.push(error instanceof Error ? error.message : String(error));
    });
  }
  return problems[0];
}

export interface MonitorDependencies extends Pick<ShellDependencies, "client" | "events" | "isWatched"> {
  readonly cachesFor: CachesFor;
  readonly config: () => ControllerConfig;
}

export class MonitorController {
  readonly #deps: MonitorDependencies;
  /** By key: what was last told, which is not told again. */
  readonly #told = new Map<string, string>();

  constructor(deps: MonitorDependencies) {
    this.#deps = deps;
  }

  /** One pass over the monitors of the resource `namespace/name`. */
  async pass(key: string): Promise<PassOutcome> {
    const { cachesFor, isWatched } = this.#deps;
    const [namespace = "", name = ""] = key.split("/");
    const caches = cachesFor(namespace);
    const resource = caches?.resources.get(namespace, name);
    // With the resource they go by themselves.
    if (resource === undefined || resource.metadata.deletionTimestamp !== undefined || !isWatched(resource)) {
      this.#told.delete(key);
      return { kind: "on-change" };
    }
    const wanted = unlessInvalid(() => this.#wanted(resource)) ?? [];
    if (caches?.podMonitors === undefined || caches.serviceMonitors === undefined) {
      if (wanted.length > 0) await this.#tell(key, resource, "MonitoringNotInstalled", NOT_INSTALLED);
      return { kind: "on-change" };
    }
    const monitors = [caches.podMonitors.get(namespace, name), caches.serviceMonitors.get(namespace, name)];
    const found = monitors.filter((one) => one !== undefined);
    if (wanted.length === 0 && found.length === 0) return { kind: "on-change" };
    return this.#bringAbout(key, resource, wanted, found);
  }

  #wanted(resource: FlinkDeployment): KubeObject[] {
    const { metadata, spec } = resource;
    const { defaults } = optionsFor(this.#deps.config(), resource, spec.flinkVersion);
    const owner = { name: metadata.name, namespace: namespaceOf(resource), uid: metadata.uid ?? "" };
    return renderMonitors({ owner, spec: withSpecDefaults(spec), defaults });
  }

  async #bringAbout(
    key: string,
    resource: FlinkDeployment,
    wanted: readonly KubeObject[],
    monitors: readonly KubeObject[],
  ): Promise<PassOutcome> {
    const { client } = this.#deps;
    const { name } = resource.metadata;
    const service = await client.get<KubeObject>(SERVICES, namespaceOf(resource), `${name}-metrics`);
    const found = service === undefined ? monitors : [...monitors, service];
    const problem = await carryOutAll(client, monitorSteps(wanted, found, name));
    if (problem === undefined) {
      this.#told.delete(key);
      return wanted.length === 0 ? { kind: "on-change" } : { kind: "again", after: AGAIN_MS };
    }
    await this.#tell(key, resource, "MonitoringFailed", problem);
    return { kind: "retry" };
  }

  async #tell(key: string, resource: FlinkDeployment, reason: string, message: string): Promise<void> {
    if (this.#told.get(key) === message) return;
    this.#told.set(key, message);
    const event: EventRecord = { type: "Warning", reason, message, component: "Operator" };
    await this.#deps.events.record(resource, event);
  }
}

/**
 * For a job without an operator: made once it runs, and gone with its JobManager. Answers what went wrong, for people; undefined
 * when all is done, or nothing is wanted.
 */
export async function applyMonitors(
  client: KubeClient,
  resource: FlinkDeployment,
  defaults: FlinkConfiguration,
): Promise<string | undefined> {
  const { metadata, spec } = resource;
  const { name } = metadata;
  const namespace = namespaceOf(resource);
  const owner = { name, namespace, uid: metadata.uid ?? "", isRecord: true };
  const render = (more: { readonly ownerReference?: OwnerReference }): readonly KubeObject[] =>
    unlessInvalid(() => renderMonitors({ owner, spec: withSpecDefaults(spec), defaults, ...more })) ?? [];
  if (render({}).length === 0) return undefined;
  try {
    const jobManager = await client.get<KubeObject>(DEPLOYMENTS, namespace, name);
    if (jobManager?.metadata.uid === undefined) return `there is no Deployment ${name} to go with`;
    const { uid } = jobManager.metadata;
    const wanted = render({ ownerReference: { apiVersion: "apps/v1", kind: "Deployment", name, uid } });
    const found = await Promise.all(
      wanted.map((one) => client.get<KubeObject>(typeOf(one), namespace, one.metadata.name)),
    );
    const there = found.filter((one) => one !== undefined);
    return await carryOutAll(client, monitorSteps(wanted, there, name));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
