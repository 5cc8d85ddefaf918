/**
 * The model of Kubernetes and Flink with both owners of a job around it: commands with a record, and an operator whose passes
 * over the FlinkDeployment take their time. The API server's rules of versions, finalizers and garbage are those that count.
 */
import {
  FLINK_DEPLOYMENT_FINALIZER,
  type FlinkDeployment,
  type FlinkDeploymentStatus,
} from "../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { decide } from "../../src/reconcile/deployment/decide.ts";
import { sameJson } from "../../src/reconcile/last-reconciled-spec.ts";
import type { Time } from "../../src/targets/follow.ts";
import type { Change, Hands } from "../../src/targets/kubernetes/adopt.ts";
import type { Situation } from "../../src/targets/kubernetes/adoption.ts";
import { look } from "./play.ts";
import { Killed, ModelTarget } from "./target.ts";

type Metadata = KubeObject["metadata"];

/** Null takes a key away. */
function merged(metadata: Metadata, { annotations, ...rest }: Readonly<Record<string, unknown>>): Metadata {
  const all = { ...metadata.annotations, ...(annotations as object | undefined) };
  const kept = Object.entries(all).filter(([, value]) => value !== null);
  return { ...metadata, ...rest, annotations: Object.fromEntries(kept) };
}

export class HandOverModel {
  readonly target = new ModelTarget();
  /** What happens between two calls of a hand-over. */
  meanwhile: () => void = () => undefined;
  #version = 0;
  #uids = 0;
  #writing: (() => void) | undefined;

  get resource(): FlinkDeployment | undefined {
    return this.target.resource;
  }

  #put(resource: FlinkDeployment): FlinkDeployment {
    const { metadata } = resource;
    const put = { ...resource, metadata: { ...metadata, resourceVersion: String(++this.#version) } };
    const isGone = metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
    this.target.resource = isGone ? undefined : put;
    return put;
  }

  create(resource: FlinkDeployment): boolean {
    if (this.resource !== undefined) return false;
    const { status: _, ...rest } = structuredClone(resource);
    const metadata = { ...rest.metadata, uid: `resource-${++this.#uids}`, generation: 1 };
    this.#put({ ...rest, metadata });
    return true;
  }

  /** The resource of the version that was seen. */
  #seen(seen: FlinkDeployment | undefined): FlinkDeployment | undefined {
    const { resource } = this;
    const isSame = resource?.metadata.resourceVersion === seen?.metadata.resourceVersion;
    return isSame ? resource : undefined;
  }

  change(
    seen: FlinkDeployment | undefined,
    { metadata = {}, spec }: { readonly metadata?: object; readonly spec?: object },
  ): FlinkDeployment | undefined {
    const found = this.#seen(seen);
    if (found === undefined) return undefined;
    const next = { ...found.spec, ...spec };
    const generation = (found.metadata.generation ?? 1) + (sameJson(next, found.spec) ? 0 : 1);
    return this.#put({
      ...found,
      spec: next,
      metadata: { ...merged(found.metadata, metadata as Record<string, unknown>), generation },
    });
  }

  writeStatus(seen: FlinkDeployment | undefined, status: FlinkDeploymentStatus): FlinkDeployment | undefined {
    const found = this.#seen(seen);
    return found && this.#put({ ...found, status: structuredClone(status) });
  }

  delete(seen: FlinkDeployment | undefined): boolean {
    const found = this.#seen(seen);
    if (found === undefined) return false;
    this.#put({ ...found, metadata: { ...found.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } });
    return true;
  }

  /** The first half of an operator's pass: it looks and decides. The second may come much later. */
  beginPass(): void {
    const { target } = this;
    const { world, resource } = target;
    if (resource === undefined) return;
    world.resource = structuredClone(resource);
    const observed = look(world);
    const options = {
      defaults: {},
      progressInterval: 1000,
      reconcileInterval: 15_000,
      entropy: world.entropy(),
    };
    let decision = decide(observed, world.now, options);
    if (decision.question !== undefined) {
      const retained = { question: decision.question, answer: world.retained(decision.question) };
      decision = decide({ ...observed, retained }, world.now, options);
    }
    this.#writing = () => {
      let seen: FlinkDeployment | undefined = resource;
      if (!sameJson(resource.status, decision.status)) seen = this.writeStatus(resource, decision.status);
      if (seen === undefined) return;
      for (const action of decision.actions) {
        if (action.type === "add-finalizer" || action.type === "remove-finalizer") {
          if (!this.#setFinalizer(seen, action.type)) return;
        } else world.execute(structuredClone(action));
      }
    };
  }

  endPass(): void {
    this.#writing?.();
    this.#writing = undefined;
  }

  pass(): void {
    this.endPass();
    this.beginPass();
    this.endPass();
  }

  #setFinalizer(seen: FlinkDeployment, change: "add-finalizer" | "remove-finalizer"): boolean {
    const { finalizers = [], deletionTimestamp } = seen.metadata;
    if (change === "add-finalizer" && deletionTimestamp !== undefined) return false;
    const others = finalizers.filter((one) => one !== FLINK_DEPLOYMENT_FINALIZER);
    const next = change === "add-finalizer" ? [...others, FLINK_DEPLOYMENT_FINALIZER] : others;
    return this.change(seen, { metadata: { finalizers: next } }) !== undefined;
  }

  /** Time goes by: for Kubernetes' garbage collector too. */
  tick(): void {
    const { world } = this.target;
    const owner = world.deployment?.metadata.ownerReferences?.find(({ kind }) => kind === "FlinkDeployment");
    if (owner !== undefined && owner.uid !== this.resource?.metadata.uid) world.deleteDeploymentByHand(true);
    const { ingress } = world;
    const ofIngress = ingress?.metadata.ownerReferences?.find(({ kind }) => kind === "FlinkDeployment");
    if (ofIngress !== undefined && ofIngress.uid !== this.resource?.metadata.uid) world.ingress = undefined;
    world.tick();
  }

  get time(): Time {
    const { world } = this.target;
    return {
      now: () => world.now,
      sleep: async () => {
        this.pass();
        this.tick();
      },
    };
  }

  /** Those of one command, which dies at the call after `calls` of them; `late`: when it has had its effect. */
  hands(calls = Number.POSITIVE_INFINITY, late = false): Hands {
    let made = 0;
    const counted = <T>(call: () => T): T => {
      this.meanwhile();
      const isLast = made++ >= calls;
      if (isLast && !late) throw new Killed();
      const result = call();
      if (isLast) throw new Killed();
      return result;
    };
    return {
      look: async () => this.#look(),
      carryOut: async (change, seen) => this.#carryOut(structuredClone(change), seen, counted),
    };
  }

  #look(): Situation {
    const { world, stored, resource } = this.target;
    const { deployment, ingress, services, configMaps } = structuredClone({
      deployment: world.deployment,
      ingress: world.ingress,
      services: world.services,
      configMaps: world.configMaps,
    });
    return {
      name: "job",
      namespace: "default",
      stored,
      resource: structuredClone(resource),
      deployment,
      ingress,
      belongings: [...services, ...configMaps],
    };
  }

  #carryOut(change: Change, { stored, resource }: Situation, counted: <T>(call: () => T) => T): boolean {
    const { target } = this;
    switch (change.kind) {
      case "write-record":
        return counted(() => target.write(change.data, stored?.version)) !== undefined;
      case "delete-record":
        return counted(() => target.write(undefined, stored?.version)) !== undefined;
      case "create-resource":
        return counted(() => this.create(change.resource));
      case "write-status":
        return counted(() => this.writeStatus(resource, change.status)) !== undefined;
      case "patch-resource":
        return counted(() => this.change(resource, change.patch)) !== undefined;
      case "delete-resource": {
        const { finalizers } = change;
        const patched = counted(() => this.change(resource, { metadata: { finalizers } }));
        return patched !== undefined && counted(() => this.delete(patched));
      }
      case "patch-object":
        return counted(() => {
          const { world } = target;
          const found = change.object.kind === "Ingress" ? world.ingress : world.deployment;
          if (found?.metadata.uid !== change.object.metadata.uid || found === undefined) return false;
          found.metadata = merged(found.metadata, change.metadata as Record<string, unknown>);
          return true;
        });
    }
  }
}
