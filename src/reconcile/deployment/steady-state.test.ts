/** Nothing to do costs nothing: the second look at the same things asks for no action, no event and no status write. */
import { describe, expect, it } from "vitest";
import {
  checkpointAt,
  exceptions,
  flink,
  job,
  ok,
  refused,
  unreachable,
} from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  NOW,
  reactive,
  type ResourceChange,
  standalone,
  withConfiguration,
  withJobState,
  withoutHa,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  haConfigMap,
  nothing,
  pod,
  scaledToZero,
  taskManagerDeployment,
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
import { PROGRESS_INTERVAL } from "../../../testbed/gen/observed.ts";
import { decideOnce, Trace } from "../../../testbed/gen/trace.ts";
import { sameJson } from "../last-reconciled-spec.ts";

function over(state: "FAILED" | "FINISHED"): SceneOf {
  return (resource) => ({
    cluster: cluster(resource),
    flink: flink([{ ...ownJob(resource, state), endTime: STARTED }], {
      checkpoints: checkpointAt("s3://chk"),
      exceptions: exceptions({ timestamp: NOW, stacktrace: "java.lang.Exception: x" }),
    }),
    exceptionsReportedUntil: NOW,
  });
}

const nobody: SceneOf = () => ({ cluster: nothing() });
const silent: SceneOf = (resource) => ({ cluster: cluster(resource), flink: { jobs: unreachable() } });
const noNode: SceneOf = (resource) => ({
  ...up("CREATED")(resource),
  cluster: cluster(resource, [available()], { pods: [pod("taskmanager", unschedulable("full"))] }),
});
const mainFailed: SceneOf = (resource) => ({
  cluster: cluster(resource),
  flink: flink([job("FAILED", { jobId: "driver" })], {
    applications: ok([{ id: "a", name: "a", state: "FAILED" }]),
  }),
});
const noCheckpoints: SceneOf = (resource) => ({
  cluster: cluster(resource),
  flink: flink([{ ...ownJob(resource, "FAILED"), endTime: STARTED }], { checkpoints: refused(404) }),
});
const shuttingDown: SceneOf = (resource) => ({
  cluster: cluster(resource, [scaledToZero()], {
    pods: [pod("jobmanager", terminating()), pod("taskmanager")],
  }),
});

const stuck: SceneOf = (resource) => ({
  cluster: cluster(resource, [terminating()], { pods: [pod("jobmanager", terminating(NOW - 120_000))] }),
});

describe("the second look at", () => {
  it.each<[string, ResourceChange[], SceneOf]>([
    ["a stable job", [running()], up("RUNNING")],
    ["a stable job with an ignored edit", [running(), edited(withUpgradeMode("last-state"))], up("RUNNING")],
    [
      "a stable job of another operator's record",
      [running(), withSpec({ restartNonce: null, mode: "native" })],
      up("RUNNING"),
    ],
    ["a suspended job", [withJobState("suspended"), suspended()], gone()],
    [
      "a suspended job with an edit",
      [withJobState("suspended"), suspended(), edited(withParallelism(4))],
      gone([]),
    ],
    ["a resource created suspended", [withJobState("suspended")], nobody],
    ["a failed job", [running()], over("FAILED")],
    ["a failed job without cluster", [running({ jobState: "FAILED", error: "Job Not Found" })], gone([])],
    ["a finished job", [running()], over("FINISHED")],
    ["a finished job without cluster", [running({ jobState: "FINISHED" })], gone([])],
    ["a job that restarts", [running()], up("RESTARTING")],
    [
      "a job that is not found",
      [running()],
      (resource) => ({ cluster: cluster(resource), flink: flink([]) }),
    ],
    ["a main() that runs", [deploying()], (resource) => ({ cluster: cluster(resource), flink: flink([]) })],
    ["a main() that failed", [deploying()], mainFailed],
    ["a REST API that is silent", [running()], silent],
    ["a JobManager that starts", [deploying()], starting()],
    ["a JobManager without image", [deploying()], imagePullBackOff()],
    ["TaskManagers without node", [deploying()], noNode],
    ["a lost JobManager without HA", [withoutHa(), running()], gone([])],
    [
      "a lost JobManager without HA, and a change",
      [withoutHa(), running(), edited(withParallelism(4))],
      gone([]),
    ],
    [
      "a lost JobManager that is not to be recovered",
      [withConfiguration({ "kubernetes.operator.jm-deployment-recovery.enabled": "false" }), running()],
      gone(),
    ],
    [
      "a failed job that is to be restarted, from nobody knows where",
      [withConfiguration({ "kubernetes.operator.job.restart.failed": "true" }), running()],
      noCheckpoints,
    ],
    [
      "a savepoint in progress",
      [stoppingWithSavepoint()],
      up("RUNNING", { savepoint: ok({ state: "IN_PROGRESS" }) }),
    ],
    ["a cancellation in progress", [cancelling()], up("CANCELLING")],
    ["a cluster that shuts down", [stopped()], shuttingDown],
    [
      "a restore whose HA metadata is gone",
      [withUpgradeMode("last-state"), stopped({ restore: "last-state" })],
      gone([]),
    ],
    ["a change that waits for the job", [withoutHa(), running(), edited(withParallelism(4))], silent],
    ["an invalid new spec", [withParallelism(0)], nobody],
    [
      "an invalid spec beside a JobManager without image",
      [running(), edited(withParallelism(-1))],
      imagePullBackOff(),
    ],
    [
      "an invalid spec beside a lost JobManager",
      [withoutHa(), running(), edited(withParallelism(-1))],
      gone([]),
    ],
    [
      "an invalid spec of a suspended job",
      [withJobState("suspended"), suspended(), edited(withParallelism(-1))],
      gone([]),
    ],
    ["pods on a lost node", [stopped()], stuck],
    ["an invalid spec of a running job", [running(), edited(withParallelism(-1))], up("RUNNING")],
    ["an unsupported spec", [withSpec({ flinkVersion: "v1_14" })], nobody],
    ["HA metadata of somebody before", [], () => ({ cluster: nothing({ configMaps: HA }) })],
    ["a deletion that waits for pods", [running(), deleted()], shuttingDown],
    [
      "a deletion that waits for its savepoint",
      [withConfiguration({ "kubernetes.operator.job.savepoint-on-deletion": "true" }), running(), deleted()],
      silent,
    ],
    ["a stable standalone job", [standalone(), running()], up("RUNNING")],
    ["a stable reactive job", [standalone(), reactive(), running()], up("RUNNING")],
    [
      "TaskManagers that are being deleted",
      [standalone(), running()],
      (resource) => ({
        ...up("RESTARTING")(resource),
        cluster: {
          ...cluster(resource),
          taskManagers: taskManagerDeployment(resource, terminating()),
        },
      }),
    ],
    ["HA metadata without a checkpoint yet", [running()], up("RUNNING", {}, [haConfigMap()])],
  ])("%s changes nothing", (_, changes, scene) => {
    const trace = new Trace(flinkDeployment(...changes));
    trace.pass(scene(trace.resource));
    const settled = structuredClone(trace.resource.status);
    const second = trace.pass(scene(trace.resource));
    expect(second.actions).toEqual([]);
    expect(second.events).toEqual([]);
    expect(second.status).toEqual(settled);
    expect(sameJson(second.status, settled)).toBe(true);
    expect(second.decision.requeueAfter ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(
      PROGRESS_INTERVAL,
    );
  });

  it("anything leaves what it was given as it was", () => {
    const resource = flinkDeployment(running(), edited(withParallelism(4)));
    const before = structuredClone(resource);
    decideOnce(resource, up("RUNNING")(resource));
    expect(resource).toEqual(before);
  });
});
