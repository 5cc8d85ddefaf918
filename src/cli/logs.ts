/** The logs of a job's pods as one: merged by time, or followed as they come, pods that come later included. */
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { Informer } from "../kube/informer.ts";
import { objectPath } from "../kube/request.ts";
import { PODS } from "../kube/resource-type.ts";
import { MAIN_CONTAINER } from "../resources/pod-template.ts";
import type { Cluster } from "./cluster.ts";

export interface LogLine {
  /** RFC 3339 with nanoseconds, as the kubelet writes it; of a line without one, that of the line before. */
  readonly time: string;
  readonly text: string;
  readonly pod: string;
}

export interface LogWish {
  /** Of `app=<cluster>`. */
  readonly cluster: string;
  readonly component: "jobmanager" | "taskmanager" | undefined;
  readonly container: string | undefined;
  readonly previous: boolean;
  /** Lines of each pod from the end; undefined: all. */
  readonly tail: number | undefined;
  /** Seconds back; undefined: from the beginning. */
  readonly sinceSeconds: number | undefined;
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?/;

export function parseLines(pod: string, text: string, before = ""): LogLine[] {
  let time = before;
  return text.split("\n").flatMap((line) => {
    if (line === "") return [];
    const stamp = STAMP.exec(line);
    time = stamp?.[1] ?? time;
    return [{ time, pod, text: stamp === null ? line : line.slice(stamp[0].length) }];
  });
}

/** `…:01.5Z` and `…:01.25Z` are not in the order of their letters. */
function sortable(time: string): string {
  const [seconds = "", fraction = ""] = time.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}

/** Lines of one moment stay in the order of their pod. */
export function mergeLines(lines: readonly LogLine[]): LogLine[] {
  return lines
    .map((line, nth) => ({ line, nth, key: sortable(line.time) }))
    .sort((a, b) => (a.key === b.key ? a.nth - b.nth : a.key < b.key ? -1 : 1))
    .map(({ line }) => line);
}

function selectorOf({ cluster, component }: LogWish): string {
  return component === undefined
    ? `app=${cluster},component in (jobmanager,taskmanager)`
    : `app=${cluster},component=${component}`;
}

function queryOf({ container, previous, tail, sinceSeconds }: LogWish): Record<string, string> {
  return {
    container: container ?? MAIN_CONTAINER,
    timestamps: "true",
    ...(previous ? { previous: "true" } : {}),
    ...(tail === undefined ? {} : { tailLines: String(tail) }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds: String(sinceSeconds) }),
  };
}

/** A pod that has not started yet, or whose container never ran before, has no log. */
function hasNoLog(error: unknown): boolean {
  return error instanceof KubeApiError && (error.code === "bad-request" || error.code === "not-found");
}

export interface Logs {
  readonly lines: readonly LogLine[];
  readonly pods: number;
  /** Pods without a log, and why. */
  readonly silent: readonly { readonly pod: string; readonly why: string }[];
}

/** Everything until now. */
export async function readLogs({ client, namespace }: Cluster, wish: LogWish): Promise<Logs> {
  const { items } = await client.list<KubeObject>(PODS, { namespace, labelSelector: selectorOf(wish) });
  const silent: { pod: string; why: string }[] = [];
  const read = items.map(async ({ metadata: { name } }) => {
    try {
      const path = objectPath(PODS, namespace, name, "log");
      return parseLines(name, await client.getText(path, queryOf(wish)));
    } catch (error) {
      if (!hasNoLog(error)) throw error;
      silent.push({ pod: name, why: (error as KubeApiError).message });
      return [];
    }
  });
  return { lines: mergeLines((await Promise.all(read)).flat()), pods: items.length, silent };
}

const HEADERS_MS = 15_000;
/** A job may have nothing to say for long. */
const IDLE_MS = 24 * 3_600_000;

class Follower {
  readonly #cluster: Cluster;
  readonly #wish: LogWish;
  readonly #show: (line: LogLine) => void;
  /** Containers that are followed, by pod and start: one that is restarted is another. */
  readonly #followed = new Set<string>();

  constructor(cluster: Cluster, wish: LogWish, show: (line: LogLine) => void) {
    this.#cluster = cluster;
    this.#wish = wish;
    this.#show = show;
  }

  /** Begins with a container that runs and is not followed yet. */
  async see({ metadata: { name }, status }: KubeObject): Promise<void> {
    const { containerStatuses = [] } = (status ?? {}) as {
      containerStatuses?: { name: string; containerID?: string; state?: { waiting?: unknown } }[];
    };
    const wanted = this.#wish.container ?? MAIN_CONTAINER;
    const container = containerStatuses.find((one) => one.name === wanted);
    const key = container?.containerID;
    if (key === undefined || container?.state?.waiting !== undefined || this.#followed.has(key)) return;
    // What ran before somebody looked is cut to its end; what comes meanwhile is shown from its beginning.
    const isFirst = !this.#isSynced;
    this.#followed.add(key);
    await this.#follow(
      name,
      isFirst ? this.#wish : { ...this.#wish, tail: undefined, sinceSeconds: undefined },
    );
  }

  #isSynced = false;

  synced(): void {
    this.#isSynced = true;
  }

  async #follow(pod: string, wish: LogWish): Promise<void> {
    const { client, namespace } = this.#cluster;
    const path = objectPath(PODS, namespace, pod, "log");
    const decoder = new TextDecoder();
    let rest = "";
    let time = "";
    const take = (text: string): void => {
      const end = (rest + text).lastIndexOf("\n") + 1;
      const whole = (rest + text).slice(0, end);
      rest = (rest + text).slice(end);
      for (const line of parseLines(pod, whole, time)) {
        time = line.time;
        this.#show(line);
      }
    };
    try {
      const signal = new AbortController().signal;
      const times = { signal, headersMs: HEADERS_MS, idleMs: IDLE_MS };
      for await (const chunk of client.streamText(path, { ...queryOf(wish), follow: "true" }, times))
        take(decoder.decode(chunk, { stream: true }));
      take(`${decoder.decode()}\n`);
    } catch (error) {
      if (!(error instanceof KubeApiError)) throw error;
      this.#show({ time, pod, text: `(the log breaks off: ${error.message})` });
    }
  }
}

/** Shows lines as they come, until Ctrl-C. */
export function followLogs(cluster: Cluster, wish: LogWish, show: (line: LogLine) => void): Promise<never> {
  const { client, namespace } = cluster;
  const { promise, reject } = Promise.withResolvers<never>();
  const follower = new Follower(cluster, wish, show);
  const informer = new Informer<KubeObject>(client, PODS, {
    namespace,
    labelSelector: selectorOf(wish),
    onChange: (_key, pod) => {
      if (pod !== undefined) follower.see(pod).catch(reject);
    },
    onError: (error) => {
      if ((error as { retryable?: boolean }).retryable === false) reject(error);
    },
  });
  void informer.synced.then(() => follower.synced());
  informer.start();
  return promise;
}
