import { describe, expect, it } from "vitest";
import { flink, silence } from "../../../testbed/gen/flink-answers.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import {
  flinkDeployment,
  NOW,
  type ResourceChange,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  CREATED,
  ended,
  jobManagerDeployment,
  named,
  nothing,
  type ObjectChange,
  pod,
  replicaFailure,
  unavailable,
  unschedulable,
  waiting,
} from "../../../testbed/gen/kube-objects.ts";
import { observed, options, type Scene } from "../../../testbed/gen/observed.ts";
import { deploying, running } from "../../../testbed/gen/recorded-status.ts";
import { type SceneOf, starting, up } from "../../../testbed/gen/steps.ts";
import { condition, message, play, Trace } from "../../../testbed/gen/trace.ts";
import { beginPass, type Pass } from "../pass.ts";
import { neverStarted } from "./observe-job-manager.ts";

describe("a JobManager that cannot run", () => {
  const down =
    (...changes: ObjectChange[]): SceneOf =>
    (resource) => ({
      cluster: cluster(resource, [unavailable()], { pods: [pod("jobmanager", ...changes)] }),
    });

  it.each<[string, SceneOf, string, string]>([
    [
      "its image is not there",
      down(waiting("ImagePullBackOff", "no such image")),
      "ImagePullBackOff",
      "[flink-main-container] no such image",
    ],
    [
      "it crashes",
      down(waiting("CrashLoopBackOff", "back-off", { exitCode: 1, message: "no main class" })),
      "CrashLoopBackOff",
      "[flink-main-container] exit code 1: no main class",
    ],
    [
      "it has too little memory",
      down(waiting("CrashLoopBackOff", "back-off", { reason: "OOMKilled", exitCode: 137 })),
      "OOMKilled",
      "[flink-main-container] killed for using more memory than its limit; give the container more memory",
    ],
    [
      "no node takes it",
      down(unschedulable("0/1 nodes are available")),
      "Unschedulable",
      "0/1 nodes are available",
    ],
    [
      "its pods are refused",
      (resource) => ({ cluster: cluster(resource, [replicaFailure("exceeded quota")], { pods: [] }) }),
      "FailedCreate",
      "exceeded quota",
    ],
  ])("because %s is in status, event and condition, once", (_, scene, reason, text) => {
    const trace = new Trace(flinkDeployment(deploying()));
    const first = play(trace, [
      {
        when: "seen",
        scene,
        gives: {
          actions: [],
          events: [reason],
          jobManager: "ERROR",
          jobState: "RECONCILING",
          lifecycle: "DEPLOYED",
          error: text,
          conditions: [`Stalled: ${reason}`],
        },
      },
    ]);
    expect(message(first, reason)).toBe(text);
    expect(JSON.parse(first.status.error ?? "")).toMatchObject({
      type: "org.apache.flink.kubernetes.operator.exception.DeploymentFailedException",
      additionalMetadata: { reason },
    });
    expect(condition(first, "Stalled")?.message).toContain(text);
    const second = play(trace, [{ when: "still", scene, gives: { actions: [], events: [] } }]);
    expect(second.status).toEqual(first.status);
    play(trace, [
      {
        when: "it starts after all",
        scene: starting([]),
        gives: { jobManager: "DEPLOYING", conditions: ["Reconciling: JobManagerIsDeploying"] },
      },
      {
        when: "and runs",
        scene: up("RUNNING"),
        gives: { jobManager: "READY", error: undefined, lifecycle: "STABLE", conditions: ["Ready: Running"] },
      },
    ]);
  });

  it("because no node takes it yet is waited for, as an autoscaler may bring one, and then needs a person", () => {
    const text = "0/1 nodes are available";
    const since = (minutes: number): SceneOf =>
      down(unschedulable(text, new Date(NOW - minutes * 60_000).toISOString()));
    const trace = new Trace(flinkDeployment(deploying()));
    const first = play(trace, [
      {
        when: "seen",
        scene: since(1),
        gives: {
          actions: [],
          events: ["Unschedulable"],
          error: text,
          conditions: ["Reconciling: Unschedulable"],
        },
      },
    ]);
    expect(condition(first, "Stalled")?.status).toBe("False");
    expect(condition(first, "Ready")?.message).toContain(text);
    play(trace, [
      {
        when: "after the readiness timeout",
        scene: since(6),
        gives: { actions: [], events: [], conditions: ["Stalled: Unschedulable"] },
      },
    ]);
  });

  it("after it ran for a while is the same", () => {
    const trace = new Trace(flinkDeployment(running()));
    play(trace, [
      {
        when: "it crashes now",
        scene: down(waiting("CrashLoopBackOff", "back-off", { exitCode: 1, message: "x" })),
        gives: { actions: [], events: ["CrashLoopBackOff"], jobManager: "ERROR", jobState: "RECONCILING" },
      },
    ]);
  });
});

describe("a JobManager that is available", () => {
  it("is READY only when its REST API answers", () => {
    const trace = new Trace(flinkDeployment(deploying()));
    play(trace, [
      {
        when: "it does not yet",
        scene: (resource) => ({ cluster: cluster(resource), flink: silence() }),
        gives: { jobManager: "DEPLOYED_NOT_READY" },
      },
      {
        when: "it does",
        scene: (resource) => ({ cluster: cluster(resource), flink: flink([]) }),
        gives: { jobManager: "READY" },
      },
    ]);
  });
});

describe("TaskManagers that cannot run", () => {
  const stuck: SceneOf = (resource) => ({
    ...up("CREATED")(resource),
    cluster: cluster(resource, [available()], {
      pods: [
        pod("jobmanager"),
        pod("taskmanager"),
        pod("taskmanager", named("job-taskmanager-1-2"), unschedulable("0/3 nodes are available: memory")),
      ],
    }),
  });

  it("are said in an event, once, and in the condition, as Flink goes on asking", () => {
    const trace = new Trace(flinkDeployment(deploying()));
    const text = "TaskManager job-taskmanager-1-2: 0/3 nodes are available: memory";
    const first = play(trace, [
      {
        when: "seen",
        scene: stuck,
        gives: {
          actions: [],
          events: ["JobStatusChanged", "Unschedulable"],
          jobManager: "READY",
          jobState: "CREATED",
          conditions: ["Reconciling: Unschedulable"],
        },
      },
    ]);
    expect(message(first, "Unschedulable")).toBe(text);
    expect(condition(first, "Reconciling")?.message).toBe(text);
    const second = play(trace, [{ when: "still", scene: stuck, gives: { events: [], actions: [] } }]);
    expect(second.status).toEqual(first.status);
    play(trace, [
      {
        when: "a node came",
        scene: up("RUNNING"),
        gives: { lifecycle: "STABLE", conditions: ["Ready: Running"] },
      },
    ]);
  });

  it("matter neither to a job that runs without them nor to one that ended", () => {
    const killed = pod("taskmanager", ended({ reason: "OOMKilled", exitCode: 137 }));
    for (const state of ["RUNNING", "FINISHED"] as const) {
      const trace = new Trace(flinkDeployment(running({ jobState: state })));
      play(trace, [
        {
          when: state,
          scene: (resource) => ({
            ...up(state)(resource),
            cluster: cluster(resource, [available()], { pods: [pod("jobmanager"), killed] }),
          }),
          gives: {
            events: [],
            actions: [],
            conditions: [state === "RUNNING" ? "Ready: Running" : "Ready: Finished"],
          },
        },
      ]);
    }
  });
});

function passOver(resource: FlinkDeployment, scene: Scene = {}): Pass {
  return beginPass(observed(resource, scene), NOW, options());
}

describe("a JobManager that never started", () => {
  it.each<[string, ObjectChange[], boolean]>([
    ["has not been available since its creation", [unavailable()], true],
    ["or since the controller's first look at it", [unavailable(CREATED + 2000)], true],
    ["is not one that was available and is not any more", [unavailable(CREATED + 60_000)], false],
    ["is not one that is available", [available()], false],
    ["is not one that nobody has looked at", [], false],
  ])("%s", (_, changes, expected) => {
    const resource = flinkDeployment(running());
    const deployment = jobManagerDeployment(resource, ...changes);
    expect(neverStarted(passOver(resource, { cluster: nothing({ deployment }) }))).toBe(expected);
  });

  it("is not one that is not there", () => {
    expect(neverStarted(passOver(flinkDeployment(running())))).toBe(false);
  });

  it.each<[string, ResourceChange]>([
    ["of the spec", withSpec({ jobManager: { replicas: 3, resource: { memory: "1g", cpu: 1 } } })],
    [
      "of Flink's option",
      withSpec({ jobManager: null, flinkConfiguration: { "kubernetes.jobmanager.replicas": "2" } }),
    ],
  ])("is not known of several, %s: one may have run the job while the others were awaited", (_, several) => {
    const resource = flinkDeployment(several, running());
    const deployment = jobManagerDeployment(resource, unavailable());
    expect(neverStarted(passOver(resource, { cluster: nothing({ deployment }) }))).toBe(false);
  });
});
