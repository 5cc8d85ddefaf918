/** A job of a scripted cluster: what its script says of it, and the answers about it. */
import type { FlinkJobState } from "../../src/api/flink-deployment.ts";
import type { Version } from "./local-flink.ts";
import { JOB } from "./recordings.ts";
import type { RestAnswer } from "./server.ts";
import { type Json, jobTemplate, recorded, statisticsTemplate } from "./templates.ts";

export interface JobScript {
  /** 32 hexadecimal digits. */
  readonly jobId: string;
  readonly name?: string;
  /** Default RUNNING. */
  readonly state?: FlinkJobState;
  readonly tasks?: number;
  /** Default true. */
  readonly checkpointing?: boolean;
  /** The savepoint or checkpoint it began with. */
  readonly restoredFrom?: string;
}

interface Checkpoint {
  readonly id: number;
  readonly savepoint: boolean;
  readonly path: string;
  readonly triggered: number;
  status: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  ended?: number;
}

interface Problem {
  readonly className: string;
  readonly message: string;
  readonly at: number;
}

const TERMINAL: ReadonlySet<FlinkJobState> = new Set(["FINISHED", "CANCELED", "FAILED"]);
const HISTORY = 10;

export class ScriptedJob {
  readonly jobId: string;
  readonly name: string;
  readonly startTime: number;
  private readonly script: JobScript;
  private readonly version: Version;
  private readonly now: () => number;
  private current: FlinkJobState;
  private changed: number;
  private checkpoints: Checkpoint[] = [];
  private counts = { completed: 0, failed: 0 };
  private nextId = 1;
  private problems: Problem[] = [];
  bounds = { lowerBound: 1, upperBound: 1 };

  constructor(script: JobScript, version: Version, now: () => number) {
    this.script = script;
    this.version = version;
    this.now = now;
    this.jobId = script.jobId;
    this.name = script.name ?? "scripted";
    this.startTime = now();
    this.changed = this.startTime;
    this.current = script.state ?? "RUNNING";
  }

  get state(): FlinkJobState {
    return this.current;
  }

  get ended(): boolean {
    return TERMINAL.has(this.current);
  }

  get checkpointing(): boolean {
    return this.script.checkpointing ?? true;
  }

  become(state: FlinkJobState): void {
    if (this.current !== state) this.changed = this.now();
    this.current = state;
  }

  /** The job is in `state` because of this exception. */
  fail(className: string, message: string, state: FlinkJobState = "FAILED"): void {
    this.problems.unshift({ className, message, at: this.now() });
    this.become(state);
  }

  begin(savepoint: boolean, folder: string): Checkpoint {
    const id = this.nextId++;
    const path = savepoint
      ? `${folder}/savepoint-${this.jobId.slice(0, 6)}-${String(id).padStart(12, "0")}`
      : `${folder}/${this.jobId}/chk-${id}`;
    const checkpoint: Checkpoint = { id, savepoint, path, triggered: this.now(), status: "IN_PROGRESS" };
    this.checkpoints = [checkpoint, ...this.checkpoints].slice(0, HISTORY);
    return checkpoint;
  }

  end(checkpoint: Checkpoint, status: "COMPLETED" | "FAILED"): void {
    checkpoint.status = status;
    checkpoint.ended = this.now();
    this.counts[status === "COMPLETED" ? "completed" : "failed"]++;
  }

  overview(): Json {
    const now = this.now();
    const template = jobTemplate(this.version, this.current);
    const total = this.script.tasks ?? 1;
    const none = Object.fromEntries(Object.keys(template["tasks"] as Json).map((state) => [state, 0]));
    const where = { RUNNING: "running", FINISHED: "finished", CANCELED: "canceled", FAILED: "failed" }[
      this.current as "RUNNING"
    ];
    return {
      ...template,
      jid: this.jobId,
      name: this.name,
      state: this.current,
      "start-time": this.startTime,
      "end-time": this.ended ? this.changed : -1,
      duration: (this.ended ? this.changed : now) - this.startTime,
      "last-modification": this.changed,
      tasks: { ...none, total, [where ?? "created"]: total },
    };
  }

  private describe(checkpoint: Checkpoint): Json {
    const { id, savepoint, path, triggered, status, ended } = checkpoint;
    const common = {
      id,
      is_savepoint: savepoint,
      trigger_timestamp: triggered,
      latest_ack_timestamp: ended ?? triggered,
    };
    if (status === "IN_PROGRESS") {
      return { ...statisticsTemplate(this.version, "savepoint-in-progress").history[0], ...common };
    }
    if (status === "FAILED") {
      const { failed } = statisticsTemplate(this.version, "stop-twice").latest;
      return { ...failed, ...common, failure_timestamp: ended };
    }
    const { latest } = statisticsTemplate(this.version, savepoint ? "savepoint-completed" : "running");
    const template = savepoint ? latest.savepoint : latest.completed;
    const newest = this.checkpoints.find((one) => !one.savepoint && one.status === "COMPLETED");
    return { ...template, ...common, external_path: path, discarded: !savepoint && checkpoint !== newest };
  }

  statistics(): Json {
    const template = statisticsTemplate(this.version, "running");
    const { restoredFrom } = this.script;
    const find = (wanted: (one: Checkpoint) => boolean) => {
      const found = this.checkpoints.find(wanted);
      return found === undefined ? null : this.describe(found);
    };
    const restored = {
      ...statisticsTemplate(this.version, "restored").latest.restored,
      external_path: restoredFrom,
      restore_timestamp: this.startTime,
    };
    const pending = this.checkpoints.filter(({ status }) => status === "IN_PROGRESS").length;
    return {
      ...template,
      counts: {
        restored: restoredFrom === undefined ? 0 : 1,
        total: this.nextId - 1,
        in_progress: pending,
        ...this.counts,
      },
      latest: {
        completed: find(({ savepoint, status }) => !savepoint && status === "COMPLETED"),
        savepoint: find(({ savepoint, status }) => savepoint && status === "COMPLETED"),
        failed: find(({ status }) => status === "FAILED"),
        restored: restoredFrom === undefined ? null : restored,
      },
      history: this.checkpoints.map((one) => this.describe(one)),
    };
  }

  details(id: number): Json | undefined {
    const found = this.checkpoints.find((one) => one.id === id);
    return found && this.describe(found);
  }

  exceptions(): Json {
    const path = `GET /jobs/${JOB}/exceptions?maxExceptions=10`;
    const { body } = recorded(this.version, "restarting", path);
    const template = body as { exceptionHistory: { entries: Json[] } };
    const entries = this.problems.map(({ className, message, at }) => ({
      ...template.exceptionHistory.entries[0],
      exceptionName: className,
      stacktrace: `${className}: ${message}\n\tat ScriptedJob.map(ScriptedJob.java:1)\n`,
      timestamp: at,
      concurrentExceptions: [],
    }));
    const [root] = entries;
    // Flink 1.20 also has the older fields.
    const older = "root-exception" in template ? { "root-exception": root?.stacktrace ?? null } : {};
    return { ...template, ...older, exceptionHistory: { entries, truncated: false } };
  }

  executionResult(): RestAnswer {
    const situation = ({ FINISHED: "finished", CANCELED: "canceled", FAILED: "failed" } as const)[
      this.current as "FINISHED"
    ] as "finished" | undefined;
    const call = `GET /jobs/${JOB}/execution-result`;
    return recorded(this.version, situation ?? "running", call, { [JOB]: this.jobId });
  }
}
