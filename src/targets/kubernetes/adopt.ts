/** Makes the steps of a hand-over, each anew from what is there. */
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { gatherCluster } from "../../controller/gather.ts";
import { KubeApiError } from "../../kube/api-error.ts";
import type { KubeClient } from "../../kube/client.ts";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  INGRESSES,
  type ResourceType,
  SERVICES,
} from "../../kube/resource-type.ts";
import { systemTime, type Time } from "../follow.ts";
import type { JobOwner } from "../record.ts";
import { type Lock, Refusal } from "../target.ts";
import { missingOperator, nextToDirect, nextToOperator, type Situation, type Step } from "./adoption.ts";
import { ConfigMapRecords } from "./records.ts";

/** Steps that are calls. */
export type Change = Exclude<Step, { readonly kind: "wait" | "done" | "refuse" }>;

/** The world around a hand-over. */
export interface Hands {
  look(): Promise<Situation>;
  /** On top of what was seen. False: somebody else was faster, and nothing was done. */
  carryOut(change: Change, seen: Situation): Promise<boolean>;
}

export interface HandOver {
  readonly to: JobOwner;
  readonly hands: Hands;
  /** Milliseconds for all of it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** One line about what happens, for people. */
  readonly progress: (message: string) => void;
  readonly time?: Time;
}

const PAUSE_MS = 500;

const SAYS: Readonly<Record<Change["kind"], string>> = {
  "write-record": "writing the record",
  "delete-record": "deleting the record",
  "create-resource": "making the FlinkDeployment, which the operator leaves alone yet",
  "write-status": "telling the operator what runs",
  "patch-resource": "the FlinkDeployment changes hands",
  "delete-resource": "deleting the FlinkDeployment, and not its cluster",
  "patch-object": "the cluster changes hands",
};

function next(to: JobOwner, situation: Situation): Step {
  return to === "operator" ? nextToOperator(situation) : nextToDirect(situation);
}

/** After the last step to an operator: whether there is one. */
function lookedAfter({ to }: HandOver, changed: boolean, { resource }: Situation): Step {
  const message = to === "operator" && changed && resource ? missingOperator(resource) : undefined;
  return message === undefined ? { kind: "done" } : { kind: "wait", message };
}

function requireTime({ signal, to }: HandOver, isLate: boolean, awaited: string): void {
  if (signal.aborted)
    throw new Refusal(
      "interrupted",
      "interrupted; what was begun stays as it is",
      "Run the command again to go on.",
    );
  if (!isLate) return;
  throw new Refusal(
    "timed-out",
    `not within the time: ${awaited}`,
    to === "operator"
      ? "Run the command again to go on; --to direct takes the job back. Is there an operator, and does it watch this namespace?"
      : "Run the command again to go on.",
  );
}

/** Whether anything was changed. @throws Refusal, and the KubeApiError of a call that may not be made */
export async function handOver(wish: HandOver): Promise<boolean> {
  const { to, hands, timeoutMs, progress, time = systemTime, signal } = wish;
  const deadline = time.now() + timeoutMs;
  let changed = false;
  let said = "";
  const say = (message: string): void => {
    if (message !== said) progress((said = message));
  };
  for (;;) {
    const situation = await hands.look();
    let step = next(to, situation);
    if (step.kind === "done") step = lookedAfter(wish, changed, situation);
    if (step.kind === "done") return changed;
    if (step.kind === "refuse") throw new Refusal(step.why, step.message, step.next);
    requireTime(wish, time.now() >= deadline, step.kind === "wait" ? step.message : SAYS[step.kind]);
    say(step.kind === "wait" ? step.message : SAYS[step.kind]);
    if (step.kind === "wait") await time.sleep(PAUSE_MS, signal);
    else if (await hands.carryOut(step, situation)) changed = true;
    else await time.sleep(PAUSE_MS / 10, signal);
  }
}

/** The object is not what was looked at any more. */
function isOvertaken(error: unknown): boolean {
  const codes: readonly KubeApiError["code"][] = [
    "conflict",
    "already-exists",
    "precondition-failed",
    "not-found",
  ];
  return error instanceof KubeApiError && codes.includes(error.code);
}

const TYPES: Readonly<Record<string, ResourceType>> = {
  ConfigMap: CONFIG_MAPS,
  Deployment: DEPLOYMENTS,
  Ingress: INGRESSES,
  Service: SERVICES,
};

export class KubernetesHands implements Hands {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #name: string;
  readonly #records: ConfigMapRecords;
  /** Nothing is done without it. */
  readonly #lock: Lock;

  constructor(client: KubeClient, namespace: string, name: string, lock: Lock) {
    this.#client = client;
    this.#namespace = namespace;
    this.#name = name;
    this.#records = new ConfigMapRecords(client, namespace);
    this.#lock = lock;
  }

  async look(): Promise<Situation> {
    const [client, namespace, name] = [this.#client, this.#namespace, this.#name];
    const [stored, resource, cluster] = await Promise.all([
      this.#records.read(name),
      client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name),
      gatherCluster(client, namespace, name),
    ]);
    const { deployment, taskManagers, services, configMaps } = cluster;
    const hasIngress = (resource?.spec.ingress ?? undefined) !== undefined;
    // One that may not be read would be deleted with its owner.
    const ingress =
      cluster.ingress ?? (hasIngress ? await client.get<KubeObject>(INGRESSES, namespace, name) : undefined);
    const belongings = [...(taskManagers === undefined ? [] : [taskManagers]), ...services, ...configMaps];
    return { name, namespace, stored, resource, deployment, ingress, belongings };
  }

  async carryOut(change: Change, seen: Situation): Promise<boolean> {
    if (this.#lock.lost.aborted)
      throw new Refusal(
        "locked",
        `the lock on ${this.#name} could not be renewed; another command may go on with it`,
        "Run the command again.",
      );
    try {
      return await this.#run(change, seen);
    } catch (error) {
      if (isOvertaken(error)) return false;
      throw error;
    }
  }

  async #run(change: Change, { stored, resource }: Situation): Promise<boolean> {
    const [client, namespace, name] = [this.#client, this.#namespace, this.#name];
    switch (change.kind) {
      case "write-record":
        return (await this.#records.write(name, change.data, stored?.version)) !== undefined;
      case "delete-record":
        return this.#records.delete(name, stored?.version ?? "");
      case "create-resource":
        await client.create(FLINK_DEPLOYMENTS, change.resource);
        return true;
      case "write-status":
        if (resource === undefined) return false;
        await client.replaceStatus(FLINK_DEPLOYMENTS, { ...resource, status: change.status });
        return true;
      case "patch-resource":
        if (resource === undefined) return false;
        await this.#patch(FLINK_DEPLOYMENTS, resource, change.patch);
        return true;
      case "delete-resource": {
        if (resource === undefined) return false;
        const { finalizers } = change;
        const patched = await this.#patch(FLINK_DEPLOYMENTS, resource, { metadata: { finalizers } });
        const { uid, resourceVersion } = patched.metadata;
        const propagation = "Background";
        return client.delete(FLINK_DEPLOYMENTS, namespace, name, { uid, resourceVersion, propagation });
      }
      case "patch-object": {
        const { object, metadata } = change;
        const type = TYPES[object.kind];
        if (type === undefined) throw new Error(`no resource type for kind ${object.kind}`);
        await this.#patch(type, object, { metadata });
        return true;
      }
    }
  }

  /** Of the very version that was seen. */
  #patch(
    type: ResourceType,
    { metadata: { name, uid, resourceVersion } }: KubeObject,
    patch: { readonly metadata?: object; readonly spec?: object },
  ): Promise<KubeObject> {
    const whole = { ...patch, metadata: { ...patch.metadata, uid, resourceVersion } };
    return this.#client.patch<KubeObject>(type, this.#namespace, name, whole, { kind: "merge" });
  }
}
