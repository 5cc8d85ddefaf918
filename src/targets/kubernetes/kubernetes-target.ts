/** A namespace of Kubernetes, with the rights of a namespace: no CRDs, no operator. */
import { hostname } from "node:os";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { API_VERSION } from "../../api/flink-deployment.ts";
import { execute } from "../../controller/execute.ts";
import { gatherCluster } from "../../controller/gather.ts";
import { LastWords } from "../../controller/last-words.ts";
import { applyMonitors } from "../../controller/monitors.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import type { FlinkRestClient } from "../../flink-rest/client.ts";
import { type KubeClient, isKubeError } from "../../kube/client.ts";
import { FLINK_DEPLOYMENTS } from "../../kube/resource-type.ts";
import { type FlinkClients, flinkClients } from "../../controller/flink-clients.ts";
import type {
  Action,
  ActionFailure,
  ObservedCluster,
  RetainedAnswer,
  RetainedQuestion,
} from "../../reconcile/decision.ts";
import { looksInto } from "../../state-storage/retained-checkpoints.ts";
import { StateStorages } from "../../state-storage/state-storage.ts";
import type { Surroundings } from "../job.ts";
import type { JobOwner } from "../record.ts";
import { type Lock, type Prepared, Refusal, type Target } from "../target.ts";
import { handOver, KubernetesHands } from "./adopt.ts";
import { takeLock } from "./lock.ts";
import { ConfigMapRecords } from "./records.ts";

export interface KubernetesTargetOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** `direct` needs the cluster's network and DNS; `proxy` goes through the API server. */
  readonly flinkRest: "direct" | "proxy";
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How Flink is reached, instead of by `flinkRest`. */
  readonly flinkClients?: FlinkClients;
}

export class KubernetesTarget implements Target {
  readonly name = "kubernetes";
  readonly namespace: string;
  readonly records: ConfigMapRecords;
  readonly #client: KubeClient;
  readonly #flink: FlinkClients;
  readonly #storages: StateStorages;
  readonly #lastWords: LastWords;
  readonly #env: KubernetesTargetOptions["env"];

  constructor({ client, namespace, flinkRest, env, flinkClients: clients }: KubernetesTargetOptions) {
    this.namespace = namespace;
    this.#client = client;
    this.#env = env;
    this.records = new ConfigMapRecords(client, namespace);
    this.#flink = clients ?? flinkClients(client, flinkRest);
    this.#storages = new StateStorages({ env });
    this.#lastWords = new LastWords(client);
  }

  lock(name: string): Promise<Lock> {
    const holder = this.#env["HOSTNAME"] ?? hostname();
    return takeLock(this.#client, { namespace: this.namespace, name, holder: `${holder}/${process.pid}` });
  }

  /** Every user may ask which APIs there are; who may not ask for FlinkDeployments, where there are any, cannot be sure. */
  async requireOwn(name: string): Promise<void> {
    if (!(await this.#hasCrd())) return;
    try {
      const found = await this.#client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, this.namespace, name);
      if (found === undefined) return;
    } catch (error) {
      if (!isKubeError(error, "forbidden")) throw error;
      throw new Refusal(
        "act",
        `whether an operator looks after ${name} cannot be told: ${error.message}`,
        `Grant the right to get flinkdeployments.flink.apache.org in namespace ${this.namespace}.`,
      );
    }
    throw new Refusal(
      "act",
      `there is a FlinkDeployment ${name} in namespace ${this.namespace}: an operator looks after it`,
      "Change it there (kubectl edit, kubectl apply); or take it over with `sluice adopt --to direct`, or give this job another name.",
    );
  }

  /** Hands the running job to an operator, or takes it from one; Flink does not notice. False: it was there already. @throws Refusal */
  async adopt(name: string, to: JobOwner, surroundings: Omit<Surroundings, "target">): Promise<boolean> {
    if (to === "operator" && !(await this.#hasCrd()))
      throw new Refusal(
        "act",
        "there are no FlinkDeployments in this cluster, and so no operator",
        "Install the CRDs (kubectl apply --server-side -f deploy/crds/) and the operator first.",
      );
    const lock = await this.lock(name);
    try {
      const hands = new KubernetesHands(this.#client, this.namespace, name, lock);
      return await handOver({ ...surroundings, to, hands });
    } finally {
      await lock.release();
    }
  }

  async #hasCrd(): Promise<boolean> {
    try {
      await this.#client.getText(`/apis/${API_VERSION}`);
      return true;
    } catch (error) {
      if (isKubeError(error, "not-found")) return false;
      throw error;
    }
  }

  async prepare(_: string, spec: FlinkDeploymentSpec): Promise<Prepared> {
    return { spec, differences: [] };
  }

  async observe({ metadata }: FlinkDeployment): Promise<ObservedCluster> {
    return this.#lastWords.heard(await gatherCluster(this.#client, this.namespace, metadata.name));
  }

  flinkFor(namespace: string, name: string, port: number): FlinkRestClient {
    return this.#flink.clientFor(namespace, name, port);
  }

  execute(
    action: Action,
    resource: FlinkDeployment,
    flink: FlinkRestClient,
  ): Promise<ActionFailure | undefined> {
    return execute(action, { client: this.#client, flink, resource, submit: nothingToSubmit });
  }

  monitor(resource: FlinkDeployment): Promise<string | undefined> {
    return applyMonitors(this.#client, resource, {});
  }

  findRetained(question: RetainedQuestion): Promise<RetainedAnswer> {
    return looksInto(this.#storages).retained(question);
  }

  findSnapshot(path: string, access: FlinkConfiguration): Promise<RetainedAnswer> {
    return looksInto(this.#storages).snapshot(path, access);
  }

  async close(): Promise<void> {
    await this.#flink.close();
    await this.#storages.close();
  }
}

function nothingToSubmit(): void {
  throw new Error("a job of its own starts with its cluster");
}
