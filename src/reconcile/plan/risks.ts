/** What may go otherwise, or be lost, on the way that a plan shows. */
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { flattenConfiguration, getBoolean } from "../../flink/configuration.ts";
import { ROLLBACK } from "../../flink/options.ts";
import type { Action, Observed, Options } from "../decision.ts";
import { deployedSpec, sameJson } from "../last-reconciled-spec.ts";
import type { Way } from "./follow.ts";

export interface Risky {
  readonly before: Observed;
  readonly wanted: FlinkDeployment;
  readonly way: Way;
  readonly started: Extract<Action, { type: "create-cluster" }> | undefined;
  readonly verdict: string;
  readonly options: Options;
}

/** Undefined: not at risk. */
type Risk = (facts: Risky) => string | undefined;

const ranBefore = ({ before }: Risky): boolean => (before.resource.status?.jobStatus?.startTime ?? "") !== "";

const stateIsLost: Risk = (facts) => {
  const { started, before } = facts;
  if (
    started === undefined ||
    started.inputs.spec.job === undefined ||
    started.inputs.restore.kind !== "none"
  )
    return undefined;
  if (!ranBefore(facts)) return undefined;
  const { checkpoints } = before.flink;
  const newest = checkpoints?.ok ? checkpoints.value.latest.completed?.externalPath : undefined;
  const what =
    newest === undefined
      ? "the job's present state"
      : `the job's present state (newest checkpoint ${newest})`;
  return `${what} is thrown away: spec.job.upgradeMode is ${facts.wanted.spec.job?.upgradeMode ?? "stateless"}`;
};

const recordsAgain: Risk = ({ way, started }) => {
  if (started === undefined || started.inputs.restore.kind === "none") return undefined;
  if (way.actions.some(({ type }) => type === "stop-with-savepoint")) return undefined;
  if (started.inputs.spec.job === undefined || !way.actions.some(({ type }) => STOPS.has(type)))
    return undefined;
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

const stateMayNotFit: Risk = ({ before, wanted, started }) => {
  if (started === undefined || started.inputs.restore.kind === "none") return undefined;
  const deployed = deployedSpec(before.resource.status?.reconciliationStatus ?? {})?.spec;
  if (deployed === undefined) return undefined;
  const changed = OF_THE_PROGRAM.filter(([, of]) => !sameJson(of(deployed), of(wanted.spec)));
  if (changed.length === 0) return undefined;
  const names = changed.map(([name]) => name).join(", ");
  return `another ${names}: whether the job accepts the state shows only when it starts`;
};

const stateIsDropped: Risk = ({ wanted, started }) =>
  started !== undefined && wanted.spec.job?.allowNonRestoredState === true
    ? "state of operators that are gone is dropped without a word: spec.job.allowNonRestoredState is true"
    : undefined;

const noWayBack: Risk = ({ wanted, started, options, verdict }) => {
  if (started === undefined || verdict !== "restart" || wanted.spec.job === undefined) return undefined;
  const config = { ...options.defaults, ...flattenConfiguration(wanted.spec.flinkConfiguration) };
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

const ALL: readonly Risk[] = [stateIsLost, recordsAgain, stateMayNotFit, stateIsDropped, notWell, noWayBack];

export function risksOf(facts: Risky): string[] {
  return ALL.flatMap((risk) => risk(facts) ?? []);
}
