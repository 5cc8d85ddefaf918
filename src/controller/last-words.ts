/**
 * What a JobManager that crashes said last, where its pod's status does not tell. The kubelet keeps the last 2 KiB of a log
 * as termination message; of a long stack trace these are frames, and the cause is above them. Without the right to read logs
 * (`pods/log`) it remains untold, and nothing else changes.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError } from "../kube/api-error.ts";
import type { KubeClient } from "../kube/client.ts";
import { objectPath } from "../kube/request.ts";
import { PODS } from "../kube/resource-type.ts";
import type { ObservedCluster } from "../reconcile/decision.ts";
import { lastWords, silentEnd, type SilentEnd, withLastWords } from "../reconcile/deployment/pod-problems.ts";

const TAIL_LINES = "200";
/** Milliseconds that a pass waits for a log at most: a node may not answer. */
const DEADLINE_MS = 3000;
/** Ends that are remembered, the newest ones. */
const REMEMBERED = 1000;

export class LastWords {
  readonly #client: Pick<KubeClient, "getText">;
  /** By the container that ended: each is asked for once, whatever the answer. */
  readonly #told = new Map<string, Promise<string>>();

  constructor(client: Pick<KubeClient, "getText">) {
    this.#client = client;
  }

  /** The cluster, its JobManagers' pods with what they said. Never rejects for a log that cannot be had. */
  async heard(cluster: ObservedCluster): Promise<ObservedCluster> {
    if (!cluster.pods.some(isSilentJobManager)) return cluster;
    return { ...cluster, pods: await Promise.all(cluster.pods.map((pod) => this.#hear(pod))) };
  }

  async #hear(pod: KubeObject): Promise<KubeObject> {
    const end = isSilentJobManager(pod) ? silentEnd(pod) : undefined;
    if (end === undefined) return pod;
    const told = this.#told.get(end.containerId) ?? this.#ask(pod, end);
    return withLastWords(pod, end.container, await told);
  }

  #ask(
    { metadata: { namespace, name } }: KubeObject,
    { container, containerId }: SilentEnd,
  ): Promise<string> {
    const query = { container, previous: "true", tailLines: TAIL_LINES };
    const path = objectPath(PODS, namespace, name, "log");
    const log = this.#client.getText(path, query, { deadlineMs: DEADLINE_MS });
    // Of the log only the words are kept: it may be long, and hold what is nobody's business.
    const told = log.then(lastWords).catch((error: unknown) => {
      if (error instanceof KubeApiError) return "";
      throw error;
    });
    this.#told.set(containerId, told);
    const [oldest = containerId] = this.#told.keys();
    if (this.#told.size > REMEMBERED) this.#told.delete(oldest);
    return told;
  }
}

function isSilentJobManager(pod: KubeObject): boolean {
  return pod.metadata.labels?.["component"] === "jobmanager" && silentEnd(pod) !== undefined;
}
