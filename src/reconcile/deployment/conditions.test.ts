import { describe, expect, it } from "vitest";
import type { Condition } from "../../api/kube-object.ts";
import { checkpointAt, flink } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  type ResourceChange,
  withJobState,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { cluster, nothing } from "../../../testbed/gen/kube-objects.ts";
import { running, STARTED, suspended } from "../../../testbed/gen/recorded-status.ts";
import { gone, imagePullBackOff, ownJob, type SceneOf, starting, up } from "../../../testbed/gen/steps.ts";
import { condition, decideOnce, play, Trace } from "../../../testbed/gen/trace.ts";

type Verdicts = Record<"Ready" | "Reconciling" | "Stalled", "True" | "False">;
const READY: Verdicts = { Ready: "True", Reconciling: "False", Stalled: "False" };
const RECONCILING: Verdicts = { Ready: "False", Reconciling: "True", Stalled: "False" };
const STALLED: Verdicts = { Ready: "False", Reconciling: "False", Stalled: "True" };

const failed: SceneOf = (resource) => ({
  cluster: cluster(resource),
  flink: flink([{ ...ownJob(resource, "FAILED"), endTime: STARTED }], {
    checkpoints: checkpointAt("s3://a"),
  }),
});
const nobody: SceneOf = () => ({ cluster: nothing() });

describe("exactly one of Ready, Reconciling and Stalled is True", () => {
  it.each<[string, ResourceChange[], SceneOf, Verdicts, string]>([
    ["a new resource", [], nobody, RECONCILING, "Submitting"],
    ["a new one that is invalid", [withParallelism(0)], nobody, STALLED, "ValidationError"],
    ["one created suspended", [withJobState("suspended")], nobody, READY, "Suspended"],
    ["a running job", [running()], up("RUNNING"), READY, "Running"],
    ["a finished job", [running({ jobState: "FINISHED" })], up("FINISHED"), READY, "Finished"],
    ["a suspended job", [withJobState("suspended"), suspended()], gone([]), READY, "Suspended"],
    [
      "a suspended job whose cluster still goes",
      [withJobState("suspended"), suspended()],
      up("FINISHED"),
      RECONCILING,
      "ClusterShuttingDown",
    ],
    ["a job that restarts", [running()], up("RESTARTING"), RECONCILING, "JobNotRunning"],
    ["a JobManager that starts", [running()], starting(), RECONCILING, "JobManagerIsDeploying"],
    ["a JobManager that cannot start", [running()], imagePullBackOff(), STALLED, "ImagePullBackOff"],
    ["a job that failed", [running()], failed, STALLED, "JobFailed"],
    [
      "a change under way",
      [running(), edited(withParallelism(4))],
      up("RUNNING"),
      RECONCILING,
      "SavepointInProgress",
    ],
    [
      "a running job whose newest spec is invalid",
      [running(), edited(withParallelism(-1))],
      up("RUNNING"),
      STALLED,
      "ValidationError",
    ],
    ["a deletion", [running(), deleted()], up("RUNNING"), RECONCILING, "ClusterShuttingDown"],
  ])("%s", (_, changes, scene, expected, reason) => {
    const resource = flinkDeployment(...changes);
    const outcome = decideOnce(resource, scene(resource));
    const found = Object.fromEntries(
      ["Ready", "Reconciling", "Stalled"].map((type) => [type, condition(outcome, type)?.status]),
    );
    expect(found).toEqual(expected);
    expect(condition(outcome, "Ready")?.reason).toBe(reason);
    for (const one of outcome.status.conditions ?? []) {
      expect(one.observedGeneration).toBe(resource.metadata.generation);
      expect(one.message).not.toBe("");
      expect(one.reason).toMatch(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/);
      expect(one.lastTransitionTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    }
  });
});

describe("the condition Running is the Apache operator's", () => {
  it.each(["RUNNING", "RESTARTING", "CREATED"] as const)("%s", (state) => {
    const resource = flinkDeployment(running());
    const outcome = decideOnce(resource, up(state)(resource));
    expect(condition(outcome, "Running")).toMatchObject({
      status: state === "RUNNING" ? "True" : "False",
      reason: `${state[0]}${state.slice(1).toLowerCase()}`,
      message: `Job status ${state}`,
    });
  });

  it("is not there before anything was deployed", () => {
    const outcome = decideOnce(flinkDeployment(withJobState("suspended")));
    expect(condition(outcome, "Running")).toBeUndefined();
  });
});

describe("the time of a condition", () => {
  it("changes when its status does, and only then", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("savepoint"), running()));
    const times: Record<string, string[]> = {};
    for (const scene of [up("RUNNING"), up("RUNNING"), up("RESTARTING"), up("FAILING"), up("RUNNING")]) {
      const { status } = trace.pass(scene(trace.resource), 10_000);
      for (const one of status.conditions ?? [])
        (times[one.type] ??= []).push(one.lastTransitionTime.slice(17, 19));
    }
    expect(times).toEqual({
      Running: ["10", "10", "30", "30", "50"],
      Ready: ["10", "10", "30", "30", "50"],
      Reconciling: ["10", "10", "30", "30", "50"],
      Stalled: ["10", "10", "10", "10", "10"],
    });
  });

  it("is kept from what another operator wrote", () => {
    const old: Condition = {
      type: "Running",
      status: "True",
      reason: "Running",
      message: "Job status RUNNING",
      lastTransitionTime: "2020-01-01T00:00:00Z",
    };
    const trace = new Trace(flinkDeployment(running()));
    trace.change(({ status }) => void (status!.conditions = [old]));
    const outcome = play(trace, [{ when: "running", scene: up("RUNNING"), gives: {} }]);
    expect(condition(outcome, "Running")?.lastTransitionTime).toBe("2020-01-01T00:00:00Z");
  });
});
