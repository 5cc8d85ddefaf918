/** What may go otherwise, or be lost, on the way that a plan shows. */
import type { FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { flattenConfiguration, getBoolean } from "../../flink/configuration.ts";
import { ROLLBACK } from "../../flink/options.ts";
import type { Action, Observed, Options } from "../decision.ts";
import { deployedSpec, sameJson } from "../last-reconciled-spec.ts";
import { keepsJobs, sessionConfiguration } from "../session-cluster.ts";
import { isTerminal } from "../upgrade-mode.ts";
import { isCluster, type Subject } from "./expected-world.ts";
import type { Way } from "./follow.ts";
import { startOf } from "./steps.ts";

export interface Risky {
  readonly before: Subject;
  /** With the spec that would be applied. */
  readonly wanted: Subject;
  /** The cluster that it is, or runs in, as it is to be. */
  readonly cluster: Observed | undefined;
  readonly way: Way;
  readonly verdict: string;
  readonly options: Options;
}

/** Undefined: not at risk. */
type Risk = (facts: Risky) => string | undefined;

const ranBefore = ({ before }: Risky): boolean => (before.resource.status?.jobStatus?.startTime ?? "") !== "";

/** The job starts from a state. */
function isRestored({ way }: Risky): boolean {
  const start = startOf(way);
  return way.broughtBack || (start?.hasJob === true && start.restore.kind !== "none");
}

const stateIsLost: Risk = (facts) => {
  const { before, wanted, way } = facts;
  if (startOf(way)?.hasJob !== true || isRestored(facts) || !ranBefore(facts)) return undefined;
  const { checkpoints } = before.flink;
  const newest = checkpoints?.ok ? checkpoints.value.latest.completed?.externalPath : undefined;
  const what =
    newest === undefined
      ? "the job's present state"
      : `the job's present state (newest checkpoint ${newest})`;
  const mode = wanted.resource.spec.job?.upgradeMode ?? "stateless";
  return `${what} is thrown away: spec.job.upgradeMode is ${mode}`;
};

const recordsAgain: Risk = (facts) => {
  const { way } = facts;
  if (!isRestored(facts) || way.actions.some(({ type }) => type === "stop-with-savepoint")) return undefined;
  if (!way.broughtBack && !way.actions.some(({ type }) => STOPS.has(type))) return undefined;
  return "records since the newest checkpoint are processed again; sinks that are not transactional write them twice";
};

const STOPS = new Set<Action["type"]>(["cancel-job", "scale-job-manager-to-zero"]);

/** What decides whether a job has a place for its state. */
const OF_THE_PROGRAM: readonly (readonly [string, (spec: FlinkDeploymentSpec) => unknown])[] = [
  ["image", ({ image }) => image],
  ["Flink version", ({ flinkVersion }) => flinkVersion],
  ["jar", ({ job }) => job?.jarURI],
  ["main class", ({ job }) => job?.entryClass],
  ["arguments", ({ job }) => job?.args ?? []],
];

const stateMayNotFit: Risk = (facts) => {
  const { before, wanted, cluster } = facts;
  const deployed = deployedSpec(before.resource.status?.reconciliationStatus ?? {})?.spec;
  if (!isRestored(facts) || deployed === undefined) return undefined;
  // A session job's image and version are its cluster's.
  const ran = { ...deployedSpec(cluster?.resource.status?.reconciliationStatus ?? {})?.spec, ...deployed };
  const runs = { ...cluster?.resource.spec, ...wanted.resource.spec };
  const changed = OF_THE_PROGRAM.filter(([, of]) => !sameJson(of(ran), of(runs)));
  if (changed.length === 0) return undefined;
  const names = changed.map(([name]) => name).join(", ");
  return `another ${names}: whether the job accepts the state shows only when it starts`;
};

const stateIsDropped: Risk = ({ wanted, way }) =>
  startOf(way) !== undefined && wanted.resource.spec.job?.allowNonRestoredState === true
    ? "state of operators that are gone is dropped without a word: spec.job.allowNonRestoredState is true"
    : undefined;

const noWayBack: Risk = ({ wanted, cluster, way, options, verdict }) => {
  if (startOf(way)?.hasJob !== true || verdict !== "restart") return undefined;
  const defaults = isCluster(wanted)
    ? options.defaults
    : sessionConfiguration(cluster?.resource, options.defaults);
  const config = { ...defaults, ...flattenConfiguration(wanted.resource.spec.flinkConfiguration) };
  return getBoolean(config, ROLLBACK)
    ? undefined
    : `a job that runs and then fails is not rolled back by itself: ${ROLLBACK.key} is not true`;
};

const notWell: Risk = (facts) => {
  const { state } = facts.before.resource.status?.jobStatus ?? {};
  if (!ranBefore(facts) || state === undefined || state === "RUNNING" || state === "FINISHED")
    return undefined;
  return `the job is ${state} now: no savepoint of it can be taken`;
};

/** Nobody stops them before their session cluster goes. */
const unmanagedJobs: Risk = ({ before, wanted, way, options }) => {
  if (startOf(way)?.hasJob !== false || !isCluster(before) || !isCluster(wanted)) return undefined;
  const { jobs } = before.flink;
  const own = new Set(before.sessionJobs?.map(({ status }) => status?.jobStatus?.jobId));
  const others = jobs?.ok
    ? jobs.value.filter(({ jobId, state }) => !isTerminal(state) && !own.has(jobId))
    : [];
  if (others.length === 0 || keepsJobs(wanted.resource, options.defaults)) return undefined;
  const names = others.map(({ jobId, name }) => `${jobId} ${name}`).join(", ");
  return `jobs that no FlinkSessionJob manages are lost with the cluster: ${names}`;
};

const ALL: readonly Risk[] = [
  stateIsLost,
  recordsAgain,
  stateMayNotFit,
  stateIsDropped,
  unmanagedJobs,
  notWell,
  noWayBack,
];

export function risksOf(facts: Risky): string[] {
  return ALL.flatMap((risk) => risk(facts) ?? []);
}
