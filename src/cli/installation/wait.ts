/** Until what was installed works: CRDs are served, the operator's pods are ready. */
import type { KubeObject } from "../../api/kube-object.ts";
import { pause, systemClock } from "../../kube/clock.ts";
import { isKubeError, type KubeClient } from "../../kube/client.ts";
import { CRDS, DEPLOYMENTS, PODS } from "../../kube/resource-type.ts";
import { type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { Progress } from "../output/progress.ts";

const EVERY_MS = 500;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}
interface WithConditions extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}
interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: Record<string, string> };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly replicas?: number;
    readonly conditions?: readonly Condition[];
  };
}
interface Pod extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly {
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

/** What is missing; undefined when it is as it should be. */
type Look = () => Promise<string | undefined>;

async function established(client: KubeClient, name: string): Promise<string | undefined> {
  const crd = await client.get<WithConditions>(CRDS, undefined, name);
  const isServed = crd?.status?.conditions?.some(
    ({ type, status }) => type === "Established" && status === "True",
  );
  return isServed ? undefined : `${name} is not served yet`;
}

/** Why pods do not come, as far as one may look. */
async function podProblem(
  client: KubeClient,
  namespace: string,
  labels: Record<string, string>,
): Promise<string> {
  const labelSelector = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
  try {
    const { items } = await client.list<Pod>(PODS, { namespace, labelSelector });
    const words = items.flatMap(({ status }) => [
      ...(status?.containerStatuses ?? []).map(({ state }) => state?.waiting),
      ...(status?.conditions ?? [])
        .filter(({ type, status: is }) => type === "PodScheduled" && is === "False")
        .map(({ message }) => ({ reason: "not scheduled", message })),
    ]);
    const found = words.find((word) => word !== undefined && word.reason !== "ContainerCreating");
    return found === undefined ? "" : `: ${[found.reason, found.message].filter(Boolean).join(", ")}`;
  } catch (error) {
    if (isKubeError(error, "forbidden")) return "";
    throw error;
  }
}

async function rolledOut(client: KubeClient, namespace: string, name: string): Promise<string | undefined> {
  const deployment = await client.get<Deployment>(DEPLOYMENTS, namespace, name);
  if (deployment === undefined) return `Deployment ${name} is gone`;
  const { spec, status = {}, metadata } = deployment;
  const wanted = spec.replicas ?? 1;
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = status;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return `Deployment ${name} is new`;
  if (updatedReplicas >= wanted && replicas <= wanted && availableReplicas >= wanted) return undefined;
  const failure = status.conditions?.find(
    ({ type, status: is }) => type === "ReplicaFailure" && is === "True",
  );
  const why =
    failure === undefined
      ? await podProblem(client, namespace, spec.selector.matchLabels)
      : `: ${failure.message ?? "its pods cannot be made"}`;
  return `${Math.min(availableReplicas, updatedReplicas)} of ${wanted} pods of Deployment ${name} ready${why}`;
}

/** One object's condition; undefined for kinds that need no time. */
function lookAt(
  client: KubeClient,
  { kind, metadata: { name, namespace = "" } }: KubeObject,
): Look | undefined {
  if (kind === "CustomResourceDefinition") return () => established(client, name);
  if (kind === "Deployment") return () => rolledOut(client, namespace, name);
  return undefined;
}

/** @throws UserError when the time is up */
export async function waitUntilInstalled(
  client: KubeClient,
  objects: readonly KubeObject[],
  timeoutMs: number,
  streams: Streams,
): Promise<void> {
  const progress = new Progress(streams);
  const deadline = performance.now() + timeoutMs;
  try {
    for (const look of objects.map((object) => lookAt(client, object)).filter((one) => one !== undefined)) {
      for (let missing = await look(); missing !== undefined; missing = await look()) {
        progress.step(missing);
        if (performance.now() > deadline)
          throw new UserError(
            `not ready after ${timeoutMs / 1000} s: ${missing}`,
            "What was applied stays, and goes on. Mend the cause and run `sluice upgrade`, or `sluice uninstall`.",
            EXIT_CODES["timed-out"],
          );
        await pause(systemClock, EVERY_MS);
      }
    }
  } finally {
    progress.end();
  }
}

/** Until an object that is being deleted is gone. @throws UserError when the time is up */
export async function waitUntilGone(
  gone: () => Promise<boolean>,
  what: string,
  deadline: number,
  streams: Streams,
): Promise<void> {
  const progress = new Progress(streams);
  try {
    while (!(await gone())) {
      progress.step(`${what} is ending`);
      if (performance.now() > deadline)
        throw new UserError(
          `${what} is still there`,
          "Its deletion goes on; run `sluice uninstall` again.",
          EXIT_CODES["timed-out"],
        );
      await pause(systemClock, EVERY_MS);
    }
  } finally {
    progress.end();
  }
}
