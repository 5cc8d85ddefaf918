/** Worked traces: one line, one pass; each finds recorded what the one before wrote. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { flink } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  withFlinkVersion,
  withImage,
  withJob,
  withJobState,
  withoutFinalizer,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  haConfigMap,
  jobManagerDeployment,
  nothing,
  ownedByAnother,
  pod,
} from "../../../testbed/gen/kube-objects.ts";
import { STARTED } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  imagePullBackOff,
  recordedJob,
  type SceneOf,
  starting,
  tearDownSteps,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, condition, decideOnce, play, Trace } from "../../../testbed/gen/trace.ts";
import type { ObservedCluster } from "../decision.ts";

const [create, appear, run] = bringUpSteps([]);

describe("the first deployment", () => {
  it("goes from nothing to a stable job", () => {
    const trace = new Trace(flinkDeployment(withoutFinalizer()));
    play(trace, [
      {
        when: "the finalizer comes first",
        gives: {
          actions: ["add-finalizer"],
          events: [],
          lifecycle: "CREATED",
          conditions: ["Reconciling: Starting"],
        },
      },
      {
        when: "the attempt is written down before anything is made",
        edit: (draft) => void (draft.metadata.finalizers = ["flinkdeployments.flink.apache.org/finalizer"]),
        gives: {
          actions: [],
          events: [],
          lifecycle: "UPGRADING",
          jobState: "RECONCILING",
          jobManager: "MISSING",
        },
      },
    ]);
    expect(recordedJob(trace)).toEqual({
      state: "suspended",
      upgradeMode: "stateless",
      parallelism: 2,
      firstDeployment: true,
    });
    expect(trace.resource.status).toMatchObject({
      observedGeneration: 1,
      jobStatus: { jobId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    const created = play(trace, [create!]);
    expect(action(created, "create-cluster").inputs).toMatchObject({
      owner: { name: "job", namespace: "default", uid: "owner-uid" },
      generation: 1,
      jobId: trace.resource.status?.jobStatus?.jobId,
      restore: { kind: "none" },
      spec: { job: { state: "running", upgradeMode: "savepoint" } },
    });
    play(trace, [
      {
        when: "half of the objects are there: the rest is made, nothing twice",
        scene: (resource) => ({ cluster: { ...cluster(resource, []), configMaps: [] } }),
        gives: { actions: ["create-cluster"], events: [], lifecycle: "UPGRADING" },
      },
      appear!,
      {
        when: "the JobManager's pod starts",
        scene: starting([]),
        gives: {
          actions: [],
          events: [],
          jobManager: "DEPLOYING",
          conditions: ["Reconciling: JobManagerIsDeploying"],
        },
      },
      {
        when: "it is available, and its REST API not yet",
        scene: (resource) => ({ cluster: cluster(resource) }),
        gives: { jobManager: "DEPLOYED_NOT_READY", conditions: ["Reconciling: DeployedNotReady"] },
      },
      {
        when: "it answers, and main() runs",
        scene: (resource) => ({ cluster: cluster(resource), flink: flink([]) }),
        gives: { jobManager: "READY", events: [], conditions: ["Reconciling: JobStarting"] },
      },
      {
        when: "the job is created",
        scene: up("CREATED", {}, []),
        gives: { jobState: "CREATED", lifecycle: "DEPLOYED", conditions: ["Reconciling: JobNotRunning"] },
      },
      run!,
    ]);
    expect(recordedJob(trace)).toMatchObject({ state: "running", upgradeMode: "stateless" });
    expect(trace.resource.status).toMatchObject({
      taskManager: { labelSelector: "component=taskmanager,app=job", replicas: 2 },
      clusterInfo: { "flink-version": "2.3.0", "flink-revision": "0123abc" },
      jobStatus: { jobName: "example", startTime: String(STARTED), updateTime: String(trace.now) },
    });
  });

  it("starts from initialSavepointPath, whatever the upgrade mode", () => {
    for (const upgradeMode of ["stateless", "savepoint", "last-state"] as const) {
      const trace = new Trace(flinkDeployment(withJob({ upgradeMode, initialSavepointPath: "s3://old" })));
      trace.pass();
      expect(recordedJob(trace).upgradeMode).toBe("savepoint");
      expect(action(trace.pass(), "create-cluster").inputs.restore).toEqual({
        kind: "savepoint",
        path: "s3://old",
      });
    }
  });

  it("takes an empty initialSavepointPath for none", () => {
    const trace = new Trace(flinkDeployment(withJob({ initialSavepointPath: "" })));
    trace.pass();
    expect(action(trace.pass(), "create-cluster").inputs.restore).toEqual({ kind: "none" });
  });

  it("of a resource created suspended does nothing and says so, until it is resumed", () => {
    const trace = new Trace(flinkDeployment(withJobState("suspended")));
    const outcome = play(trace, [
      {
        when: "suspended",
        gives: { actions: [], events: [], lifecycle: "CREATED", conditions: ["Ready: Suspended"] },
      },
    ]);
    expect(outcome.status.observedGeneration).toBe(1);
    expect(outcome.decision.requeueAfter).toBeUndefined();
    play(trace, [
      {
        when: "resumed: this is the first attempt",
        edit: edited(withJobState("running")),
        gives: { lifecycle: "UPGRADING", jobState: "RECONCILING" },
      },
      ...bringUpSteps([]),
    ]);
  });

  it("with a wrong image fails, and goes on when that is mended", () => {
    const trace = new Trace(flinkDeployment(withImage("flink:nope")));
    trace.pass();
    play(trace, [
      create!,
      appear!,
      {
        when: "the image cannot be pulled",
        scene: imagePullBackOff(),
        gives: {
          events: ["ImagePullBackOff"],
          jobManager: "ERROR",
          lifecycle: "DEPLOYED",
          conditions: ["Stalled: ImagePullBackOff"],
        },
      },
      {
        when: "still: nothing is repeated",
        scene: imagePullBackOff(),
        gives: { events: [], actions: [], conditions: ["Stalled: ImagePullBackOff"] },
      },
      {
        when: "mended: nothing ran, so nothing has to be saved",
        edit: edited(withImage("flink:2.3")),
        scene: imagePullBackOff(),
        gives: { actions: [], events: ["SpecChanged"], lifecycle: "UPGRADING", error: undefined },
      },
      ...tearDownSteps([]),
      { when: "gone", scene: gone([]), gives: { lifecycle: "UPGRADING", jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs).toMatchObject({
      generation: 2,
      restore: { kind: "none" },
      spec: { image: "flink:2.3" },
    });
    play(trace, [appear!, run!]);
  });

  it("with a wrong image keeps its savepoint when image and Flink version are mended", () => {
    const trace = new Trace(
      flinkDeployment(withImage("flink:nope"), withJob({ initialSavepointPath: "s3://old" })),
    );
    trace.pass();
    play(trace, [
      create!,
      appear!,
      {
        when: "mended",
        edit: edited(withImage("flink:2.2"), withFlinkVersion("v2_2")),
        scene: imagePullBackOff(),
        gives: { lifecycle: "UPGRADING" },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://old",
    });
  });
});

describe("what stands there before the first deployment", () => {
  const foreign = (resource: FlinkDeployment): KubeObject =>
    jobManagerDeployment(resource, available(), ownedByAnother());

  it("another owner's Deployment of that name is left alone, and said", () => {
    const trace = new Trace(flinkDeployment());
    const scene: SceneOf = (resource) => ({
      cluster: nothing({
        deployment: foreign(resource),
        pods: [pod("jobmanager"), pod("taskmanager")],
        configMaps: HA,
      }),
    });
    trace.change(withUpgradeMode("stateless"));
    const outcome = play(trace, [
      { when: "recorded", scene, gives: { actions: [] } },
      { when: "not made", scene, gives: { actions: [], events: [], conditions: ["Stalled: NameTaken"] } },
    ]);
    expect(condition(outcome, "Stalled")?.message).toContain("a Deployment named job exists");
  });

  it("pods of a cluster that was there are waited for", () => {
    const trace = new Trace(flinkDeployment());
    play(trace, [
      {
        when: "they write still",
        scene: () => ({ cluster: nothing({ pods: [pod("taskmanager")] }) }),
        gives: { actions: [], lifecycle: "CREATED", conditions: ["Reconciling: ClusterShuttingDown"] },
      },
    ]);
  });

  it.each([
    ["HA metadata with checkpoints", () => nothing({ configMaps: HA }), "HaMetadataExists"],
    ["its own cluster, whose status got lost", (resource) => cluster(resource), "ClusterExists"],
  ] satisfies [string, (resource: FlinkDeployment) => ObservedCluster, string][])(
    "%s is not thrown away unasked",
    (_, stands, reason) => {
      const first = decideOnce(flinkDeployment(), { cluster: stands(flinkDeployment()) });
      expect(first).toMatchObject({ actions: [], lifecycle: "FAILED", conditions: [`Stalled: ${reason}`] });
      expect(condition(first, "Stalled")?.message).toContain("Set spec.job.initialSavepointPath");
      for (const ask of [withUpgradeMode("stateless"), withJob({ initialSavepointPath: "s3://chosen" })]) {
        const resource = flinkDeployment(ask);
        expect(decideOnce(resource, { cluster: stands(resource) }).conditions).not.toContain(
          `Stalled: ${reason}`,
        );
      }
    },
  );

  it("HA metadata without any checkpoint holds no state", () => {
    const outcome = decideOnce(flinkDeployment(), { cluster: nothing({ configMaps: [haConfigMap()] }) });
    expect(outcome).toMatchObject({ actions: [], lifecycle: "UPGRADING", jobState: "RECONCILING" });
  });
});
