/** Observes what a plan starts from: the live job, or the job of another file as if it ran well. */
import { withSpecDefaults } from "../api/defaults.ts";
import { FLINK_DEPLOYMENT_FINALIZER, type FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import { askFlink, gatherLive } from "../controller/gather.ts";
import { optionsFor } from "../controller/job-passes.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { isKubeError } from "../kube/client.ts";
import { FLINK_DEPLOYMENTS, FLINK_STATE_SNAPSHOTS } from "../kube/resource-type.ts";
import { controllerConfig } from "../operator/configuration.ts";
import { flinkClients } from "../controller/flink-clients.ts";
import type { Observed, Options } from "../reconcile/decision.ts";
import { jobWithExceptions, nextQuestions } from "../reconcile/deployment/questions.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { type Ask, follow } from "../reconcile/plan/follow.ts";
import { type Plan, planChange } from "../reconcile/plan/plan.ts";
import { findRetained } from "../state-storage/retained-checkpoints.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { KubernetesTarget } from "../targets/kubernetes/kubernetes-target.ts";
import { planJob } from "../targets/plan.ts";
import { applyPatch, wantedOf } from "./apply.ts";
import type { Cluster } from "./cluster.ts";
import type { Streams } from "./command.ts";
import { mergePatch } from "./merge.ts";

const NO_CLUSTER = {
  deployment: undefined,
  taskManagers: undefined,
  pods: [],
  services: [],
  configMaps: [],
} as const;

/** Nothing of it is there, and the operator is the next to look. */
function unseen(resource: FlinkDeployment): Observed {
  const { metadata } = resource;
  const taken = { ...metadata, uid: metadata.uid ?? "new", finalizers: [FLINK_DEPLOYMENT_FINALIZER] };
  return {
    resource: { ...resource, metadata: taken },
    cluster: NO_CLUSTER,
    flink: {},
    snapshots: [],
    failure: undefined,
    exceptionsReportedUntil: 0,
  };
}

function optionsOf(operator: FlinkConfiguration, resource: FlinkDeployment): Options {
  return optionsFor(controllerConfig(operator, undefined), resource, resource.spec.flinkVersion);
}

async function snapshotsOf({
  client,
  namespace,
}: Cluster): Promise<readonly FlinkStateSnapshot[] | undefined> {
  try {
    return (await client.list<FlinkStateSnapshot>(FLINK_STATE_SNAPSHOTS, { namespace })).items;
  } catch (error) {
    if (error instanceof KubeApiError && error.code === "not-found") return undefined;
    throw error;
  }
}

/** As the operator would see it now. Undefined: there is none. */
async function observeLive(cluster: Cluster, name: string, options: Options): Promise<Observed | undefined> {
  const { client, namespace } = cluster;
  const [gathered, snapshots] = await Promise.all([
    gatherLive(client, undefined, namespace, name),
    snapshotsOf(cluster),
  ]);
  if (gathered === undefined) return undefined;
  const { resource, cluster: objects } = gathered;
  const clients = flinkClients(client, cluster.flinkRest);
  try {
    const flink = clients.clientFor(namespace, name, deployedRestPort(resource, options.defaults));
    const answers = await askFlink(
      flink,
      resource,
      (known) => nextQuestions(resource, objects, known, options.defaults),
      (known) => jobWithExceptions(resource, known),
    );
    const jobId = resource.status?.jobStatus?.jobId;
    // A plan names the checkpoint that is the newest now, where the operator may not have to know it.
    const known = answers.jobs?.ok === true && answers.checkpoints === undefined && jobId !== undefined;
    const checkpoints = known ? { checkpoints: await flink.jobCheckpoints(jobId) } : {};
    const ofJob = snapshots?.filter(({ spec }) => spec.jobReference?.name === name);
    return {
      ...gathered,
      snapshots: ofJob,
      flink: { ...answers, ...checkpoints },
      failure: undefined,
      exceptionsReportedUntil: Date.now(),
    };
  } finally {
    await clients.close();
  }
}

/** The state storage is asked from here, as the operator would. */
async function withStorage<T>(
  env: Readonly<Record<string, string | undefined>>,
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  const storages = new StateStorages({ env });
  try {
    return await work((question) => findRetained(question, (access) => storages.open(access)));
  } finally {
    await storages.close();
  }
}

const nothing: Ask = () => Promise.resolve({ kind: "none" });

/** Undefined: no job without an operator has that name. @throws Refusal */
async function planDirect(
  { client, namespace, flinkRest }: Cluster,
  { metadata: { name }, spec }: FlinkDeployment,
  { env, stderr }: Pick<Streams, "env" | "stderr">,
): Promise<Plan | undefined> {
  const target = new KubernetesTarget({ client, namespace, flinkRest, env });
  try {
    if ((await target.records.read(name)) === undefined) return undefined;
    const progress = (message: string): void => void stderr.write(`${message}\n`);
    return await planJob(name, spec, {
      target,
      progress,
      timeoutMs: 0,
      signal: new AbortController().signal,
    });
  } finally {
    await target.close();
  }
}

/** What applying `wanted` would do to the live job; of one without an operator, what `update` would. @throws KubeApiError, Refusal */
export async function planLive(
  cluster: Cluster,
  wanted: FlinkDeployment,
  operator: FlinkConfiguration,
  streams: Pick<Streams, "env" | "stderr">,
): Promise<Plan> {
  const { env } = streams;
  const options = optionsOf(operator, wanted);
  const place = { ...cluster, namespace: wanted.metadata.namespace ?? cluster.namespace };
  let missing: unknown;
  const observed = await observeLive(place, wanted.metadata.name, options).catch((error: unknown) => {
    // No CRDs, and so no operator.
    if (!isKubeError(error, "not-found")) throw error;
    missing = error;
    return undefined;
  });
  const direct = observed === undefined ? await planDirect(place, wanted, streams) : undefined;
  if (direct !== undefined) return direct;
  if (missing !== undefined) throw missing;
  const resource = wantedOf(wanted, FLINK_DEPLOYMENTS, place.namespace) as FlinkDeployment;
  if (observed === undefined)
    return planChange(unseen(resource), resource, Date.now(), options, () =>
      Promise.resolve({ kind: "none" }),
    );
  const patch = applyPatch(observed.resource, resource);
  const applied = mergePatch(observed.resource, patch ?? {}) as FlinkDeployment;
  return withStorage(env, (ask) => planChange(observed, applied, Date.now(), options, ask));
}

/** What it would do to a job that runs well with the spec of `from`. Without any cluster. */
export async function planOffline(
  from: FlinkDeployment | undefined,
  wanted: FlinkDeployment,
  operator: FlinkConfiguration,
): Promise<Plan> {
  const options = optionsOf(operator, wanted);
  const now = Date.now();
  if (from === undefined) return planChange(unseen(wanted), wanted, now, options, nothing);
  const way = await follow(
    unseen({ ...from, spec: withSpecDefaults(from.spec) }),
    now,
    optionsOf(operator, from),
    nothing,
  );
  const observed = { ...way.end, resource: { ...way.end.resource, spec: from.spec } };
  return planChange(observed, { ...wanted, metadata: from.metadata }, way.now, options, nothing);
}
