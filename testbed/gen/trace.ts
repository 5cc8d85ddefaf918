/**
 * Follows one FlinkDeployment over several passes without a cluster: each pass is decided from what the test says is
 * there, and its status is what the next pass finds recorded.
 */
import { expect } from "vitest";
import type { FlinkDeployment, FlinkDeploymentStatus } from "../../src/api/flink-deployment.ts";
import type { Condition } from "../../src/api/kube-object.ts";
import type { Action, Decision, Options, RetainedQuestion } from "../../src/reconcile/decision.ts";
import { decide } from "../../src/reconcile/deployment/decide.ts";
import { errorMessage } from "../../src/reconcile/status-error.ts";
import { type Change, NOW, type ResourceChange } from "./flink-deployment.ts";
import { observed, options, type Scene } from "./observed.ts";

/** What one pass came to, in the words that tests compare. */
export interface Outcome {
  readonly decision: Decision;
  readonly status: FlinkDeploymentStatus;
  /** Types of the actions, in order. */
  readonly actions: readonly Action["type"][];
  /** Reasons of the events, in order. */
  readonly events: readonly string[];
  readonly lifecycle: string | undefined;
  readonly jobState: string | undefined;
  readonly jobManager: string | undefined;
  /** Message of `status.error`. */
  readonly error: string | undefined;
  /** `Ready`, `Reconciling` and `Stalled` that are True, as `Type: reason`. */
  readonly conditions: readonly string[];
}

export function outcomeOf(decision: Decision): Outcome {
  const { status } = decision;
  return {
    decision,
    status,
    actions: decision.actions.map(({ type }) => type),
    events: decision.events.map(({ reason }) => reason),
    lifecycle: status.lifecycleState,
    jobState: status.jobStatus?.state,
    jobManager: status.jobManagerDeploymentStatus,
    error: errorMessage(status.error),
    conditions: (status.conditions ?? [])
      .filter(({ type, status }) => type !== "Running" && status === "True")
      .map(({ type, reason }) => `${type}: ${reason}`),
  };
}

export function condition(outcome: Outcome, type: string): Condition | undefined {
  return outcome.status.conditions?.find((one) => one.type === type);
}

/** The only action of that type. */
export function action<T extends Action["type"]>(outcome: Outcome, type: T): Extract<Action, { type: T }> {
  const found = outcome.decision.actions.filter((one) => one.type === type);
  if (found.length !== 1) throw new Error(`${found.length} actions of type ${type}`);
  return found[0] as Extract<Action, { type: T }>;
}

/** The first event with that reason. */
export function message(outcome: Outcome, reason: string): string | undefined {
  return outcome.decision.events.find((event) => event.reason === reason)?.message;
}

export class Trace {
  now = NOW;
  resource: FlinkDeployment;
  /** What the state storage was asked, pass by pass. */
  readonly asked: RetainedQuestion[] = [];
  private readonly fields: Partial<Options>;
  private attempts = 0;

  constructor(resource: FlinkDeployment, fields: Partial<Options> = {}) {
    this.resource = resource;
    this.fields = fields;
  }

  change(change: ResourceChange): void {
    const draft = structuredClone(this.resource);
    change(draft);
    this.resource = draft;
  }

  /** One pass, `after` milliseconds after the one before. */
  pass(scene: Scene = {}, after = 1000): Outcome {
    this.now += after;
    const entropy = (++this.attempts).toString(16).padStart(32, "e");
    const seen = observed(this.resource, scene, this.fields.defaults);
    const given = options({ ...this.fields, entropy });
    let decision = decide(seen, this.now, given);
    const { question } = decision;
    if (question !== undefined) {
      this.asked.push(question);
      const answer = scene.retained ?? { kind: "none" };
      decision = decide({ ...seen, retained: { question, answer } }, this.now, given);
    }
    const status = JSON.parse(JSON.stringify(decision.status)) as FlinkDeploymentStatus;
    this.resource = { ...this.resource, status };
    return outcomeOf(decision);
  }
}

/** One pass over the resource as it is. */
export function decideOnce(
  resource: FlinkDeployment,
  scene: Scene = {},
  fields: Partial<Options> = {},
): Outcome {
  return new Trace(resource, fields).pass(scene, 0);
}

/** One line of a worked trace: what is there, and what the pass comes to. Only the fields given are compared. */
export interface Step<Resource = FlinkDeployment, What = Scene> {
  readonly when: string;
  readonly edit?: Change<Resource>;
  readonly scene?: (resource: Resource) => What;
  /** Milliseconds since the pass before. */
  readonly after?: number;
  readonly gives: Partial<Omit<Outcome, "decision" | "status">>;
}

interface Played<Resource, What> {
  readonly resource: Resource;
  change(change: Change<Resource>): void;
  pass(scene?: What, after?: number): Outcome;
}

/** Plays the steps; the outcome of the last one. */
export function play<Resource = FlinkDeployment, What = Scene>(
  trace: Played<NoInfer<Resource>, NoInfer<What>>,
  steps: readonly Step<NoInfer<Resource>, NoInfer<What>>[],
): Outcome {
  let last: Outcome | undefined;
  for (const { when, edit, scene, after, gives } of steps) {
    if (edit) trace.change(edit);
    const outcome = trace.pass(scene?.(trace.resource), after);
    last = outcome;
    const names = Object.keys(gives) as (keyof typeof gives)[];
    expect(Object.fromEntries(names.map((name) => [name, outcome[name]])), when).toEqual(gives);
  }
  if (last === undefined) throw new Error("a trace without steps");
  return last;
}
