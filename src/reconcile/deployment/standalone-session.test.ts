/** Standalone session clusters: what their TaskManager Deployment adds to session.test.ts. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { flink, job } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  type ResourceChange,
  standalone,
  withImage,
  withoutHa,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  nothing,
  type ObjectChange,
  ownedByAnother,
  pod,
  TASK_MANAGERS_UID,
  taskManagerDeployment,
  terminating,
  unavailable,
  waiting,
} from "../../../testbed/gen/kube-objects.ts";
import type { Scene } from "../../../testbed/gen/observed.ts";
import { jobRunning, recordedCluster, sessionCluster, sessionJob } from "../../../testbed/gen/session.ts";
import { gone, HA, starting, tearDownSteps } from "../../../testbed/gen/steps.ts";
import { action, condition, decideOnce, message, play, Trace } from "../../../testbed/gen/trace.ts";

const withReplicas = (replicas: number): ResourceChange =>
  withSpec({ taskManager: { replicas, resource: { memory: "1g", cpu: 1 } } });

const running = recordedCluster();
const stateful = sessionJob(jobRunning({ restore: "savepoint" }));

/** One with two TaskManagers, changed before or (`edited`) after it was deployed. */
function session(...changes: ResourceChange[]): FlinkDeployment {
  return sessionCluster(standalone(), withReplicas(2), ...changes);
}

/** It answers, with the TaskManager Deployment changed, or without one. */
function up(
  resource: FlinkDeployment,
  workers: ObjectChange[] | "lost" = [],
  sessionJobs: readonly FlinkSessionJob[] = [stateful],
): Scene {
  return {
    cluster: {
      ...cluster(resource, [available()], { pods: [pod("jobmanager"), pod("taskmanager")], configMaps: HA }),
      taskManagers: workers === "lost" ? undefined : taskManagerDeployment(resource, ...workers),
    },
    flink: flink([job("RUNNING")]),
    sessionJobs,
  };
}

describe("a standalone session cluster", () => {
  it("comes up with its TaskManagers, which the scale subresource is told of", () => {
    const trace = new Trace(session());
    const incomplete = (resource: FlinkDeployment): Scene => {
      const { configMaps, deployment, services } = cluster(resource, []);
      return { cluster: nothing({ deployment, services, configMaps }) };
    };
    play(trace, [
      { when: "recorded", scene: gone([]), gives: { actions: [], lifecycle: "UPGRADING" } },
      { when: "created", scene: gone([]), gives: { actions: ["create-cluster"] } },
      { when: "TaskManagers are missing", scene: incomplete, gives: { actions: ["create-cluster"] } },
      { when: "all are there", scene: starting([]), gives: { actions: [], lifecycle: "DEPLOYED" } },
      {
        when: "it answers",
        scene: up,
        gives: { actions: [], lifecycle: "STABLE", conditions: ["Ready: JobManagerReady"] },
      },
    ]);
    expect(trace.resource.status?.taskManager).toEqual({
      labelSelector: "component=taskmanager,app=job",
      replicas: 2,
    });
  });

  it("is taken down like any cluster, and tells the scale subresource of none meanwhile", () => {
    const trace = new Trace(session(running));
    trace.change(edited(withImage("flink:new")));
    play(trace, [
      { when: "edited", scene: up, gives: { events: ["SpecChanged"], lifecycle: "UPGRADING" } },
      { when: "HA brings its jobs back", scene: up, gives: { jobManager: "MISSING" } },
    ]);
    expect(trace.resource.status?.taskManager).toEqual({ labelSelector: "", replicas: 0 });
    expect(decideOnce(session(running, deleted()), up(session(running))).actions).toEqual([]);
    play(new Trace(session(running, deleted())), [
      ...tearDownSteps().map((step, index) => ({
        ...step,
        scene: (resource: FlinkDeployment) => ({ ...step.scene?.(resource), flink: flink([]) }),
        gives: index === 0 ? { ...step.gives, events: ["Cleanup"] } : step.gives,
      })),
      { when: "gone", scene: gone(), gives: { actions: ["delete-config-maps"] } },
      { when: "all gone", scene: gone([]), gives: { actions: ["remove-finalizer"] } },
    ]);
  });
});

describe("its TaskManagers", () => {
  it.each<[string, FlinkDeployment, ObjectChange[] | "lost", string[]]>([
    ["as they were asked for: nothing is done", session(running), [], []],
    ["lost: made again", session(running), "lost", ["create-cluster"]],
    ["being deleted: waited for", session(running), [terminating()], []],
    [
      "scaled by an autoscaler of their Deployment: left as they are",
      session(running),
      [(it) => void (it["spec"] = { replicas: 7 })],
      [],
    ],
    [
      "lost while jobs are being stopped for a change: their savepoints need them",
      session(withoutHa(), recordedCluster({ state: "UPGRADING" }), edited(withImage("flink:new"))),
      "lost",
      ["create-cluster"],
    ],
  ])("%s", (_, resource, workers, actions) => {
    expect(decideOnce(resource, up(resource, workers)).actions).toEqual(actions);
  });

  it("whose name somebody took while they were lost: said", () => {
    const resource = session(running);
    const outcome = decideOnce(resource, up(resource, [ownedByAnother()]));
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: NameTaken"] });
    expect(condition(outcome, "Stalled")?.message).toContain("job-taskmanager");
  });
});

describe("kubectl scale", () => {
  it.each<[string, ResourceChange[]]>([
    ["with HA", []],
    ["without HA", [withoutHa()]],
  ])("changes the TaskManagers alone, %s", (_, settings) => {
    const trace = new Trace(session(...settings, running));
    trace.change(edited(withReplicas(5)));
    const outcome = trace.pass(up(trace.resource));
    expect(outcome).toMatchObject({
      actions: ["scale-task-managers"],
      events: ["Scaling", "SpecChanged"],
      lifecycle: "DEPLOYED",
      jobManager: "READY",
      conditions: ["Reconciling: Scaling"],
    });
    expect(message(outcome, "SpecChanged")).toMatch(/^SCALE change\(s\) detected/);
    expect(action(outcome, "scale-task-managers")).toMatchObject({ uid: TASK_MANAGERS_UID, replicas: 5 });
    expect(outcome.status.taskManager?.replicas).toBe(5);
    expect(outcome.status.observedGeneration).toBe(2);
    const next = trace.pass(up(trace.resource));
    expect(next).toMatchObject({
      actions: [],
      events: [],
      lifecycle: "STABLE",
      conditions: ["Ready: JobManagerReady"],
    });
  });

  it("is recorded before it is done: after a crash it is done again", () => {
    const trace = new Trace(session(running));
    const before = up(trace.resource);
    trace.change(edited(withReplicas(3)));
    for (let pass = 0; pass < 2; pass++) {
      expect(action(trace.pass(before), "scale-task-managers").replicas).toBe(3);
    }
  });

  it("together with another change is a change: the jobs are stopped first", () => {
    const trace = new Trace(session(withoutHa(), running));
    trace.change(edited(withReplicas(3), withImage("flink:new")));
    expect(trace.pass(up(trace.resource))).toMatchObject({ actions: [], lifecycle: "UPGRADING" });
  });

  it("after a change that was taken back while its jobs were being stopped leaves the cluster alone", () => {
    const stopping = recordedCluster({ state: "UPGRADING" });
    const trace = new Trace(session(withoutHa(), stopping));
    trace.change(edited(withReplicas(3)));
    expect(trace.pass(up(trace.resource))).toMatchObject({
      actions: ["scale-task-managers"],
      lifecycle: "DEPLOYED",
      jobManager: "READY",
    });
  });

  it("while the JobManager cannot run is done as well", () => {
    const trace = new Trace(session(recordedCluster({ jobManager: "ERROR" })));
    trace.change(edited(withReplicas(3)));
    const pods = [pod("jobmanager", waiting("ImagePullBackOff", "no such image"))];
    const scene = { cluster: cluster(trace.resource, [unavailable()], { pods }), sessionJobs: [stateful] };
    expect(trace.pass(scene).actions).toEqual(["scale-task-managers"]);
  });

  it("while the JobManager is lost is made with its recovery", () => {
    const trace = new Trace(session(running));
    trace.change(edited(withReplicas(3)));
    play(trace, [{ when: "lost", scene: gone(), gives: { actions: [], jobManager: "MISSING" } }]);
    const { inputs } = action(trace.pass(gone()(trace.resource)), "create-cluster");
    expect(inputs.spec.taskManager?.replicas).toBe(3);
  });

  it("of a native one, whose TaskManagers Flink makes, is a change like any other", () => {
    const trace = new Trace(sessionCluster(withReplicas(2), running));
    trace.change(edited(withReplicas(3)));
    expect(trace.pass(up(trace.resource))).toMatchObject({ actions: [], lifecycle: "UPGRADING" });
    expect(trace.resource.status?.taskManager).toBeUndefined();
  });
});
