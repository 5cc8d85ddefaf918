/** Passes over the jobs of a target: the operator's shell and decisions, around a record. */
import { randomBytes } from "node:crypto";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import { DeploymentDecisions } from "../controller/deployment-decisions.ts";
import type { Gathered } from "../controller/gather.ts";
import { type PassOutcome, PassShell } from "../controller/pass-shell.ts";
import { withoutCredentials } from "../flink/credentials.ts";
import type { Decision, EventRecord, Options } from "../reconcile/decision.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { createLogger, type Logger } from "../telemetry/log.ts";
import { type JobRecord, readRecord, savedState, writeRecord } from "./record.ts";
import type { Target } from "./target.ts";

/** Milliseconds between two looks at something that is in progress, and at a job that is left alone. */
const PROGRESS_MS = 1000;
const QUIET_MS = 5000;

export interface Telling {
  /** Debugging; silent unless given. */
  readonly log?: Logger;
  readonly tell: (event: EventRecord) => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface PassResult {
  readonly outcome: PassOutcome;
  /** With the status that was decided. */
  readonly resource: FlinkDeployment;
}

/** For decisions around a record. */
export function optionsOfRecord(): Options {
  return {
    defaults: {},
    isRecord: true,
    progressInterval: PROGRESS_MS,
    reconcileInterval: QUIET_MS,
    entropy: randomBytes(16).toString("hex"),
  };
}

export class TargetPasses {
  readonly #target: Target;
  readonly #shell: PassShell<FlinkDeployment, Gathered, Decision>;
  readonly #decisions: DeploymentDecisions;
  /** As read or written last, by name: what a status is written on top of. */
  readonly #records = new Map<string, JobRecord>();
  readonly #decided = new Map<string, Decision>();

  constructor(target: Target, { log = createLogger("silent"), tell, now = Date.now }: Telling) {
    this.#target = target;
    this.#decisions = new DeploymentDecisions({
      log,
      now,
      options: optionsOfRecord,
      flinkFor: (...place) => target.flinkFor(...place),
      findRetained: (question) => target.findRetained(question),
      execute: (action, resource, flink) => target.execute(action, resource, flink),
    });
    const parts = this.#decisions.parts();
    const outlet = {
      log,
      write: (resource: FlinkDeployment) => this.#write(resource),
      tell: async (_: FlinkDeployment, event: EventRecord) =>
        tell({ ...event, message: withoutCredentials(event.message) }),
    };
    this.#shell = new PassShell(outlet, {
      ...parts,
      live: (_, name) => this.#gather(name),
      ended: (key, decision, failure) => {
        this.#decided.set(key, decision);
        parts.ended(key, decision, failure);
      },
    });
  }

  /** Undefined: there is no record. @throws what a later pass may not meet any more, and Refusal. */
  async pass(name: string): Promise<PassResult | undefined> {
    const key = this.#keyOf(name);
    this.#decided.delete(key);
    const outcome = await this.#shell.pass(key);
    const resource = this.#records.get(name)?.resource;
    if (resource === undefined) return undefined;
    const status = this.#decided.get(key)?.status ?? resource.status;
    return { outcome, resource: { ...resource, ...(status === undefined ? {} : { status }) } };
  }

  /** What a pass would decide now. Nothing is written and nothing is done. */
  async look(name: string): Promise<{ resource: FlinkDeployment; decision: Decision } | undefined> {
    const gathered = await this.#gather(name);
    if (gathered === undefined) return undefined;
    const { decision } = await this.#decisions.parts().decide(this.#keyOf(name), gathered);
    return { resource: gathered.resource, decision };
  }

  #keyOf(name: string): string {
    return `${this.#target.namespace}/${name}`;
  }

  async #gather(name: string): Promise<Gathered | undefined> {
    const { records, namespace } = this.#target;
    const stored = await records.read(name);
    if (stored === undefined) {
      this.#records.delete(name);
      return undefined;
    }
    const record = readRecord(name, namespace, stored);
    this.#records.set(name, record);
    const { resource } = record;
    return { resource, cluster: await this.#target.observe(resource), snapshots: undefined, sessionJobs: [] };
  }

  async #write(resource: FlinkDeployment): Promise<FlinkDeployment | undefined> {
    const { name, resourceVersion } = resource.metadata;
    const before = this.#records.get(name);
    if (before === undefined) return undefined;
    const data = writeRecord(before, resource, await this.#savepointSize(before, resource));
    const version = await this.#target.records.write(name, data, resourceVersion);
    if (version === undefined) return undefined;
    const record = readRecord(name, this.#target.namespace, { data, version });
    this.#records.set(name, record);
    return record.resource;
  }

  /** Bytes of the savepoint that is about to be recorded, as long as its JobManager is there to tell. */
  async #savepointSize(before: JobRecord, after: FlinkDeployment): Promise<number | undefined> {
    const saved = savedState(after.status);
    const { jobId = "" } = before.resource.status?.jobStatus ?? {};
    if (saved === "unknown" || saved.path === undefined || saved.path === before.writtenPath)
      return undefined;
    const { namespace = "default", name } = after.metadata;
    const flink = this.#target.flinkFor(namespace, name, deployedRestPort(before.resource, {}));
    const answer = await flink.jobCheckpoints(jobId);
    if (!answer.ok) return undefined;
    const { savepoint, completed } = answer.value.latest;
    return [savepoint, completed].find((one) => one?.externalPath === saved.path)?.stateSize;
  }
}
