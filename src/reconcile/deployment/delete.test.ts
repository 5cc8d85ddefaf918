import { describe, expect, it } from "vitest";
import { checkpointAt, flink, ok, unreachable } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  type ResourceChange,
  withConfiguration,
  withoutFinalizer,
  withoutHa,
  withParallelism,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  jobManagerDeployment,
  nothing,
  ownedByAnother,
  pod,
} from "../../../testbed/gen/kube-objects.ts";
import {
  cancelling,
  deploying,
  running,
  STARTED,
  stopped,
  submitting,
  suspended,
} from "../../../testbed/gen/recorded-status.ts";
import {
  gone,
  HA,
  imagePullBackOff,
  ownJob,
  type SceneOf,
  tearDownSteps,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, condition, decideOnce, play, type Step, Trace } from "../../../testbed/gen/trace.ts";

/** From a cluster that is gone to a resource that may go. */
const END: Step[] = [
  {
    when: "HA metadata goes",
    scene: gone(),
    gives: { actions: ["delete-config-maps"], jobManager: "MISSING", lifecycle: "DELETING" },
  },
  {
    when: "nothing is left",
    scene: gone([]),
    gives: { actions: ["remove-finalizer"], lifecycle: "DELETING" },
  },
];

describe("a deletion", () => {
  it("takes the cluster down, then its HA metadata, then the finalizer", () => {
    const trace = new Trace(flinkDeployment(running(), deleted()));
    const [stop, ...rest] = tearDownSteps();
    play(trace, [
      {
        ...stop!,
        scene: up("RUNNING"),
        gives: { actions: ["scale-job-manager-to-zero"], events: ["Cleanup"], lifecycle: "DELETING" },
      },
      ...rest,
      ...END,
    ]);
  });

  it.each<[string, ResourceChange[]]>([
    ["nothing was done", []],
    ["an attempt is recorded", [submitting()]],
    ["it is deploying", [deploying()]],
    ["it runs", [running()]],
    ["it failed", [running({ jobState: "FAILED" })]],
    ["it is cancelled for a change", [cancelling()]],
    ["it is stopped for a change", [stopped()]],
    ["it is suspended", [suspended()]],
    ["it is invalid", [running(), edited(withParallelism(-1))]],
  ])("while %s ends with nothing left", (_, changes) => {
    const resource = flinkDeployment(...changes, deleted());
    const trace = new Trace(resource);
    const first = trace.pass({ cluster: cluster(resource, [available()], { configMaps: HA }) });
    expect(first.events).toContain("Cleanup");
    expect(first.actions).toEqual(["scale-job-manager-to-zero"]);
    play(trace, END);
  });

  it("without finalizer is none of Sluice's business", () => {
    const outcome = decideOnce(
      flinkDeployment(running(), withoutFinalizer(), deleted()),
      up("RUNNING")(flinkDeployment()),
    );
    expect(outcome).toMatchObject({ actions: [], events: [] });
    expect(outcome.decision.requeueAfter).toBeUndefined();
  });

  it("of a resource whose name another owner's cluster has leaves that cluster and its HA metadata alone", () => {
    const resource = flinkDeployment(submitting(), deleted());
    const other = jobManagerDeployment(resource, available(), ownedByAnother());
    const outcome = decideOnce(resource, {
      cluster: nothing({ deployment: other, pods: [pod("jobmanager"), pod("taskmanager")], configMaps: HA }),
    });
    expect(outcome.actions).toEqual(["remove-finalizer"]);
  });
});

const ON_DELETION = withConfiguration({ "kubernetes.operator.job.savepoint-on-deletion": "true" });

describe("a deletion with savepoint", () => {
  it("takes it first", () => {
    const trace = new Trace(flinkDeployment(ON_DELETION, running(), deleted()));
    const asked = play(trace, [
      {
        when: "asked for",
        scene: up("RUNNING"),
        gives: {
          actions: ["stop-with-savepoint"],
          events: ["Cleanup", "Suspended"],
          lifecycle: "DELETING",
          conditions: ["Reconciling: SavepointOnDeletion"],
        },
      },
    ]);
    expect(action(asked, "stop-with-savepoint").targetDirectory).toBe("s3://state/savepoints");
    play(trace, [
      {
        when: "in progress",
        scene: up("RUNNING", { savepoint: ok({ state: "IN_PROGRESS" }) }),
        gives: { actions: [], events: [], conditions: ["Reconciling: SavepointOnDeletion"] },
      },
      {
        when: "taken",
        scene: up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://last" }) }),
        gives: { actions: [], events: ["JobStatusChanged", "Cleanup"], lifecycle: "DELETING" },
      },
      { when: "the cluster goes", scene: up("FINISHED"), gives: { actions: ["delete-job-manager"] } },
      ...END,
    ]);
    expect(trace.resource.status?.jobStatus?.savepointInfo?.lastSavepoint?.location).toBe("s3://last");
  });

  it("that fails keeps resource and job, says why and what to do, and tries again after a while", () => {
    const trace = new Trace(flinkDeployment(ON_DELETION, running(), deleted()));
    play(trace, [
      { when: "asked for", scene: up("RUNNING"), gives: { actions: ["stop-with-savepoint"] } },
      {
        when: "failed",
        scene: up("RUNNING", { savepoint: ok({ state: "COMPLETED", failure: "disk full" }) }),
        gives: {
          actions: [],
          events: ["SavepointError"],
          error: "disk full",
          conditions: ["Stalled: SavepointOnDeletion"],
        },
      },
    ]);
    const waiting = play(trace, [
      {
        when: "not at once",
        scene: up("RUNNING"),
        after: 5000,
        gives: { actions: [], events: [], error: "disk full", conditions: ["Stalled: SavepointOnDeletion"] },
      },
    ]);
    expect(condition(waiting, "Stalled")?.message).toBe(
      "deletion waits for a savepoint (kubernetes.operator.job.savepoint-on-deletion: true): disk full. " +
        "Set that option to false to delete without one",
    );
    play(trace, [
      {
        when: "again",
        after: 30_000,
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], conditions: ["Reconciling: SavepointOnDeletion"] },
      },
    ]);
  });

  it("goes on without when that is switched off", () => {
    const trace = new Trace(flinkDeployment(ON_DELETION, running(), deleted()));
    play(trace, [
      {
        when: "the job does not run",
        scene: up("RESTARTING"),
        gives: { actions: [], lifecycle: "DELETING", conditions: ["Stalled: SavepointOnDeletion"] },
      },
      {
        when: "nobody wants it any more",
        edit: edited(withConfiguration({ "kubernetes.operator.job.savepoint-on-deletion": "false" })),
        scene: up("RESTARTING"),
        gives: { actions: ["scale-job-manager-to-zero"], conditions: ["Reconciling: ClusterShuttingDown"] },
      },
    ]);
  });

  it("waits for a job that cannot be reached", () => {
    const resource = flinkDeployment(ON_DELETION, running(), deleted());
    const outcome = decideOnce(resource, { cluster: cluster(resource), flink: { jobs: unreachable() } });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: SavepointOnDeletion"] });
    expect(condition(outcome, "Stalled")?.message).toContain("the job is RECONCILING");
  });

  const unneeded: [string, ResourceChange[], SceneOf][] = [
    ["that has ended", [running({ jobState: "FINISHED" })], up("FINISHED")],
    [
      "that ends in this moment",
      [running()],
      (resource) => ({
        cluster: cluster(resource),
        flink: flink([{ ...ownJob(resource, "FAILED"), endTime: STARTED }], {
          checkpoints: checkpointAt("s3://a"),
        }),
      }),
    ],
    ["that is suspended", [suspended()], up("FINISHED")],
    ["that is stopped already", [stopped()], up("FINISHED")],
    ["that never started", [withoutHa(), deploying()], imagePullBackOff()],
    [
      "that was never seen, and left no HA metadata",
      [deploying()],
      (resource) => ({ cluster: cluster(resource, []) }),
    ],
    [
      "that has no place for one",
      [withConfiguration({ "state.savepoints.dir": null }), running()],
      up("RUNNING"),
    ],
  ];
  it.each(unneeded)("takes none of a job %s", (_, changes, scene) => {
    const resource = flinkDeployment(ON_DELETION, ...changes, deleted());
    const outcome = decideOnce(resource, scene(resource));
    expect(outcome.actions).toEqual([
      outcome.decision.actions[0]?.type === "delete-job-manager"
        ? "delete-job-manager"
        : "scale-job-manager-to-zero",
    ]);
    expect(outcome.conditions).toEqual(["Reconciling: ClusterShuttingDown"]);
  });
});
