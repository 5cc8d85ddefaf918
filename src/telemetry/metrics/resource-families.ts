/** What the resources are at one moment, as metrics: counted by namespace, and each for itself. */
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { JobManagerDeploymentStatus, LifecycleState } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { parseQuantity } from "../../flink/memory-size.ts";
import type { Description, Family, Sample } from "./description.ts";
import { APACHE, SCRAPED } from "./descriptions.ts";

/** What is watched. */
export interface Watched {
  readonly deployments: readonly FlinkDeployment[];
  readonly sessionJobs: readonly FlinkSessionJob[];
  readonly snapshots: readonly FlinkStateSnapshot[];
  readonly pods: readonly KubeObject[];
}

/** The operator, as the Apache operator's metrics name it. */
export interface System {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
}

type JobResource = FlinkDeployment | FlinkSessionJob;

interface Requests {
  readonly cpu: number;
  readonly memory: number;
}

const NOTHING: Requests = { cpu: 0, memory: 0 };

/** The words of a type of the API. */
function wordsOf(schema: unknown): readonly string[] {
  return (schema as { readonly enum: readonly string[] }).enum;
}

function placeOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? "default";
}

interface PodSpec {
  readonly containers?: readonly {
    readonly resources?: { readonly requests?: Record<string, string | number> };
  }[];
}

function requestsOf(pod: KubeObject): Requests {
  const { containers = [] } = (pod["spec"] ?? {}) as PodSpec;
  const sum = (name: string): number =>
    containers.reduce(
      (total, { resources }) => total + (parseQuantity(resources?.requests?.[name] ?? "0") ?? 0),
      0,
    );
  return { cpu: sum("cpu"), memory: sum("memory") };
}

function hasEnded(pod: KubeObject): boolean {
  const { phase } = (pod["status"] ?? {}) as { phase?: string };
  return phase === "Succeeded" || phase === "Failed";
}

/** By cluster: what pods request that have a place, or wait for one. */
function requestsByCluster(pods: readonly KubeObject[]): ReadonlyMap<string, Requests> {
  const found = new Map<string, Requests>();
  for (const pod of pods) {
    const cluster = pod.metadata.labels?.["app"];
    if (cluster === undefined || hasEnded(pod)) continue;
    const key = `${placeOf(pod)}/${cluster}`;
    const { cpu, memory } = found.get(key) ?? NOTHING;
    const own = requestsOf(pod);
    found.set(key, { cpu: cpu + own.cpu, memory: memory + own.memory });
  }
  return found;
}

/** Those of a namespace, for a description with variants that are counted. */
class Counts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(variant: string, namespace: string, by = 1): void {
    const places = this.#counts.get(variant) ?? new Map<string, number>();
    this.#counts.set(variant, places);
    places.set(namespace, (places.get(namespace) ?? 0) + by);
  }

  families(description: Description, system: System, resourcetype: string): Family[] {
    return [...this.#counts].map(([variant, places]) => ({
      description,
      variant,
      samples: [...places].map(([resourcens, value]) => ({
        labels: { ...system, resourcens, resourcetype },
        value,
      })),
    }));
  }
}

function enumCounts(values: readonly string[], resources: readonly [string, string | undefined][]): Counts {
  const counts = new Counts();
  const places = new Set(resources.map(([place]) => place));
  // With zeros, as the Apache operator has them: a rule can tell "none" from "not measured".
  for (const value of values) for (const place of places) counts.add(value, place, 0);
  for (const [place, value] of resources) if (value !== undefined) counts.add(value, place);
  return counts;
}

function countOf(resources: readonly KubeObject[], system: System, type: string): Family[] {
  const counts = new Counts();
  for (const one of resources) counts.add("", placeOf(one));
  return counts.families(APACHE.count, system, type);
}

function stateCounts(resources: readonly JobResource[], system: System, type: string): Family[] {
  const states = resources.map((one) => [placeOf(one), one.status?.lifecycleState ?? "CREATED"] as const);
  return enumCounts(
    wordsOf(LifecycleState),
    states.map(([place, state]) => [place, state]),
  ).families(APACHE.stateCount, system, type);
}

function deploymentCounts(
  deployments: readonly FlinkDeployment[],
  requests: ReadonlyMap<string, Requests>,
  system: System,
): Family[] {
  const type = "FlinkDeployment";
  const versions = new Counts();
  const minors = new Counts();
  const cpu = new Counts();
  const memory = new Counts();
  for (const one of deployments) {
    const place = placeOf(one);
    const version = one.status?.clusterInfo?.["flink-version"];
    if (version !== undefined && version !== "") {
      versions.add(version, place);
      minors.add(version.split(".").slice(0, 2).join("."), place);
    }
    const own = requests.get(`${place}/${one.metadata.name}`) ?? NOTHING;
    cpu.add("", place, own.cpu);
    memory.add("", place, own.memory);
  }
  const statuses = deployments.map((one): [string, string] => [
    placeOf(one),
    one.status?.jobManagerDeploymentStatus ?? "MISSING",
  ]);
  return [
    ...enumCounts(wordsOf(JobManagerDeploymentStatus), statuses).families(APACHE.jmStatusCount, system, type),
    ...versions.families(APACHE.versionCount, system, type),
    ...minors.families(APACHE.minorVersionCount, system, type),
    ...cpu.families(APACHE.cpu, system, type),
    ...memory.families(APACHE.memory, system, type),
  ];
}

function snapshotCounts(snapshots: readonly FlinkStateSnapshot[], system: System): Family[] {
  const kinds = new Counts();
  const states = new Counts();
  for (const one of snapshots) {
    const kind = one.spec.savepoint === undefined ? "Checkpoint" : "Savepoint";
    kinds.add(kind, placeOf(one));
    states.add(`${kind}_State_${one.status?.state ?? "TRIGGER_PENDING"}`, placeOf(one));
  }
  return [
    ...kinds.families(APACHE.snapshotCount, system, "FlinkStateSnapshot"),
    ...states.families(APACHE.snapshotStateCount, system, "FlinkStateSnapshot"),
  ];
}

/** The Apache operator's gauges, by namespace. */
export function apacheFamilies(watched: Watched, system: System): Family[] {
  const { deployments, sessionJobs, snapshots, pods } = watched;
  return [
    ...countOf(deployments, system, "FlinkDeployment"),
    ...countOf(sessionJobs, system, "FlinkSessionJob"),
    ...stateCounts(deployments, system, "FlinkDeployment"),
    ...stateCounts(sessionJobs, system, "FlinkSessionJob"),
    ...deploymentCounts(deployments, requestsByCluster(pods), system),
    ...snapshotCounts(snapshots, system),
  ];
}

type StateSample = readonly [description: Description, labels: Record<string, string>, value: number];

function stateSamples(resource: JobResource): StateSample[] {
  const { status, spec } = resource;
  const conditions = status?.conditions ?? [];
  const stalled = conditions.find(({ type, status }) => type === "Stalled" && status === "True");
  const isReady = conditions.some(({ type, status }) => type === "Ready" && status === "True");
  const { flinkVersion = "", mode = "native" } = spec as FlinkDeployment["spec"];
  const { jobManagerDeploymentStatus } = (status ?? {}) as NonNullable<FlinkDeployment["status"]>;
  const found: [Description, Record<string, string | undefined>, number][] = [
    [SCRAPED.ready, {}, isReady ? 1 : 0],
    [SCRAPED.stalled, { reason: stalled?.reason }, 1],
    [SCRAPED.lifecycleState, { state: status?.lifecycleState ?? "CREATED" }, 1],
    [SCRAPED.jobState, { state: status?.jobStatus?.state }, 1],
    [SCRAPED.jobManagerStatus, { status: jobManagerDeploymentStatus }, 1],
    [SCRAPED.info, { flink_version: flinkVersion, mode, upgrade_mode: spec.job?.upgradeMode ?? "" }, 1],
  ];
  // What is not known has no series.
  return found.filter(([, labels]) => !Object.values(labels).includes(undefined)) as StateSample[];
}

/** One resource each, of at most `most` resources. */
export function resourceFamilies({ deployments, sessionJobs, pods }: Watched, most: number): Family[] {
  const requests = requestsByCluster(pods);
  const samples = new Map<Description, Sample[]>();
  const put = (description: Description, labels: Record<string, string>, value: number): void => {
    const known = samples.get(description);
    if (known === undefined) samples.set(description, [{ labels, value }]);
    else known.push({ labels, value });
  };
  const all = [
    ...deployments.map((one) => ({ kind: "FlinkDeployment", one })),
    ...sessionJobs.map((one) => ({ kind: "FlinkSessionJob", one })),
  ];
  for (const { kind, one } of all.slice(0, most)) {
    const own = { kind, resource_namespace: placeOf(one), name: one.metadata.name };
    for (const [description, labels, value] of stateSamples(one))
      put(description, { ...own, ...labels }, value);
    if (kind !== "FlinkDeployment") continue;
    const { cpu, memory } = requests.get(`${own.resource_namespace}/${own.name}`) ?? NOTHING;
    put(SCRAPED.cpuRequest, own, cpu);
    put(SCRAPED.memoryRequest, own, memory);
  }
  const left = Math.max(all.length - most, 0);
  return [
    ...[...samples].map(([description, found]) => ({ description, samples: found })),
    { description: SCRAPED.withoutSeries, samples: [{ labels: {}, value: left }] },
  ];
}
