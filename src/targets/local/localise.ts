/**
 * The job file as it is on this machine: a standalone cluster of processes, with its state in a folder. Only what cannot
 * be here is changed, so that the same change of the file means the same here as in a cluster; and everything that is
 * different is said. Pure.
 */
import type { FlinkDeployment, FlinkDeploymentSpec, PodTemplate } from "../../api/flink-deployment.ts";
import {
  type FlinkConfiguration,
  flattenConfiguration,
  getOption,
  type Option,
  withoutOption,
} from "../../flink/configuration.ts";
import { isHaActive } from "../../flink/high-availability.ts";
import { FETCHER_IMAGE, JAR_SECRET } from "../../flink/jar-fetch.ts";
import { CHECKPOINTS_DIR, SAVEPOINTS_DIR } from "../../flink/options.ts";
import { secretValues } from "../../flink/secret-values.ts";
import { secretVariable } from "./configuration.ts";

/** A prefix that is elsewhere on this machine: `--map FROM=TO`. */
export interface Mapping {
  /** As the job file writes it: `local:///opt/flink/usrlib`, `s3://bucket/path`. */
  readonly from: string;
  /** A URI. */
  readonly to: string;
}

export interface Place {
  /** `file:///…`: the job's folder, where its state goes that nobody maps elsewhere. */
  readonly folder: string;
  readonly mappings: readonly Mapping[];
}

export interface Localised {
  readonly resource: FlinkDeployment;
  /** For people: what is otherwise than in a cluster, one sentence each. */
  readonly differences: readonly string[];
}

/** `text` with the longest mapped prefix replaced, where it ends at the end of a part; undefined when none is mapped. */
export function mapped(text: string, mappings: readonly Mapping[]): string | undefined {
  const fits = ({ from }: Mapping): boolean => {
    const end = from.replace(/\/+$/, "");
    return text === end || text.startsWith(`${end}/`);
  };
  const [best] = mappings.filter(fits).toSorted((a, b) => b.from.length - a.from.length);
  if (best === undefined) return undefined;
  return best.to.replace(/\/+$/, "") + text.slice(best.from.replace(/\/+$/, "").length);
}

/** Options without meaning for processes of this machine. Those of the operator itself are kept: Sluice reads them. */
function isForClusters(key: string): boolean {
  if (key.startsWith("kubernetes.operator.")) return false;
  // The jar is fetched by this process, with what the shell has.
  if (key === FETCHER_IMAGE.key || key === JAR_SECRET.key) return true;
  return key.startsWith("kubernetes.") || /^high-availability(?:\.|$)/.test(key);
}

/** Better on one machine than Flink's defaults, which reckon with a network: a dead TaskManager is noticed sooner. */
const DEFAULTS: FlinkConfiguration = { "heartbeat.interval": "2 s" };

interface Draft {
  config: Record<string, string>;
  readonly differences: string[];
}

/** What is mapped is the user's word; everything else moves to the job's folder. */
function moveState(draft: Draft, option: Option, all: FlinkConfiguration, name: string, place: Place): void {
  const { folder, mappings } = place;
  const before = getOption(all, option)?.trim() ?? "";
  const after = mapped(before, mappings) ?? `${folder}/${name}`;
  const [key = option.key] = option.aliases ?? [];
  draft.config = { ...withoutOption(draft.config, option), [key]: after };
  if (before !== "" && before !== after) draft.differences.push(`${key}: ${after} instead of ${before}`);
}

/** Two processes of one machine cannot listen on one port; Flink's reporters take the first free one of a range. */
function spreadReporterPorts(draft: Draft): void {
  for (const [key, value] of Object.entries(draft.config)) {
    if (!/^metrics\.reporter\.[^.]+\.port$/.test(key) || !/^\d+$/.test(value.trim())) continue;
    const first = Number(value);
    const range = `${first}-${Math.min(65_535, first + 99)}`;
    draft.config[key] = range;
    draft.differences.push(`${key}: ${range}, as the processes share this machine's ports`);
  }
}

function localConfiguration(spec: FlinkDeploymentSpec, place: Place): Draft {
  const all = flattenConfiguration(spec.flinkConfiguration);
  const kept = Object.entries(all).filter(([key]) => !isForClusters(key));
  const draft: Draft = { config: { ...DEFAULTS }, differences: [] };
  for (const [key, value] of kept) draft.config[key] = mapped(value, place.mappings) ?? value;
  if (isHaActive(all)) {
    draft.differences.push(
      "no high availability: a lost JobManager's job goes on from its newest checkpoint",
    );
  }
  moveState(draft, CHECKPOINTS_DIR, all, "checkpoints", place);
  moveState(draft, SAVEPOINTS_DIR, all, "savepoints", place);
  spreadReporterPorts(draft);
  for (const { option, secret } of secretValues(all)) {
    const variable = secretVariable(option);
    draft.differences.push(`${option}: from ${variable} of your shell instead of Secret ${secret}`);
  }
  const ignored = Object.keys(all).filter((key) => isForClusters(key) && !key.startsWith("high-"));
  if (ignored.length > 0) draft.differences.push(`not used here: ${ignored.join(", ")}`);
  return draft;
}

/** The main container's variables with a value; and the names of those whose value only a cluster knows. */
export function templateVariables(template: PodTemplate | undefined): {
  values: Record<string, string>;
  unknown: string[];
} {
  const containers = template?.spec?.containers ?? [];
  const main = containers.find(({ name }) => name === "flink-main-container");
  const values: Record<string, string> = {};
  const unknown: string[] = [];
  for (const { name, value, valueFrom } of main?.env ?? []) {
    if (valueFrom === undefined) values[name] = value ?? "";
    else unknown.push(name);
  }
  return { values, unknown };
}

function ignoredOfTemplate(path: string, template: PodTemplate | undefined): string[] {
  if (template === undefined) return [];
  const { unknown } = templateVariables(template);
  const { containers = [], initContainers = [], volumes = [] } = template.spec ?? {};
  const others = containers.filter(({ name }) => name !== "flink-main-container").map(({ name }) => name);
  const parts = [
    [...initContainers.map(({ name }) => name), ...others].map((name) => `container ${name}`),
    volumes.map(({ name }) => `volume ${name}`),
  ].flat();
  return [
    ...(parts.length === 0 ? [] : [`${path}: not here: ${parts.join(", ")}`]),
    ...(unknown.length === 0
      ? []
      : [`${path}: set in your shell what comes from Secrets or ConfigMaps: ${unknown.join(", ")}`]),
  ];
}

function podDifferences(spec: FlinkDeploymentSpec): string[] {
  const { jobManager, taskManager } = spec;
  const cpus = [jobManager, taskManager].some(
    (one) =>
      one?.resource?.cpu !== undefined ||
      one?.resources?.limits?.["cpu"] !== undefined ||
      one?.resources?.requests?.["cpu"] !== undefined,
  );
  return [
    ...ignoredOfTemplate("podTemplate", spec.podTemplate),
    ...ignoredOfTemplate("jobManager.podTemplate", jobManager?.podTemplate),
    ...ignoredOfTemplate("taskManager.podTemplate", taskManager?.podTemplate),
    ...(cpus ? ["cpu: not limited here; memory is, as Flink sizes its processes by it"] : []),
    ...((jobManager?.replicas ?? 1) > 1 ? [`jobManager.replicas: 1 instead of ${jobManager?.replicas}`] : []),
    ...(spec.ingress === undefined ? [] : ["ingress: none; the web interface is on this machine's loopback"]),
  ];
}

type Job = NonNullable<FlinkDeploymentSpec["job"]>;

function localJob(job: Job, place: Place, differences: string[]): Job {
  const change = (text: string): string => mapped(text, place.mappings) ?? text;
  const { jarURI, args, initialSavepointPath, upgradeMode, ...rest } = job;
  const lastState = upgradeMode === "last-state";
  if (lastState) {
    differences.push("upgradeMode: savepoint instead of last-state, which needs high availability");
  }
  for (const text of args ?? []) {
    if (change(text) !== text) differences.push(`job.args: ${change(text)} instead of ${text}`);
  }
  return {
    ...rest,
    ...(jarURI === undefined ? {} : { jarURI: change(jarURI) }),
    ...(args === undefined ? {} : { args: args.map(change) }),
    ...(initialSavepointPath === undefined ? {} : { initialSavepointPath: change(initialSavepointPath) }),
    ...(upgradeMode === undefined ? {} : { upgradeMode: lastState ? "savepoint" : upgradeMode }),
  };
}

/** `resource`: as the user wrote it. */
export function localise(resource: FlinkDeployment, place: Place): Localised {
  const { ingress: _ingress, ...spec } = resource.spec;
  const { config, differences } = localConfiguration(spec, place);
  const job = spec.job && localJob(spec.job, place, differences);
  const { replicas: _, ...jobManager } = spec.jobManager ?? {};
  const local: FlinkDeploymentSpec = {
    ...spec,
    mode: "standalone",
    flinkConfiguration: config,
    ...(job === undefined ? {} : { job }),
    ...(spec.jobManager === undefined ? {} : { jobManager }),
  };
  const image = spec.image === undefined ? [] : [`image: not used; Flink and the jar are this machine's`];
  return {
    resource: { ...resource, spec: local },
    differences: [...image, ...differences, ...podDifferences(resource.spec)],
  };
}
