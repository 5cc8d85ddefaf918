/** What Flink is expected to know of the job of one resource, going on from what it really said. */
import type { FlinkDeployment, FlinkJobState } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { type FlinkConfiguration, getOption } from "../../flink/configuration.ts";
import { CHECKPOINTING_INTERVAL, CHECKPOINTS_DIR } from "../../flink/options.ts";
import type { CheckpointStatistics, FlinkAnswer, JobOverview } from "../../flink/rest-answers.ts";
import type { FlinkAnswers, ObservedJob, SnapshotAction } from "../decision.ts";
import type { Question } from "../deployment/questions.ts";
import { isTerminal } from "../upgrade-mode.ts";

const ok = <T>(value: T): FlinkAnswer<T> => ({ ok: true, value });
const unknown = {
  ok: false,
  failure: { kind: "http", status: 404, message: "not known to the plan" },
} as const;

/** In place of what only the future knows, in paths. */
export const NEW = "(new)";

/** Of the cluster that the job runs in. */
interface ClusterAnswers {
  readonly version: string;
  readonly jobs: readonly JobOverview[];
}

/** As the resource's status has it. */
function recorded({ metadata, status }: FlinkDeployment | FlinkSessionJob): JobOverview | undefined {
  const { jobId, state } = status?.jobStatus ?? {};
  if (jobId === undefined || state === undefined) return undefined;
  return { jobId, name: metadata.name, state, startTime: 0, lastModification: 0 };
}

export class ExpectedJob {
  /** As Flink lists it. */
  overview: JobOverview | undefined;
  checkpoints: FlinkAnswer<CheckpointStatistics>;
  snapshots: ObservedJob["snapshots"];
  /** Flink went on with it by itself, in another JobManager, where it still runs. */
  broughtBack = false;
  /** As it was when its JobManager went, or was not to be seen. */
  #gone: JobOverview | undefined;
  /** As long as nothing was done to the job, what Flink really said counts. */
  #real: FlinkAnswers | undefined;
  #savepoint: string | undefined;

  constructor(
    resource: FlinkDeployment | FlinkSessionJob,
    { flink, snapshots }: Pick<ObservedJob, "flink" | "snapshots">,
  ) {
    const jobId = resource.status?.jobStatus?.jobId;
    if (flink.jobs?.ok === true) this.overview = flink.jobs.value.find((one) => one.jobId === jobId);
    else this.#gone = recorded(resource);
    this.snapshots = snapshots;
    this.#real = flink;
    this.checkpoints = flink.checkpoints ?? unknown;
  }

  touch(): void {
    this.#real = undefined;
  }

  answer(question: Question, { version, jobs }: ClusterAnswers): FlinkAnswers[Question] {
    const real = this.#real?.[question];
    if (real !== undefined) return real;
    switch (question) {
      case "config":
        return ok({ flinkVersion: version, flinkRevision: "" });
      case "jobs":
        return ok(jobs);
      case "applications":
        return ok([]);
      case "exceptions":
        return ok({ history: [] });
      case "checkpoints":
        return this.checkpoints;
      case "metrics":
        return ok({});
      case "savepoint":
        return this.#savepoint === undefined
          ? unknown
          : ok({ state: "COMPLETED", location: this.#savepoint } as const);
      case "checkpoint":
        return ok({ state: "COMPLETED", checkpointId: 1 } as const);
    }
  }

  takeSnapshot(action: SnapshotAction): void {
    if (action.type === "create-snapshot") this.snapshots = [...(this.snapshots ?? []), action.snapshot];
    if (action.type === "delete-snapshot")
      this.snapshots = this.snapshots?.filter(({ metadata }) => metadata.uid !== action.uid);
    if (action.type === "trigger-savepoint") this.saveIn(action.targetDirectory ?? "");
  }

  saveIn(directory: string): void {
    this.#savepoint = `${directory}/savepoint-${NEW}`;
  }

  /** `endTime`: epoch milliseconds. */
  end(state: FlinkJobState, endTime: number): void {
    this.broughtBack = false;
    if (this.overview !== undefined)
      this.overview = { ...this.overview, state, endTime, lastModification: endTime };
  }

  /**
   * It runs, and has completed a checkpoint where it makes any: where that is, is returned. `config`: its effective
   * configuration; `now`: epoch milliseconds.
   */
  start(jobId: string, name: string, config: FlinkConfiguration, now: number): string | undefined {
    this.overview = { jobId, name, state: "RUNNING", startTime: now, lastModification: now };
    this.broughtBack = false;
    this.checkpoints = unknown;
    if (getOption(config, CHECKPOINTING_INTERVAL) === undefined) return undefined;
    const externalPath = `${getOption(config, CHECKPOINTS_DIR) ?? ""}/${jobId}/chk-${NEW}`;
    const counts = { completed: 1, failed: 0, inProgress: 0, restored: 0, total: 1 };
    this.checkpoints = ok({
      latest: { completed: { id: 1, externalPath, completionTime: now } },
      counts,
      history: [],
    });
    return externalPath;
  }

  /** Its JobManager goes. */
  lose(): void {
    this.#gone = this.overview ?? this.#gone;
    this.overview = undefined;
    this.touch();
  }

  /** The next JobManager finds it in the HA metadata. */
  comeBack(): void {
    if (this.#gone === undefined || isTerminal(this.#gone.state)) return;
    this.overview = { ...this.#gone, state: "RUNNING" };
    this.broughtBack = true;
  }
}
