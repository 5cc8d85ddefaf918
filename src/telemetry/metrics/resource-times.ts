/**
 * How long resources are in their states, and how long upgrades and their steps take, from the statuses that this
 * process writes. What began before it did is not measured: nobody saw the beginning.
 */
import type { FlinkDeploymentStatus, LifecycleState } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { deployedSpec } from "../../reconcile/last-reconciled-spec.ts";
import { withStatusDefaults } from "../../api/defaults.ts";
import { APACHE } from "./descriptions.ts";
import type { Metrics } from "./metrics.ts";
import type { System } from "./resource-families.ts";

type Kind = "FlinkDeployment" | "FlinkSessionJob";

/** When a resource came into a state, was last written in it, and left it, in milliseconds. */
interface Stay {
  /** Undefined: before this process looked. */
  readonly entered: number | undefined;
  touched: number | undefined;
  left?: number;
}

interface Upgrade {
  readonly begun: number;
  readonly mode: string;
  step: { readonly name: string; readonly since: number } | undefined;
  /** Since when the job does not run. */
  down: number | undefined;
}

interface Known {
  state: LifecycleState;
  readonly stays: Map<LifecycleState, Stay>;
  upgrade: Upgrade | undefined;
}

interface Transition {
  readonly name: string;
  readonly from: readonly LifecycleState[];
  readonly to: LifecycleState;
  /** From which moment of the first state it is measured. */
  readonly since: Exclude<keyof Stay, symbol>;
}

const TRANSITIONS: readonly Transition[] = [
  { name: "Resume", from: ["SUSPENDED"], to: "STABLE", since: "left" },
  { name: "Upgrade", from: ["STABLE"], to: "STABLE", since: "left" },
  { name: "Suspend", from: ["DEPLOYED", "STABLE", "ROLLED_BACK"], to: "SUSPENDED", since: "left" },
  { name: "Stabilization", from: ["DEPLOYED"], to: "STABLE", since: "entered" },
  { name: "Rollback", from: ["DEPLOYED"], to: "ROLLED_BACK", since: "entered" },
  { name: "Submission", from: ["UPGRADING"], to: "DEPLOYED", since: "touched" },
  { name: "Submission", from: ["ROLLING_BACK"], to: "ROLLED_BACK", since: "touched" },
];

/** In which a resource stays; what came before is history. */
const SETTLED: ReadonlySet<LifecycleState> = new Set(["STABLE", "SUSPENDED", "ROLLED_BACK", "FAILED"]);

/** `unchanged`: the job ran on all the while, because its savepoint failed or came too early; it is tried again. */
const OUTCOMES = ["running", "unchanged", "suspended", "finished", "failed"] as const;
type Outcome = (typeof OUTCOMES)[number];

function statusOf(resource: KubeObject): FlinkDeploymentStatus {
  return resource["status"] ?? {};
}

function isUpgrading({ reconciliationStatus }: FlinkDeploymentStatus): boolean {
  const { state } = reconciliationStatus ?? {};
  return state === "UPGRADING" || state === "ROLLING_BACK";
}

/** A job that starts for the first time stands still for nobody. */
function beginsUpgrade(before: FlinkDeploymentStatus, status: FlinkDeploymentStatus): boolean {
  const ran = before.reconciliationStatus?.lastReconciledSpec !== undefined && !isUpgrading(before);
  return ran && isUpgrading(status);
}

/** What came of an upgrade; undefined while it is under way. */
function outcomeOf(status: FlinkDeploymentStatus, wasDown: boolean): Outcome | undefined {
  if (isUpgrading(status)) return undefined;
  const { lifecycleState, jobStatus } = status;
  if (jobStatus?.state === "RUNNING") return wasDown ? "running" : "unchanged";
  if (lifecycleState === "SUSPENDED") return "suspended";
  if (lifecycleState === "FAILED") return "failed";
  // Of a batch job, or of a session cluster, which has no job of its own.
  if (lifecycleState === "STABLE") return jobStatus?.state === "FINISHED" ? "finished" : "running";
  return undefined;
}

function stepOf({ conditions = [] }: FlinkDeploymentStatus): string | undefined {
  return conditions.find(({ type, status }) => type === "Reconciling" && status === "True")?.reason;
}

function namespaceOf(key: string): string {
  return key.split("/")[0] ?? "";
}

export interface ResourceTimesOptions {
  readonly system: System;
  /** The Apache operator's summaries of lifecycle times. */
  readonly lifecycle: boolean;
  /** Lifecycle times by namespace as well. */
  readonly byNamespace: boolean;
}

export class ResourceTimes {
  readonly #metrics: Metrics;
  readonly #kind: Kind;
  readonly #options: ResourceTimesOptions;
  readonly #known = new Map<string, Known>();
  /** Summaries that a namespace has, and how many resources it has. */
  readonly #variants = new Set<string>();
  readonly #places = new Map<string, number>();

  constructor(metrics: Metrics, kind: Kind, options: ResourceTimesOptions) {
    this.#metrics = metrics;
    this.#kind = kind;
    this.#options = options;
    // From 0 on, so that the first upgrade is an increase, too.
    for (const upgrade_mode of ["stateless", "last-state", "savepoint"]) {
      const { upgradeSeconds, upgradeDowntimeSeconds } = metrics.record;
      upgradeDowntimeSeconds.zero({ kind, upgrade_mode });
      for (const outcome of OUTCOMES) upgradeSeconds.zero({ kind, upgrade_mode, outcome });
    }
  }

  /** A status has been written; `now` in milliseconds of any clock. */
  written(key: string, before: KubeObject, after: KubeObject, now: number): void {
    const known = this.#known.get(key) ?? this.#begin(key, statusOf(before), now);
    const status = statusOf(after);
    this.#moveOn(key, known, status.lifecycleState ?? known.state, now);
    this.#upgrade(known, statusOf(before), status, now);
  }

  /** The resource is gone. */
  gone(key: string): void {
    if (!this.#known.delete(key)) return;
    const namespace = namespaceOf(key);
    const left = (this.#places.get(namespace) ?? 1) - 1;
    if (left > 0) {
      this.#places.set(namespace, left);
      return;
    }
    this.#places.delete(namespace);
    const labels = this.#namespaceLabels(namespace);
    for (const variant of this.#variants) this.#metrics.summary(APACHE.namespaceTime, variant).remove(labels);
  }

  #begin(key: string, { lifecycleState }: FlinkDeploymentStatus, now: number): Known {
    const state = lifecycleState ?? "CREATED";
    // A new resource is in its first state from now on; since when an older one is in its own, nobody knows.
    const isNew = lifecycleState === undefined;
    const known: Known = {
      state,
      stays: new Map([[state, { entered: isNew ? now : undefined, touched: undefined }]]),
      upgrade: undefined,
    };
    this.#known.set(key, known);
    const namespace = namespaceOf(key);
    this.#places.set(namespace, (this.#places.get(namespace) ?? 0) + 1);
    return known;
  }

  #moveOn(key: string, known: Known, state: LifecycleState, now: number): void {
    const stay = known.stays.get(known.state);
    if (state === known.state) {
      if (stay !== undefined) stay.touched = now;
      return;
    }
    if (stay !== undefined) stay.left = now;
    if (stay?.entered !== undefined) this.#observe(key, `Lifecycle_State_${known.state}`, now - stay.entered);
    for (const { name, from, to, since } of TRANSITIONS) {
      const first = to === state ? from.find((one) => known.stays.has(one)) : undefined;
      const begun = first && known.stays.get(first)?.[since];
      if (begun !== undefined) this.#observe(key, `Lifecycle_Transition_${name}`, now - begun);
    }
    if (SETTLED.has(state)) known.stays.clear();
    known.stays.set(state, { entered: now, touched: now });
    known.state = state;
  }

  #observe(key: string, variant: string, milliseconds: number): void {
    const { system, lifecycle, byNamespace } = this.#options;
    if (!lifecycle) return;
    const seconds = milliseconds / 1000;
    const { host, namespace, name } = system;
    this.#metrics
      .summary(APACHE.stateTime, `${this.#kind}_${variant}`)
      .observe({ host, namespace, name }, seconds);
    if (!byNamespace) return;
    this.#variants.add(variant);
    const labels = this.#namespaceLabels(namespaceOf(key));
    this.#metrics.summary(APACHE.namespaceTime, variant).observe(labels, seconds);
  }

  #namespaceLabels(resourcens: string) {
    const { host, namespace, name } = this.#options.system;
    return { host, namespace, name, resourcens, resourcetype: this.#kind };
  }

  #upgrade(known: Known, before: FlinkDeploymentStatus, status: FlinkDeploymentStatus, now: number): void {
    if (known.upgrade === undefined && beginsUpgrade(before, status))
      known.upgrade = this.#beginUpgrade(status, now);
    const { upgrade } = known;
    if (upgrade === undefined) return;
    const { state } = status.jobStatus ?? {};
    if (state !== undefined && state !== "RUNNING") upgrade.down ??= now;
    const outcome = outcomeOf(status, upgrade.down !== undefined);
    this.#step(upgrade, outcome === undefined ? stepOf(status) : undefined, now);
    if (outcome === undefined) return;
    known.upgrade = undefined;
    const labels = { kind: this.#kind, upgrade_mode: upgrade.mode };
    const { upgradeSeconds, upgradeDowntimeSeconds } = this.#metrics.record;
    upgradeSeconds.observe({ ...labels, outcome }, (now - upgrade.begun) / 1000);
    if (state === "RUNNING" && upgrade.down !== undefined)
      upgradeDowntimeSeconds.observe(labels, (now - upgrade.down) / 1000);
  }

  #beginUpgrade(status: FlinkDeploymentStatus, now: number): Upgrade {
    const { reconciliationStatus } = withStatusDefaults(status);
    const mode = deployedSpec(reconciliationStatus)?.spec.job?.upgradeMode ?? "none";
    return { begun: now, mode, step: undefined, down: undefined };
  }

  #step(upgrade: Upgrade, name: string | undefined, now: number): void {
    if (upgrade.step?.name === name) return;
    if (upgrade.step !== undefined) {
      const labels = { kind: this.#kind, step: upgrade.step.name };
      this.#metrics.record.upgradeStepSeconds.observe(labels, (now - upgrade.step.since) / 1000);
    }
    upgrade.step = name === undefined ? undefined : { name, since: now };
  }
}
