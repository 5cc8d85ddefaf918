/** A savepoint of a job that runs on; and the state that another job can be started from. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import { withStatusDefaults } from "../api/defaults.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { deployedSpec } from "../reconcile/last-reconciled-spec.ts";
import { changeJob, type Surroundings, type TargetJob } from "./job.ts";
import { type JobRecord, savedState, specOf, wasDeployed } from "./record.ts";
import { Refusal } from "./target.ts";
import { isStopping, type Verdict } from "./verdict.ts";
import { isRunning } from "./wanted.ts";

function handledNonce({ status }: FlinkDeployment): number | undefined {
  return deployedSpec(status?.reconciliationStatus ?? {})?.spec.job?.savepointTriggerNonce;
}

/** Of the savepoint that was asked for with `nonce`. */
function verdictOn(resource: FlinkDeployment, nonce: number): Verdict {
  const { savepointInfo } = withStatusDefaults(resource.status).jobStatus;
  const { lastSavepoint, triggerId = "", triggerType } = savepointInfo;
  if (lastSavepoint?.triggerNonce === nonce) return { kind: "done" };
  const isOver = handledNonce(resource) === nonce && triggerId === "" && triggerType === undefined;
  if (isOver) return { kind: "failed", message: "the savepoint failed; the job runs on" };
  const ready = resource.status?.conditions?.find(({ type }) => type === "Ready");
  const waits = ready?.status === "True" || ready === undefined;
  return { kind: "waiting", message: waits ? "taking a savepoint" : ready.message };
}

function requireRunning({ resource }: JobRecord, name: string, { target }: Surroundings): void {
  if (!wasDeployed(resource)) {
    throw new Refusal(
      "not-found",
      `there is no job ${name}: ${target.records.describe(name)} is not there or empty`,
      "Start one with `sluice start -f FILE`; -n names another namespace.",
    );
  }
  if (isStopping(resource)) {
    throw new Refusal(
      "act",
      `${name} is being stopped with a savepoint`,
      `Run \`sluice stop ${name}\` again.`,
    );
  }
  if (isRunning(resource)) return;
  const saved = savedState(resource.status);
  const where = saved === "unknown" || saved.path === undefined ? "" : `; its state is at ${saved.path}`;
  throw new Refusal("act", `${name} does not run${where}`, "Start it first.");
}

async function take(job: TargetJob, record: JobRecord): Promise<string> {
  const { resource } = record;
  const spec = specOf(resource);
  const nonce = (handledNonce(resource) ?? 0) + 1;
  await job.want(record, { ...spec, job: { ...spec.job, state: "running", savepointTriggerNonce: nonce } });
  const after = await job.settle(
    {
      timedOut: `the savepoint of ${job.name} is not complete within the time; the job runs on`,
      next: "Run the command again, with a longer --timeout.",
    },
    (one) => verdictOn(one, nonce),
  );
  return after.resource.status?.jobStatus?.savepointInfo?.lastSavepoint?.location ?? "";
}

/** Its path. @throws Refusal */
export function takeSavepoint(name: string, surroundings: Surroundings): Promise<string> {
  return changeJob(name, surroundings, async (job) => {
    const record = await job.read();
    requireRunning(record, name, surroundings);
    return take(job, record);
  });
}

/** Of a job that runs: the newest checkpoint that Flink keeps. Its next ones may delete it. */
async function latestCheckpoint({ resource }: JobRecord, { target }: Surroundings): Promise<string> {
  const { name, namespace = "default" } = resource.metadata;
  const flink = target.flinkFor(namespace, name, deployedRestPort(resource, {}));
  const answer = await flink.jobCheckpoints(resource.status?.jobStatus?.jobId ?? "");
  const path = answer.ok ? answer.value.latest.completed?.externalPath : undefined;
  if (path !== undefined && path.includes(":")) return path;
  throw new Refusal(
    "act",
    answer.ok ? `${name} has no checkpoint yet that another job could start from` : answer.failure.message,
    "Leave --latest-checkpoint away: then a savepoint is taken.",
  );
}

/** The job's state at this moment, and the job goes on: where it is. @throws Refusal */
export function stateToFork(
  name: string,
  fromCheckpoint: boolean,
  surroundings: Surroundings,
): Promise<string> {
  return changeJob(name, surroundings, async (job) => {
    const record = await job.read();
    const saved = savedState(record.resource.status);
    if (wasDeployed(record.resource) && saved !== "unknown" && saved.path !== undefined) return saved.path;
    requireRunning(record, name, surroundings);
    return fromCheckpoint ? latestCheckpoint(record, surroundings) : take(job, record);
  });
}
