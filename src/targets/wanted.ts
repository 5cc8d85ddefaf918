/** What spec a command wants, given the record. Pure. */
import { modeOf } from "../api/defaults.ts";
import type { FlinkDeployment, FlinkDeploymentSpec, JobSpec, UpgradeMode } from "../api/flink-deployment.ts";
import { flattenConfiguration, withoutOption } from "../flink/configuration.ts";
import { DRAIN_ON_SAVEPOINT, SAVEPOINTS_DIR } from "../flink/options.ts";
import { deployedSpec, sameJson } from "../reconcile/last-reconciled-spec.ts";
import { diffSpecs, type SpecDiff } from "../reconcile/spec-diff.ts";
import { type JobRecord, specOf, wasDeployed } from "./record.ts";

/** Where a start is to be from, if the record is not to say so. */
export type StartFrom = { readonly kind: "savepoint"; readonly path: string } | { readonly kind: "scratch" };

/** Requests to an operator. Here a command makes them. */
const NONCES = ["savepointRedeployNonce", "savepointTriggerNonce", "checkpointTriggerNonce"] as const;

function without<T extends object>(object: T, names: readonly (keyof T)[]): T {
  const kept = { ...object };
  for (const name of names) delete kept[name];
  return kept;
}

/** The same options however they are nested, with `options` in place of what is there. */
export function withOptions(
  spec: FlinkDeploymentSpec,
  options: Readonly<Record<string, string>>,
): FlinkDeploymentSpec {
  if (Object.keys(options).length === 0) return spec;
  return { ...spec, flinkConfiguration: { ...flattenConfiguration(spec.flinkConfiguration), ...options } };
}

/** Whatever name the option has there. */
export function withSavepointDirectory(
  spec: FlinkDeploymentSpec,
  directory: string | undefined,
): FlinkDeploymentSpec {
  if (directory === undefined) return spec;
  const others = withoutOption(flattenConfiguration(spec.flinkConfiguration), SAVEPOINTS_DIR);
  return { ...spec, flinkConfiguration: { ...others, [SAVEPOINTS_DIR.key]: directory } };
}

/** As the job file has it, to run. Who says nothing about state does not want to lose it. */
function asRunning(spec: FlinkDeploymentSpec): FlinkDeploymentSpec {
  const job: JobSpec = without(spec.job ?? {}, NONCES);
  return { ...spec, job: { upgradeMode: "savepoint", ...job, state: "running" } };
}

/** Whether a cluster runs by the record, or is being stopped: another spec for it is an update. */
export function isRunning({ status }: FlinkDeployment): boolean {
  return deployedSpec(status?.reconciliationStatus ?? {})?.spec.job?.state === "running";
}

/** What the job file changes of what runs. */
export function changeOf({ status }: FlinkDeployment, wanted: FlinkDeploymentSpec): SpecDiff {
  const deployed: FlinkDeploymentSpec = deployedSpec(status?.reconciliationStatus ?? {})?.spec ?? {};
  const { savepointRedeployNonce: nonce } = deployed.job ?? {};
  const job = { ...wanted.job, ...(nonce === undefined ? {} : { savepointRedeployNonce: nonce }) };
  return diffSpecs(deployed, { ...wanted, job }, modeOf(deployed));
}

/** Without what was asked for once. */
function lasting({ job, ...spec }: FlinkDeploymentSpec): object {
  return { ...spec, job: without(job ?? {}, NONCES) };
}

/** What the last command wanted, if it wanted the same: then it is gone on with, and not begun anew. */
function isSameWish(before: FlinkDeploymentSpec, wanted: FlinkDeploymentSpec): boolean {
  return sameJson(lasting(before), lasting(wanted));
}

function place(from: StartFrom): Pick<JobSpec, "initialSavepointPath"> {
  return from.kind === "savepoint" ? { initialSavepointPath: from.path } : {};
}

/** The spec with which the job runs, from where it was stopped unless `from` says otherwise. */
export function specToRun(
  { resource }: JobRecord,
  file: FlinkDeploymentSpec,
  from: StartFrom | undefined,
): FlinkDeploymentSpec {
  const spec = asRunning(file);
  const before = resource.spec.job ?? {};
  const { initialSavepointPath, savepointRedeployNonce: nonce } = before;
  const job = without(spec.job ?? {}, ["initialSavepointPath"]);
  if (from === undefined) {
    // Before the first deployment the file may say where from; after it, the record says.
    const first = wasDeployed(resource) ? undefined : spec.job?.initialSavepointPath;
    const path = first ?? initialSavepointPath;
    return {
      ...spec,
      job: {
        ...job,
        ...(path === undefined ? {} : { initialSavepointPath: path }),
        ...(nonce === undefined ? {} : { savepointRedeployNonce: nonce }),
      },
    };
  }
  const wanted = { ...spec, job: { ...job, ...place(from) } };
  if (!wasDeployed(resource)) return wanted;
  const next = isSameWish(resource.spec, wanted) ? nonce : (nonce ?? 0) + 1;
  return {
    ...wanted,
    job: { ...wanted.job, ...(next === undefined ? {} : { savepointRedeployNonce: next }) },
  };
}

export interface StopWishes {
  readonly savepointDirectory: string | undefined;
  readonly drain: boolean;
}

/** The spec with which what runs is stopped. */
export function specToStop({ resource }: JobRecord, wishes: StopWishes): FlinkDeploymentSpec {
  const { savepointDirectory, drain } = wishes;
  const spec = specOf(resource);
  const upgradeMode: UpgradeMode = spec.job?.upgradeMode === "stateless" ? "stateless" : "savepoint";
  const stopped = { ...spec, job: { ...spec.job, upgradeMode, state: "suspended" as const } };
  return withOptions(
    withSavepointDirectory(stopped, savepointDirectory),
    drain ? { [DRAIN_ON_SAVEPOINT.key]: "true" } : {},
  );
}
