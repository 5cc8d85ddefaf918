/** Observes what a plan starts from: live jobs, or those of other files as if they ran well. */
import { withSpecDefaults } from "../api/defaults.ts";
import { FLINK_DEPLOYMENT_FINALIZER, type FlinkDeployment } from "../api/flink-deployment.ts";
import { FLINK_SESSION_JOB_FINALIZER, type FlinkSessionJob } from "../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../api/flink-state-snapshot.ts";
import {
  askFlink,
  type Gathered,
  gatherLive,
  jobKey,
  liveSessionJobs,
  namedJob,
} from "../controller/gather.ts";
import { optionsFor } from "../controller/job-passes.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import type { FlinkRestClient } from "../flink-rest/client.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { isKubeError } from "../kube/client.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, FLINK_STATE_SNAPSHOTS } from "../kube/resource-type.ts";
import { controllerConfig } from "../operator/configuration.ts";
import { flinkClients } from "../controller/flink-clients.ts";
import type { FlinkAnswers, Observed, ObservedSessionJob, Options } from "../reconcile/decision.ts";
import { jobWithExceptions, nextQuestions, type Question } from "../reconcile/deployment/questions.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { isCluster, NO_CLUSTER, type Subject } from "../reconcile/plan/expected-world.ts";
import { type Ask, follow } from "../reconcile/plan/follow.ts";
import { type Change, type Plan, planChanges } from "../reconcile/plan/plan.ts";
import { nextSessionJobQuestions } from "../reconcile/session-job/questions.ts";
import { findRetained } from "../state-storage/retained-checkpoints.ts";
import { StateStorages } from "../state-storage/state-storage.ts";
import { KubernetesTarget } from "../targets/kubernetes/kubernetes-target.ts";
import { planJob } from "../targets/plan.ts";
import { applyPatch, wantedOf } from "./apply.ts";
import type { Cluster } from "./cluster.ts";
import { type Streams, UserError } from "./command.ts";
import { mergePatch } from "./merge.ts";

export type Resource = FlinkDeployment | FlinkSessionJob;

const UNSEEN = { flink: {}, snapshots: [], failure: undefined, exceptionsReportedUntil: 0 } as const;

/** The operator is the next to look. */
function taken<R extends Resource>(resource: R, finalizer: string): R {
  const { metadata } = resource;
  return { ...resource, metadata: { ...metadata, uid: metadata.uid ?? "new", finalizers: [finalizer] } };
}

/** Nothing of it is there. */
function unseen(resource: FlinkDeployment): Observed {
  return { ...UNSEEN, resource: taken(resource, FLINK_DEPLOYMENT_FINALIZER), cluster: NO_CLUSTER };
}

function unseenJob(resource: FlinkSessionJob): ObservedSessionJob {
  const own = taken(resource, FLINK_SESSION_JOB_FINALIZER);
  return { ...UNSEEN, resource: own, session: undefined, submission: undefined };
}

/** `cluster`: that `resource` is, or runs in, if there is one. */
function optionsOf(operator: FlinkConfiguration, resource: Resource, cluster?: FlinkDeployment): Options {
  return optionsFor(controllerConfig(operator, undefined), resource, cluster?.spec.flinkVersion);
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

/** What there is of a cluster and of the session jobs in it. */
interface Found {
  readonly cluster: Gathered | undefined;
  readonly jobs: readonly FlinkSessionJob[];
}

type Seen = Omit<ObservedSessionJob, "resource" | "session" | "submission">;

/** How the resources of one cluster are observed. */
interface Observer {
  readonly options: Options;
  readonly namespace: string;
  readonly snapshots: readonly FlinkStateSnapshot[] | undefined;
  /** Undefined: there is no such cluster. */
  readonly flink: FlinkRestClient | undefined;
}

async function see(
  { namespace, snapshots, flink }: Observer,
  resource: Resource,
  next: (known: FlinkAnswers) => readonly Question[],
  failing: (known: FlinkAnswers) => string,
): Promise<Seen> {
  const { kind, metadata, status } = resource;
  const own = snapshots?.filter((one) => namedJob(one).includes(jobKey(kind, namespace, metadata.name)));
  const common = { snapshots: own, failure: undefined, exceptionsReportedUntil: Date.now() };
  if (flink === undefined) return { ...common, flink: {} };
  const answers = await askFlink(flink, resource, next, failing);
  const jobId = status?.jobStatus?.jobId;
  if (answers.jobs?.ok !== true || answers.checkpoints !== undefined || jobId === undefined)
    return { ...common, flink: answers };
  // A plan names the checkpoint that is the newest now, where the operator may not have to know it.
  return { ...common, flink: { ...answers, checkpoints: await flink.jobCheckpoints(jobId) } };
}

async function seeCluster(observer: Observer, gathered: Gathered): Promise<Observed> {
  const { resource, cluster } = gathered;
  const { defaults } = observer.options;
  const next = (known: FlinkAnswers) => nextQuestions(resource, cluster, known, defaults);
  return {
    ...gathered,
    ...(await see(observer, resource, next, (known) => jobWithExceptions(resource, known))),
  };
}

async function seeJob(
  observer: Observer,
  session: FlinkDeployment | undefined,
  resource: FlinkSessionJob,
): Promise<ObservedSessionJob> {
  const { defaults } = observer.options;
  const next = (known: FlinkAnswers) => nextSessionJobQuestions(resource, session, known, defaults);
  const seen = await see(observer, resource, next, () => resource.status?.jobStatus?.jobId ?? "");
  return { ...seen, resource, session, submission: undefined };
}

/** As the operator would see it now. */
async function observe(
  place: Cluster,
  { cluster, jobs }: Found,
  options: Options,
): Promise<{ readonly cluster: Observed | undefined; readonly jobs: readonly ObservedSessionJob[] }> {
  const { client, namespace, flinkRest } = place;
  const snapshots = await snapshotsOf(place);
  const clients = flinkClients(client, flinkRest);
  const owner = cluster?.resource;
  const flink =
    owner && clients.clientFor(namespace, owner.metadata.name, deployedRestPort(owner, options.defaults));
  const observer = { options, namespace, snapshots, flink };
  try {
    const [own, others] = await Promise.all([
      cluster && seeCluster(observer, cluster),
      Promise.all(jobs.map((job) => seeJob(observer, owner, job))),
    ]);
    return { cluster: own, jobs: others };
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

/** What is planned together: a cluster, and what runs in it, of one list of resources. */
interface Group {
  readonly namespace: string;
  /** The cluster's; empty where a session job names none. */
  readonly name: string;
  cluster?: FlinkDeployment;
  readonly jobs: FlinkSessionJob[];
}

/** `clusterOf`: the name of a session job's cluster. */
function groupsOf(
  resources: readonly Resource[],
  namespaceOf: (resource: Resource) => string,
  clusterOf: (job: FlinkSessionJob) => string,
): Group[] {
  const groups = new Map<string, Group>();
  for (const resource of resources) {
    const namespace = namespaceOf(resource);
    const name = resource.kind === "FlinkDeployment" ? resource.metadata.name : clusterOf(resource);
    const key = `${namespace}/${name}`;
    const group = groups.get(key) ?? { namespace, name, jobs: [] };
    if (resource.kind === "FlinkDeployment") group.cluster = resource;
    else group.jobs.push(resource);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** By name: a session job never moves to another cluster, whatever its file says. */
function clustersOf(jobs: readonly FlinkSessionJob[]): Map<string, string> {
  return new Map(jobs.map(({ metadata, spec }) => [metadata.name, spec.deploymentName ?? ""]));
}

/** As the API server would have it then. */
function applied<R extends Resource>(live: R, wanted: R): R {
  return mergePatch(live, applyPatch(live, wanted) ?? {}) as R;
}

/** The live session jobs that name the group's cluster, which need not be there yet. */
async function jobsOf(
  place: Cluster,
  { name, jobs, cluster }: Group,
  gathered: Gathered | undefined,
): Promise<readonly FlinkSessionJob[]> {
  if (gathered !== undefined && jobs.length === 0) return gathered.sessionJobs;
  if (cluster?.spec.job !== undefined && jobs.length === 0) return [];
  return liveSessionJobs(place.client, place.namespace, name);
}

function changesOf(
  live: Awaited<ReturnType<typeof observe>>,
  { cluster: wanted, jobs }: Group,
): readonly Change[] {
  const changes: Change[] = [];
  if (live.cluster !== undefined)
    changes.push({ observed: live.cluster, wanted: wanted && applied(live.cluster.resource, wanted) });
  else if (wanted !== undefined) changes.push({ observed: unseen(wanted), wanted });
  const missing = new Map(jobs.map((job) => [job.metadata.name, job]));
  for (const observed of live.jobs) {
    const { name } = observed.resource.metadata;
    const job = missing.get(name);
    missing.delete(name);
    changes.push({ observed, wanted: job && applied(observed.resource, job) });
  }
  for (const job of missing.values()) changes.push({ observed: unseenJob(job), wanted: job });
  return changes;
}

/** @throws KubeApiError, Refusal */
async function planGroup(
  place: Cluster,
  group: Group,
  operator: FlinkConfiguration,
  streams: Pick<Streams, "env" | "stderr">,
): Promise<Plan[]> {
  const { client, namespace } = place;
  const { cluster: wanted, name } = group;
  let missing: unknown;
  const look = name === "" ? Promise.resolve(undefined) : gatherLive(client, undefined, namespace, name);
  const gathered = await look.catch((error: unknown) => {
    // No CRDs, and so no operator.
    if (!isKubeError(error, "not-found")) throw error;
    missing = error;
    return undefined;
  });
  if (gathered === undefined && wanted !== undefined) {
    const direct = await planDirect(place, wanted, streams);
    if (direct !== undefined) return [direct];
  }
  if (missing !== undefined) throw missing;
  const known = wanted ?? gathered?.resource;
  const options = optionsOf(operator, known ?? group.jobs[0]!, known);
  const found = { cluster: gathered, jobs: await jobsOf(place, group, gathered) };
  const changes = changesOf(await observe(place, found, options), group);
  return withStorage(streams.env, (ask) => planChanges(changes, Date.now(), options, ask));
}

/** What applying `wanted` would do to the live jobs; to those without an operator, what `update` would. @throws KubeApiError, Refusal */
export async function planLive(
  cluster: Cluster,
  wanted: readonly Resource[],
  operator: FlinkConfiguration,
  streams: Pick<Streams, "env" | "stderr">,
): Promise<Plan[]> {
  const namespaceOf = ({ metadata }: Resource): string => metadata.namespace ?? cluster.namespace;
  const placed = wanted.map((one) => {
    const type = one.kind === "FlinkDeployment" ? FLINK_DEPLOYMENTS : FLINK_SESSION_JOBS;
    return wantedOf(one, type, cluster.namespace) as Resource;
  });
  const known = await Promise.all(
    placed.map(async (one) => {
      if (one.kind === "FlinkDeployment") return undefined;
      const { name } = one.metadata;
      return cluster.client.get<FlinkSessionJob>(FLINK_SESSION_JOBS, namespaceOf(one), name);
    }),
  );
  const clusters = new Map(placed.map((one, nth) => [one, known[nth]?.spec.deploymentName]));
  const groups = groupsOf(placed, namespaceOf, (job) => clusters.get(job) ?? job.spec.deploymentName ?? "");
  const plans = await Promise.all(
    groups.map((group) => planGroup({ ...cluster, namespace: group.namespace }, group, operator, streams)),
  );
  return plans.flat();
}

/** Where everything of the files has come to rest. */
async function atRest(
  { cluster, jobs }: Pick<Group, "cluster" | "jobs">,
  now: number,
  options: Options,
): Promise<{ readonly subjects: readonly Subject[]; readonly now: number }> {
  const owner = cluster && unseen({ ...cluster, spec: withSpecDefaults(cluster.spec) });
  const before = [...(owner === undefined ? [] : [owner]), ...jobs.map(unseenJob)];
  const { ways, now: end } = await follow(before, now, options, nothing);
  const specs = [...(cluster === undefined ? [] : [cluster]), ...jobs].map(({ spec }) => spec);
  const subjects = ways.map((way, nth) => {
    const resource = { ...way.end.resource, spec: specs[nth] };
    return { ...way.end, resource } as Subject;
  });
  return { subjects, now: end };
}

async function planGroupOffline(
  from: Group | undefined,
  { cluster: wanted, jobs, name }: Group,
  operator: FlinkConfiguration,
): Promise<Plan[]> {
  const [first] = jobs;
  const cluster = wanted ?? from?.cluster;
  if (cluster === undefined)
    throw new UserError(
      `FlinkSessionJob ${first?.metadata.name} runs in the session cluster ${name}, which is in no file`,
      "What happens to it depends on its cluster: add the FlinkDeployment's file to --from.",
    );
  const options = optionsOf(operator, cluster, cluster);
  const old = from?.cluster ?? cluster;
  const rest = await atRest(from ?? { jobs: [] }, Date.now(), optionsOf(operator, old, old));
  const changes = rest.subjects.map((observed): Change => {
    const { kind, metadata } = observed.resource;
    const same = [...(wanted ? [wanted] : []), ...jobs].find(
      (one) => one.kind === kind && one.metadata.name === metadata.name,
    );
    return { observed, wanted: same && { ...same, metadata } };
  });
  const there = rest.subjects.filter((one) => !isCluster(one)).map((one) => one.resource.metadata.name);
  if (from?.cluster === undefined) changes.unshift({ observed: unseen(cluster), wanted: cluster });
  for (const job of jobs)
    if (!there.includes(job.metadata.name)) changes.push({ observed: unseenJob(job), wanted: job });
  return planChanges(changes, rest.now, options, nothing);
}

/** What it would do to jobs that run well with the specs of `from`. Without any cluster. @throws UserError */
export async function planOffline(
  from: readonly Resource[],
  wanted: readonly Resource[],
  operator: FlinkConfiguration,
): Promise<Plan[]> {
  const clusters = clustersOf(from.filter((one) => one.kind === "FlinkSessionJob"));
  const clusterOf = ({ metadata, spec }: FlinkSessionJob): string =>
    clusters.get(metadata.name) ?? spec.deploymentName ?? "";
  // Files need not say where they are to be applied.
  const before = groupsOf(from, () => "", clusterOf);
  const plans = await Promise.all(
    groupsOf(wanted, () => "", clusterOf).map((group) =>
      planGroupOffline(
        before.find(({ name }) => name === group.name),
        group,
        operator,
      ),
    ),
  );
  return plans.flat();
}
