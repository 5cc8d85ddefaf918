/** Standalone clusters: TaskManagers that are lost, scaled, or cannot run, while the job goes on. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { flink } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  reactive,
  type ResourceChange,
  standalone,
  withConfiguration,
  withImage,
  withJob,
  withParallelism,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  nothing,
  type ObjectChange,
  ownedByAnother,
  ownedByResource,
  pod,
  replicaFailure,
  TASK_MANAGERS_UID,
  taskManagerDeployment,
  terminating,
  unschedulable,
} from "../../../testbed/gen/kube-objects.ts";
import { running, stopped, stoppingWithSavepoint, submitting } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  ownJob,
  recordedJob,
  tearDownSteps,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, condition, decideOnce, message, play, Trace } from "../../../testbed/gen/trace.ts";

const withReplicas = (replicas: number): ResourceChange =>
  withSpec({ taskManager: { replicas, resource: { memory: "1g", cpu: 1 } } });

/** A standalone job that runs, changed before or (`edited`) after it was deployed. */
function job(...changes: ResourceChange[]): FlinkDeployment {
  return flinkDeployment(standalone(), ...changes);
}

/** Its cluster, with the TaskManager Deployment changed, or without one. */
function withWorkers(
  resource: FlinkDeployment,
  workers: ObjectChange[] | undefined,
  state: "RUNNING" | "RESTARTING" | "FINISHED" = "RUNNING",
  pods: readonly KubeObject[] = [pod("jobmanager"), pod("taskmanager")],
) {
  return {
    cluster: {
      ...cluster(resource, [available()], { pods, configMaps: HA }),
      taskManagers: workers && taskManagerDeployment(resource, ...workers),
    },
    flink: flink([ownJob(resource, state)]),
  };
}

const scaledBy =
  (replicas: number): ObjectChange =>
  (object) => {
    object["spec"] = { replicas };
  };
const withoutNote: ObjectChange = ({ metadata }) => delete metadata.annotations;

describe("a standalone cluster", () => {
  it("comes up with its TaskManager Deployment: without that it is not complete", () => {
    const trace = new Trace(job(submitting({ restore: "stateless" })));
    const { configMaps, deployment, services } = cluster(trace.resource, []);
    const incomplete = { cluster: nothing({ deployment, services, configMaps }) };
    play(trace, [
      { when: "created", scene: gone([]), gives: { actions: ["create-cluster"] } },
      {
        when: "TaskManagers are missing",
        scene: () => incomplete,
        gives: { actions: ["create-cluster"], lifecycle: "UPGRADING" },
      },
      ...bringUpSteps([]).slice(1),
    ]);
    expect(trace.resource.status?.taskManager).toEqual({
      labelSelector: "component=taskmanager,app=job",
      replicas: 2,
    });
  });

  it("is upgraded like a native one: savepoint, tear-down, a new attempt", () => {
    const trace = new Trace(job(running()));
    play(trace, [
      {
        when: "the image changes",
        edit: edited(withImage("flink:next")),
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], lifecycle: "UPGRADING" },
      },
      {
        when: "the savepoint is there",
        scene: up("FINISHED", {
          savepoint: { ok: true, value: { state: "COMPLETED", location: "s3://sp" } },
        }),
        gives: { lifecycle: "UPGRADING", jobState: "FINISHED" },
      },
      ...tearDownSteps([]),
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    const { inputs } = action(play(trace, [bringUpSteps([])[0]!]), "create-cluster");
    expect(inputs.restore).toEqual({ kind: "savepoint", path: "s3://sp" });
    expect(inputs.spec.mode).toBe("standalone");
  });

  it("does not take a Deployment of somebody else's for its TaskManagers", () => {
    const resource = job(submitting());
    const taskManagers = taskManagerDeployment(resource, ownedByAnother());
    expect(decideOnce(resource, { cluster: nothing({ taskManagers }) })).toMatchObject({
      actions: [],
      conditions: ["Stalled: NameTaken"],
    });
    const native = flinkDeployment(submitting());
    expect(decideOnce(native, { cluster: nothing({ taskManagers }) }).actions).toEqual(["create-cluster"]);
  });
});

describe("TaskManagers of a running job", () => {
  it.each<[string, FlinkDeployment, ObjectChange[] | undefined, string[]]>([
    ["as they were asked for: nothing is done", job(running()), [], []],
    ["lost: made again, for the JobManager that is there", job(running()), undefined, ["create-cluster"]],
    ["being deleted: waited for", job(running()), [terminating()], []],
    [
      "being deleted, and too many: waited for",
      job(running()),
      [terminating(), withoutNote, scaledBy(7)],
      [],
    ],
    ["somebody else's by name: left alone", job(running()), [ownedByAnother()], []],
    ["scaled by somebody else: left as they are", job(running()), [scaledBy(7)], []],
    ["made by the Apache operator: left as they are", job(running()), [withoutNote], []],
    [
      "recorded with another number, and not told yet",
      job(withReplicas(5), reactive(), running()),
      [({ metadata }) => void (metadata.annotations = { "sluice/scale": "replicas 2" })],
      ["scale-task-managers"],
    ],
    [
      "made by the Apache operator with another number than is recorded",
      job(running()),
      [withoutNote, scaledBy(7)],
      ["scale-task-managers"],
    ],
  ])("%s", (_, resource, workers, actions) => {
    const outcome = decideOnce(resource, withWorkers(resource, workers));
    expect(outcome.actions).toEqual(actions);
    expect(outcome.lifecycle).toBe("STABLE");
  });

  it("are made again without touching the job, which is said once", () => {
    const trace = new Trace(job(running()));
    const first = trace.pass(withWorkers(trace.resource, undefined, "RESTARTING"));
    expect(first).toMatchObject({
      events: ["JobStatusChanged", "RecoverDeployment"],
      conditions: ["Reconciling: RecoverDeployment"],
      jobState: "RESTARTING",
    });
    expect(action(first, "create-cluster").existing?.metadata.name).toBe("job");
    const second = trace.pass(withWorkers(trace.resource, undefined, "RESTARTING"));
    expect(second).toMatchObject({ actions: ["create-cluster"], events: [] });
    const third = trace.pass(withWorkers(trace.resource, []));
    expect(third).toMatchObject({ actions: [], conditions: ["Ready: Running"] });
  });

  it.each<[string, FlinkDeployment, string[]]>([
    ["that is stopped: its savepoint needs them", job(stoppingWithSavepoint()), ["create-cluster"]],
    [
      "that is deleted with a savepoint: the same",
      job(
        withConfiguration({ "kubernetes.operator.job.savepoint-on-deletion": "true" }),
        running(),
        deleted(),
      ),
      ["create-cluster"],
    ],
    ["that is stopped, and is to go", job(stopped()), ["scale-job-manager-to-zero"]],
    [
      "that is deleted without a savepoint, and is to go",
      job(running(), deleted()),
      ["scale-job-manager-to-zero"],
    ],
  ])("are lost of a job %s", (_, resource, actions) => {
    expect(decideOnce(resource, withWorkers(resource, undefined, "RESTARTING")).actions).toEqual(actions);
  });

  it("whose name somebody took while they were lost: said, and the job waits", () => {
    const resource = job(running());
    const outcome = decideOnce(resource, withWorkers(resource, [ownedByAnother()], "RESTARTING"));
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: NameTaken"] });
    expect(condition(outcome, "Stalled")?.message).toContain("job-taskmanager");
  });

  it("are not made again for a job that has ended, nor for a native cluster", () => {
    const ended = job(running({ jobState: "FINISHED" }));
    expect(decideOnce(ended, withWorkers(ended, undefined, "FINISHED")).actions).toEqual([]);
    const native = flinkDeployment(running());
    expect(decideOnce(native, withWorkers(native, undefined)).actions).toEqual([]);
  });

  it.each<[string, ObjectChange[], KubeObject[], string]>([
    ["that the API server refuses", [replicaFailure("exceeded quota")], [], "exceeded quota"],
    ["that no node can take", [], [pod("taskmanager", unschedulable("no node fits"))], "no node fits"],
  ])("%s are reported while the job waits for them", (_, workers, pods, text) => {
    const resource = job(running());
    const outcome = decideOnce(resource, withWorkers(resource, workers, "RESTARTING", pods));
    expect(condition(outcome, "Reconciling")?.message).toContain(text);
    expect(outcome.decision.events.some((event) => event.message.includes(text))).toBe(true);
  });
});

describe("a change of the number of TaskManagers", () => {
  const changes: [string, ResourceChange, replicas: number][] = [
    ["of the replicas, as kubectl scale makes it", withReplicas(3), 3],
    ["of the parallelism", withParallelism(5), 5],
    [
      "of both: the replicas count",
      (draft) => [withReplicas(4), withParallelism(9)].forEach((one) => one(draft)),
      4,
    ],
  ];

  it.each(changes)("%s scales a reactive job in place", (_, change, replicas) => {
    const trace = new Trace(job(reactive(), running({ restore: "savepoint" })));
    trace.change(edited(change));
    const before = trace.resource.status;
    const outcome = trace.pass(withWorkers(trace.resource, []));
    expect(outcome).toMatchObject({
      actions: ["scale-task-managers"],
      events: ["Scaling", "SpecChanged"],
      lifecycle: "DEPLOYED",
      conditions: ["Reconciling: Scaling"],
    });
    expect(message(outcome, "SpecChanged")).toMatch(/^SCALE change\(s\) detected/);
    expect(action(outcome, "scale-task-managers")).toMatchObject({ uid: TASK_MANAGERS_UID, replicas });
    expect(outcome.status.taskManager?.replicas).toBe(replicas);
    expect(outcome.status.jobStatus?.jobId).toBe(before?.jobStatus?.jobId);
    expect(outcome.status.observedGeneration).toBe(2);
    // How the job was started, which says where its state is should its JobManager be lost.
    expect(recordedJob(trace)).toMatchObject({ state: "running", upgradeMode: "savepoint" });
    const next = trace.pass(withWorkers(trace.resource, []));
    expect(next).toMatchObject({ actions: [], lifecycle: "STABLE", conditions: ["Ready: Running"] });
  });

  it("is recorded before it is asked for: after a crash it is asked for again", () => {
    const trace = new Trace(job(reactive(), running()));
    const before = withWorkers(trace.resource, []);
    trace.change(edited(withReplicas(3)));
    for (let pass = 0; pass < 2; pass++) {
      const outcome = trace.pass({ ...before, flink: flink([ownJob(trace.resource, "RUNNING")]) });
      expect(action(outcome, "scale-task-managers").replicas).toBe(3);
    }
  });

  it("makes lost TaskManagers again with the new number", () => {
    const trace = new Trace(job(reactive(), running()));
    trace.change(edited(withReplicas(3)));
    const outcome = trace.pass(withWorkers(trace.resource, undefined, "RESTARTING"));
    expect(action(outcome, "create-cluster").inputs.spec.taskManager?.replicas).toBe(3);
    expect(outcome.lifecycle).toBe("DEPLOYED");
  });

  it("of TaskManagers that the Apache operator made scales those", () => {
    const trace = new Trace(job(reactive(), running()));
    const apache = ownedByResource(trace.resource);
    trace.change(edited(withReplicas(3)));
    const outcome = trace.pass(withWorkers(trace.resource, [apache, withoutNote, scaledBy(2)]));
    expect(action(outcome, "scale-task-managers")).toMatchObject({ uid: TASK_MANAGERS_UID, replicas: 3 });
  });

  it.each<[string, ResourceChange[], ResourceChange]>([
    ["without reactive mode", [], withReplicas(3)],
    [
      "with another change beside it",
      [reactive()],
      (draft) => [withReplicas(3), withImage("x")].forEach((one) => one(draft)),
    ],
    [
      "of overrides for the parallelism",
      [reactive()],
      withConfiguration({ "pipeline.jobvertex-parallelism-overrides": "a:3" }),
    ],
  ])("%s is an upgrade", (_, settings, change) => {
    const trace = new Trace(job(...settings, running()));
    trace.change(edited(change));
    const outcome = trace.pass(withWorkers(trace.resource, []));
    expect(outcome.actions).toEqual(["stop-with-savepoint"]);
  });

  it("of a reactive job that has ended is an upgrade: it is to run again", () => {
    const trace = new Trace(
      job(reactive(), running({ jobState: "FINISHED", job: { upgradeSavepointPath: "s3://a" } })),
    );
    trace.change(edited(withReplicas(3)));
    const outcome = trace.pass(withWorkers(trace.resource, [], "FINISHED"));
    expect(outcome.lifecycle).toBe("UPGRADING");
    expect(recordedJob(trace)).toMatchObject({ state: "suspended", upgradeMode: "savepoint" });
  });

  it("natively is an upgrade", () => {
    const trace = new Trace(flinkDeployment(running()));
    trace.change(edited(withJob({ parallelism: 3 })));
    expect(trace.pass(up("RUNNING")(trace.resource)).actions).toEqual(["stop-with-savepoint"]);
  });

  it("while the JobManager is lost is made with its recovery", () => {
    const trace = new Trace(job(reactive(), running()));
    trace.change(edited(withReplicas(3)));
    play(trace, [
      { when: "lost", scene: gone(), gives: { lifecycle: "UPGRADING" } },
      { when: "attempt", scene: gone(), gives: { jobState: "RECONCILING" } },
    ]);
    const { inputs } = action(play(trace, [bringUpSteps()[0]!]), "create-cluster");
    expect(inputs.spec.taskManager?.replicas).toBe(3);
    expect(inputs.restore).toEqual({ kind: "last-state", marker: true });
  });
});
