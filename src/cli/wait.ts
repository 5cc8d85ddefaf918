/** Waits for what a change is to bring about, and tells meanwhile how it goes. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import type { KubeApiError } from "../kube/api-error.ts";
import { Informer } from "../kube/informer.ts";
import type { ResourceType } from "../kube/resource-type.ts";
import type { Cluster } from "./cluster.ts";
import { type Streams, UserError } from "./command.ts";
import { Progress } from "./output/progress.ts";
import { readinessOf } from "./readiness.ts";
import { EXIT_CODES } from "./exit-codes.ts";

type Job = FlinkDeployment | FlinkSessionJob;

/** Looking again does not mend these. */
const HOPELESS = new Set(["forbidden", "unauthorized", "not-found"]);

/** `look` sees each state of the resource, undefined when it is gone, and answers when it has seen enough. */
async function until<Answer>(
  { client, namespace }: Cluster,
  type: ResourceType,
  name: string,
  timeoutMs: number,
  look: (job: Job | undefined) => Answer | undefined,
): Promise<Answer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
  const see = (job: Job | undefined): void => {
    const answer = look(job);
    if (answer !== undefined) resolve(answer);
  };
  const informer = new Informer<Job>(client, type, {
    namespace,
    onChange: (_key, job, previous) => {
      if ((job ?? previous)?.metadata.name === name) see(job);
    },
    onError: (error) => {
      if (HOPELESS.has((error as Partial<KubeApiError>).code ?? "")) reject(error);
    },
  });
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  void informer.synced.then(() => {
    if (informer.get(namespace, name) === undefined) see(undefined);
  });
  informer.start();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await informer.stop();
  }
}

/** Until the spec of that generation has its effect. @throws UserError */
export async function waitUntilReady(
  cluster: Cluster,
  type: ResourceType,
  { metadata: { name, generation = 1 } }: Job,
  timeoutMs: number,
  streams: Streams,
): Promise<void> {
  const progress = new Progress(streams);
  let last = "nothing was seen of it";
  const doctor = `Look for the cause with \`sluice doctor ${name} -n ${cluster.namespace}\`.`;
  const answer = await until(cluster, type, name, timeoutMs, (job) => {
    if (job === undefined) return { state: "gone" as const, text: "" };
    const { state, text } = readinessOf(job, generation);
    last = text;
    progress.step(`${name}: ${text}`);
    return state === "waiting" ? undefined : { state, text };
  }).finally(() => progress.end());
  if (answer === undefined)
    throw new UserError(
      `${name} is not ready after ${timeoutMs / 1000} s: ${last}`,
      `What was asked for stays asked for. ${doctor}`,
      EXIT_CODES["timed-out"],
    );
  if (answer.state === "stalled") throw new UserError(`${name} is stalled: ${answer.text}`, doctor);
  if (answer.state === "gone")
    throw new UserError(`${name} was deleted meanwhile`, undefined, EXIT_CODES["not-found"]);
}

/** @throws UserError when it takes longer */
export async function waitUntilGone(
  cluster: Cluster,
  type: ResourceType,
  { metadata: { name, uid } }: Job,
  timeoutMs: number,
  streams: Streams,
): Promise<void> {
  const progress = new Progress(streams);
  let last = "nothing was seen of it";
  const answer = await until(cluster, type, name, timeoutMs, (job) => {
    if (job === undefined || job.metadata.uid !== uid) return "gone";
    last = readinessOf(job, job.metadata.generation ?? 1).text;
    progress.step(`${name}: ${last}`);
    return undefined;
  }).finally(() => progress.end());
  if (answer !== undefined) return;
  throw new UserError(
    `${name} is still there after ${timeoutMs / 1000} s: ${last}`,
    `Its deletion goes on. Look for the cause with \`sluice doctor ${name} -n ${cluster.namespace}\`.`,
    EXIT_CODES["timed-out"],
  );
}
