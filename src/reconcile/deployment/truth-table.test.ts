/**
 * What each situation is called, by Sluice and by the tools that people wait with (testbed/gen/verdicts.ts). The verdicts
 * are in docs/reference/health.md, for users and reviewers; here is what each of its rows means.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { withJobDefaults } from "../../api/defaults.ts";
import { checkpointAt, flink, ok, unreachable } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  NOW,
  type ResourceChange,
  withConfiguration,
  withFlinkVersion,
  withJob,
  withJobState,
  withoutFinalizer,
  withoutHa,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  nothing,
  ownedByAnother,
  pod,
  terminating,
  unschedulable,
} from "../../../testbed/gen/kube-objects.ts";
import {
  cancelling,
  deploying,
  running,
  STARTED,
  stopped,
  stoppingWithSavepoint,
  submitting,
  suspended,
} from "../../../testbed/gen/recorded-status.ts";
import {
  gone,
  HA,
  imagePullBackOff,
  ownJob,
  type SceneOf,
  starting,
  up,
} from "../../../testbed/gen/steps.ts";
import { Trace } from "../../../testbed/gen/trace.ts";
import {
  argoBuiltIn,
  argoByConditions,
  argoProposed,
  kstatus,
  kubectlWaits,
} from "../../../testbed/gen/verdicts.ts";
import { parseRecordedSpec, writeRecordedSpec } from "../last-reconciled-spec.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const nobody: SceneOf = () => ({ cluster: nothing() });
const ended =
  (state: "FAILED" | "FINISHED" | "CANCELED"): SceneOf =>
  (resource) => ({
    cluster: cluster(resource),
    flink: flink([{ ...ownJob(resource, state), endTime: STARTED }], { checkpoints: checkpointAt("s3://a") }),
  });
const foreign: SceneOf = (resource) => ({ cluster: cluster(resource, [available(), ownedByAnother()]) });
const answering =
  (jobs: typeof unreachable): SceneOf =>
  (resource) => ({ cluster: cluster(resource), flink: { jobs: jobs("no answer within 10 s") } });
const leftBehind: SceneOf = () => ({
  cluster: nothing({ pods: [pod("taskmanager", terminating(NOW - 600_000))], configMaps: HA }),
});
const withoutRoom: SceneOf = (resource) => ({
  cluster: cluster(resource, [available()], {
    pods: [pod("jobmanager"), pod("taskmanager", unschedulable())],
  }),
  flink: flink([ownJob(resource, "CREATED")]),
});
const churning: SceneOf = (resource) => ({
  cluster: cluster(resource),
  flink: flink([ownJob(resource, "RUNNING")], { metrics: ok({ numRestarts: 1000 }) }),
});

const option = (key: string, value: string): ResourceChange =>
  withConfiguration({ [`kubernetes.operator.${key}`]: value });
const ROLLBACK = option("deployment.rollback.enabled", "true");

/** It was well when it was looked at last. */
const WAS_WELL: ResourceChange = ({ status }) => {
  const health = {
    timeStamp: NOW,
    numRestarts: 0,
    numRestartsEvaluationTimeStamp: NOW,
    numCompletedCheckpoints: 0,
    numCompletedCheckpointsIncreasedTimeStamp: NOW,
    healthResult: { healthy: true, error: null },
  };
  status!.clusterInfo = { ClusterHealthInfo: JSON.stringify(health) };
};

/** The spec that ran well was another one. */
const WAS_CHANGED: ResourceChange = ({ status }) => {
  const reconciliation = status!.reconciliationStatus!;
  const { spec } = parseRecordedSpec(reconciliation.lastReconciledSpec)!;
  const job = { ...withJobDefaults(spec.job!), state: "running" as const, parallelism: 7 };
  reconciliation.lastStableSpec = writeRecordedSpec({ spec: { ...spec, job }, firstDeployment: false });
};
const inState =
  (state: "ROLLING_BACK" | "ROLLED_BACK"): ResourceChange =>
  ({ status }) =>
    void (status!.reconciliationStatus!.state = state);

const SUSPENDED = withJobState("suspended");
const CHANGED = edited(withParallelism(4));
const INVALID = edited(withParallelism(-1));
const RUNS = running();

/** What is recorded, and what is there. */
const SITUATIONS: Readonly<Record<string, readonly [readonly ResourceChange[], SceneOf]>> = {
  "new, nothing done yet": [[withoutFinalizer()], nobody],
  new: [[], nobody],
  "new and invalid": [[withParallelism(0)], nobody],
  "new, for a Flink that is too old": [[withFlinkVersion("v1_13")], nobody],
  "new, state of an earlier cluster is there": [[], gone()],
  "new, a cluster of unknown state runs": [[], (resource) => ({ cluster: cluster(resource) })],
  "created suspended": [[SUSPENDED], nobody],
  "created suspended and invalid": [[SUSPENDED, withParallelism(0)], nobody],
  "new, the API server refuses the cluster": [
    [submitting()],
    () => ({
      cluster: nothing(),
      failure: { action: "create-cluster", reason: "Forbidden", message: "exceeded quota" },
    }),
  ],
  "being submitted": [[submitting()], nobody],
  "being submitted, the name is taken": [[submitting()], foreign],
  "JobManager starts": [[deploying()], starting()],
  "JobManager cannot start": [[deploying()], imagePullBackOff()],
  "JobManager runs, its REST API does not answer yet": [
    [deploying()],
    (resource) => ({ cluster: cluster(resource) }),
  ],
  "main() runs, no job yet": [
    [deploying()],
    (resource) => ({ cluster: cluster(resource), flink: flink([]) }),
  ],
  "job waits for TaskManagers": [[deploying()], up("CREATED")],
  "TaskManagers find no room": [[deploying()], withoutRoom],
  "job runs for the first time": [[deploying()], up("RUNNING")],
  "job runs": [[RUNS], up("RUNNING")],
  "job runs, with rollback, and has still to prove itself": [
    [ROLLBACK, running({ stable: false })],
    up("RUNNING"),
  ],
  "job restarts": [[RUNS], up("RESTARTING")],
  "job fails, for now": [[RUNS], up("FAILING")],
  "job failed": [[RUNS], ended("FAILED")],
  "job failed, restarts are asked for": [[option("job.restart.failed", "true"), RUNS], ended("FAILED")],
  "job finished": [[RUNS], ended("FINISHED")],
  "job finished long ago, its JobManager goes": [
    [running({ jobState: "FINISHED", job: { updateTime: String(NOW - 90_000_000) } })],
    ended("FINISHED"),
  ],
  "job finished long ago, its JobManager is gone": [
    [running({ jobState: "FINISHED", jobManager: "MISSING" })],
    gone([]),
  ],
  "job was cancelled by somebody": [[RUNS], ended("CANCELED")],
  "job is unknown to its JobManager": [
    [RUNS],
    (resource) => ({ cluster: cluster(resource), flink: flink([]) }),
  ],
  "JobManager hangs": [[RUNS], answering(unreachable)],
  "JobManager of a stable job crashes again and again": [[RUNS], imagePullBackOff()],
  "JobManager lost": [[RUNS], gone()],
  "JobManager lost, and no state to be found": [[RUNS], gone([])],
  "JobManager lost, recovery switched off": [
    [option("jm-deployment-recovery.enabled", "false"), RUNS],
    gone(),
  ],
  "JobManager lost, a node does not let go of a pod": [[RUNS], leftBehind],
  unhealthy: [
    [option("cluster.health-check.enabled", "true"), RUNS, WAS_WELL],
    (resource) => ({
      ...churning(resource),
      cluster: cluster(resource, [available()], { configMaps: HA }),
    }),
  ],
  "unhealthy, without HA": [
    [option("cluster.health-check.enabled", "true"), withoutHa(), RUNS, WAS_WELL],
    churning,
  ],
  "changed, a savepoint is being taken": [[RUNS, CHANGED], up("RUNNING")],
  "changed, the job had failed": [[RUNS, CHANGED], ended("FAILED")],
  "changed, and the job does not answer": [[RUNS, CHANGED], answering(unreachable)],
  "changed, the savepoint goes on": [
    [stoppingWithSavepoint(), CHANGED],
    up("RUNNING", { savepoint: ok({ state: "IN_PROGRESS" }) }),
  ],
  "changed, the savepoint failed": [
    [stoppingWithSavepoint(), CHANGED],
    up("RUNNING", { savepoint: ok({ state: "COMPLETED", failure: "disk full" }) }),
  ],
  "changed, the job is being cancelled": [[cancelling(), CHANGED], up("CANCELLING")],
  "changed, the old cluster goes": [[stopped({ restore: "savepoint" })], up("FINISHED")],
  "changed, the old cluster is gone": [[stopped({ restore: "savepoint" })], gone([])],
  "changed, the last state is lost": [[stopped({ restore: "last-state" })], gone([])],
  "changed, the JobManager is lost and its state too": [[RUNS, CHANGED], gone([])],
  "changed, and where the job's state is nobody knows": [
    [running({ jobState: "FAILED", job: { upgradeSavepointPath: LAST_STATE_MARKER } }), CHANGED],
    ended("FAILED"),
  ],
  "changed in a way that needs no restart": [[RUNS, edited(withUpgradeMode("last-state"))], up("RUNNING")],
  "changed to something invalid": [[RUNS, INVALID], up("RUNNING")],
  "changed to something invalid, the job failed": [[RUNS, INVALID], ended("FAILED")],
  "being rolled back": [[submitting(), WAS_CHANGED, inState("ROLLING_BACK")], gone()],
  "rolled back": [[RUNS, WAS_CHANGED, inState("ROLLED_BACK")], up("RUNNING")],
  "redeployed from a savepoint": [
    [RUNS, edited(withJob({ savepointRedeployNonce: 1, initialSavepointPath: "s3://sp" }))],
    up("RUNNING"),
  ],
  "to be suspended, a savepoint is being taken": [[RUNS, edited(SUSPENDED)], up("RUNNING")],
  "suspended, its cluster goes": [[SUSPENDED, suspended()], up("FINISHED")],
  suspended: [[SUSPENDED, suspended()], gone([])],
  "suspended and changed": [[SUSPENDED, suspended(), CHANGED], gone([])],
  "suspended and changed to something invalid": [[SUSPENDED, suspended(), INVALID], gone([])],
  resumed: [[suspended({ restore: "savepoint" })], gone([])],
  "deleted, its cluster goes": [[RUNS, deleted()], up("RUNNING")],
  "deleted, the savepoint that is wanted cannot be taken": [
    [option("job.savepoint-on-deletion", "true"), RUNS, deleted()],
    answering(unreachable),
  ],
};

const TABLE = readFileSync(new URL("../../../docs/reference/health.md", import.meta.url), "utf8");

/** The rows of the table: what is expected, by situation. */
function expectations(): Map<string, string[]> {
  const rows = TABLE.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| Situation"));
  const cells = rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return new Map(cells.map(([situation = "", ...rest]) => [situation, rest]));
}

function verdicts(recorded: readonly ResourceChange[], sceneOf: SceneOf): string[] {
  const trace = new Trace(flinkDeployment(...recorded));
  const { lifecycle = "", conditions } = trace.pass(sceneOf(trace.resource), 0);
  const { resource } = trace;
  const tools = [kstatus, kubectlWaits, argoByConditions, argoProposed, argoBuiltIn];
  return [lifecycle, conditions.join(", "), ...tools.map((tool) => tool(resource))];
}

describe("what a situation is called", () => {
  const expected = expectations();

  it.each(Object.entries(SITUATIONS))("%s", (situation, [recorded, scene]) => {
    expect(verdicts(recorded, scene)).toEqual(expected.get(situation));
  });

  it.each([...expected])("%s: nothing that waits for Ready is told otherwise", (_, row) => {
    const [, condition = "", forFlux, forKubectl, forArgo = ""] = row;
    const ready = condition.startsWith("Ready: ");
    expect([
      forFlux === "Current",
      forKubectl === "returns",
      ["Healthy", "Suspended"].includes(forArgo),
    ]).toEqual([ready, ready, ready]);
  });

  it("is known of every row of the table", () => {
    expect([...expected.keys()]).toEqual(Object.keys(SITUATIONS));
  });
});
