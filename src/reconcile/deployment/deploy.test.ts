/** First deployments and attempts. Worked traces: one line, one pass; each finds recorded what the one before wrote. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import type { ClusterInputs } from "../../resources/cluster-inputs.ts";
import { flink, ok } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  withFlinkVersion,
  withImage,
  withJob,
  withJobState,
  withoutFinalizer,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  haConfigMap,
  jobManagerDeployment,
  madeFor,
  nothing,
  ownedByAnother,
  pod,
  terminating,
} from "../../../testbed/gen/kube-objects.ts";
import {
  JOB_ID,
  STARTED,
  type StatusDetails,
  stopped,
  submitting,
} from "../../../testbed/gen/recorded-status.ts";
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
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

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

describe("a crash between creating the cluster and writing that down", () => {
  it("finds its own cluster by its generation, and creates nothing twice", () => {
    const trace = new Trace(flinkDeployment(submitting()));
    play(trace, [
      {
        when: "the objects of the attempt are there",
        scene: up("RUNNING", {}, []),
        gives: {
          actions: [],
          events: [],
          jobManager: "DEPLOYING",
          jobState: "RECONCILING",
          lifecycle: "DEPLOYED",
        },
      },
      run!,
    ]);
  });

  it("does not take the cluster of an earlier generation for its own", () => {
    const trace = new Trace(flinkDeployment(edited(), submitting()));
    play(trace, [
      {
        when: "an old one is there",
        scene: (resource) => ({ cluster: cluster(resource, [available(), madeFor(1)]) }),
        gives: { actions: ["scale-job-manager-to-zero"], lifecycle: "UPGRADING" },
      },
    ]);
  });

  it("does not take one that is being deleted for its own", () => {
    const trace = new Trace(flinkDeployment(submitting()));
    play(trace, [
      {
        when: "it goes",
        scene: (resource) => ({ cluster: cluster(resource, [terminating()], { pods: [] }) }),
        gives: { actions: [], lifecycle: "UPGRADING", conditions: ["Reconciling: ClusterShuttingDown"] },
      },
    ]);
  });

  it("and the loss of that cluster starts from what it had come to, not from where it began", () => {
    const trace = new Trace(
      flinkDeployment(submitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })),
    );
    play(trace, [
      { when: "it left a checkpoint", scene: gone(), gives: { actions: [], jobState: "RECONCILING" } },
    ]);
    expect(recordedJob(trace)).toMatchObject({ upgradeMode: "last-state" });
    expect(action(play(trace, [bringUpSteps()[0]!]), "create-cluster").inputs).toMatchObject({
      jobId: JOB_ID,
      restore: { kind: "last-state", marker: true },
    });
  });

  it("with HA metadata of the cluster before deletes that, and nothing else", () => {
    const trace = new Trace(
      flinkDeployment(submitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })),
    );
    const old = haConfigMap({ checkpoint: true }, "0".repeat(32));
    const outcome = play(trace, [
      {
        when: "it is in the way",
        scene: gone([old]),
        gives: { actions: ["delete-config-maps"], events: [] },
      },
    ]);
    expect(action(outcome, "delete-config-maps").names).toEqual([old.metadata.name]);
  });
});

describe("an attempt that cannot be carried out", () => {
  const failure = { action: "create-cluster", reason: "Forbidden", message: "exceeded quota: pods" } as const;

  it("says why, once, and is carried out as soon as it can be", () => {
    const trace = new Trace(flinkDeployment(submitting()));
    const failed = play(trace, [
      create!,
      {
        when: "refused",
        scene: () => ({ ...gone([])(flinkDeployment()), failure }),
        gives: {
          actions: ["create-cluster"],
          events: ["Forbidden"],
          lifecycle: "UPGRADING",
          error: "create-cluster: exceeded quota: pods",
          conditions: ["Stalled: Forbidden"],
        },
      },
    ]);
    expect(JSON.parse(failed.status.error ?? "")).toMatchObject({
      type: "org.apache.flink.kubernetes.operator.exception.DeploymentFailedException",
      additionalMetadata: { reason: "Forbidden" },
    });
    play(trace, [
      {
        when: "refused again",
        scene: () => ({ ...gone([])(flinkDeployment()), failure }),
        gives: { actions: ["create-cluster"], events: [], conditions: ["Stalled: Forbidden"] },
      },
      { when: "made", scene: starting([]), gives: { lifecycle: "DEPLOYED", error: undefined } },
    ]);
  });

  it("is changed by the user in the meantime: the newest spec is made", () => {
    const trace = new Trace(flinkDeployment(submitting()));
    play(trace, [
      create!,
      {
        when: "changed",
        edit: edited(withParallelism(4)),
        scene: gone([]),
        gives: { actions: [], lifecycle: "UPGRADING", jobState: "RECONCILING" },
      },
    ]);
    const { inputs } = action(play(trace, [create!]), "create-cluster");
    expect(inputs).toMatchObject({ generation: 2, spec: { job: { parallelism: 4 } } });
    expect(inputs.jobId).not.toBe(JOB_ID);
  });

  it("is the first one as long as nothing else was deployed, and not after that", () => {
    const trace = new Trace(flinkDeployment());
    const first = (): boolean | undefined => recordedJob(trace).firstDeployment;
    trace.pass();
    expect(first()).toBe(true);
    play(trace, [
      { when: "changed before it was made", edit: edited(withParallelism(4)), scene: gone([]), gives: {} },
    ]);
    expect(first()).toBe(true);
    play(trace, [create!, appear!, run!]);
    expect(first()).toBe(true);
    play(trace, [
      { when: "changed", edit: edited(withParallelism(8)), scene: up("RUNNING"), gives: {} },
      {
        when: "stopped",
        scene: up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }, []),
        gives: {},
      },
    ]);
    expect(first()).toBe(false);
    play(trace, [{ when: "recorded", scene: gone([]), gives: {} }, create!, appear!]);
    expect(first()).toBe(false);
  });

  it("takes the operator's defaults and log files with it", () => {
    const fields = { defaults: { "a.b": "c" }, logConfiguration: { "log4j-console.properties": "x" } };
    const resource = flinkDeployment(submitting());
    expect(action(decideOnce(resource, gone([])(resource), fields), "create-cluster").inputs).toMatchObject(
      fields,
    );
    expect(action(decideOnce(resource, gone([])(resource)), "create-cluster").inputs).not.toHaveProperty(
      "logConfiguration",
    );
  });

  it("is suspended in the meantime: nothing is made, and its restore waits", () => {
    const trace = new Trace(
      flinkDeployment(submitting({ restore: "savepoint", job: { upgradeSavepointPath: "s3://sp" } })),
    );
    play(trace, [
      {
        when: "suspended",
        edit: edited(withJobState("suspended")),
        scene: gone([]),
        gives: { actions: [], lifecycle: "SUSPENDED" },
      },
      { when: "still", scene: gone([]), gives: { actions: [], conditions: ["Ready: Suspended"] } },
      {
        when: "resumed",
        edit: edited(withJobState("running")),
        scene: gone([]),
        gives: { lifecycle: "UPGRADING" },
      },
      { when: "recorded", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });
});

describe("a restore by HA metadata that is gone", () => {
  const lost = (): Trace =>
    new Trace(
      flinkDeployment(
        withUpgradeMode("last-state"),
        submitting({ restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } }),
      ),
    );

  it("is refused, and a person is told once and what to do", () => {
    const trace = lost();
    const outcome = play(trace, [
      {
        when: "gone",
        scene: gone([]),
        gives: { actions: [], events: ["RestoreFailed"], conditions: ["Stalled: RestoreFailed"] },
      },
      {
        when: "still",
        scene: gone([]),
        gives: { actions: [], events: [], conditions: ["Stalled: RestoreFailed"] },
      },
    ]);
    expect(outcome.error).toMatch(
      /^HA metadata is not available to restore the job from\. Manual restore required\. Set /,
    );
  });

  it("goes on when the metadata is back", () => {
    const trace = lost();
    play(trace, [{ when: "gone", scene: gone([]), gives: { actions: [] } }, bringUpSteps()[0]!]);
  });

  it("is given up for another Flink version by a user who asks for stateless, though the metadata is there", () => {
    const trace = new Trace(
      flinkDeployment(withUpgradeMode("last-state"), stopped({ restore: "last-state" })),
    );
    play(trace, [
      {
        when: "asked",
        edit: edited(withUpgradeMode("stateless"), withFlinkVersion("v2_4")),
        scene: gone(),
        gives: { actions: [], jobState: "RECONCILING" },
      },
      { when: "it goes", scene: gone(), gives: { actions: ["delete-config-maps"] } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs).toMatchObject({
      restore: { kind: "none" },
      spec: { flinkVersion: "v2_4" },
    });
  });

  it("of the same Flink version is kept to, though the user asks for stateless by now", () => {
    const trace = new Trace(
      flinkDeployment(withUpgradeMode("last-state"), stopped({ restore: "last-state" })),
    );
    play(trace, [
      {
        when: "asked",
        edit: edited(withUpgradeMode("stateless")),
        scene: gone(),
        gives: { jobState: "RECONCILING" },
      },
    ]);
    expect(recordedJob(trace).upgradeMode).toBe("last-state");
  });

  it("is given up by a user who asks for stateless", () => {
    const trace = lost();
    play(trace, [
      { when: "gone", scene: gone([]), gives: { events: ["RestoreFailed"] } },
      {
        when: "asked",
        edit: edited(withUpgradeMode("stateless")),
        scene: gone([]),
        gives: { actions: [], jobState: "RECONCILING", error: undefined },
      },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({ kind: "none" });
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
      expect(first).toMatchObject({ actions: [], lifecycle: "CREATED", conditions: [`Stalled: ${reason}`] });
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

describe("where an attempt starts from", () => {
  const start = (
    details: StatusDetails,
    configMaps: readonly KubeObject[] = [],
  ): ClusterInputs["restore"] => {
    const resource = flinkDeployment(submitting(details));
    return action(decideOnce(resource, gone(configMaps)(resource)), "create-cluster").inputs.restore;
  };
  const path = { upgradeSavepointPath: "s3://sp" };

  it.each<[string, StatusDetails, readonly KubeObject[], ClusterInputs["restore"]]>([
    [
      "stateless: empty, whatever path is recorded",
      { restore: "stateless", job: path },
      [],
      { kind: "none" },
    ],
    [
      "savepoint: the recorded path",
      { restore: "savepoint", job: path },
      [],
      { kind: "savepoint", path: "s3://sp" },
    ],
    ["savepoint, and there was none: empty", { restore: "savepoint" }, [], { kind: "none" }],
    [
      "last-state: HA metadata, which fails rather than start empty",
      { restore: "last-state" },
      HA,
      { kind: "last-state", marker: true },
    ],
    [
      "last-state before the first checkpoint: where that cluster had started",
      { restore: "last-state", job: path },
      [haConfigMap()],
      { kind: "savepoint", path: "s3://sp" },
    ],
    [
      "last-state before the first checkpoint of a job that started empty: empty",
      { restore: "last-state" },
      [haConfigMap()],
      { kind: "last-state", marker: false },
    ],
    [
      "last-state whose checkpoint went missing: fail",
      { restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } },
      [haConfigMap()],
      { kind: "last-state", marker: true },
    ],
  ])("%s", (_, details, configMaps, expected) => {
    expect(start(details, configMaps)).toEqual(expected);
  });

  const resumed = (timeStamp: number): ClusterInputs["restore"] => {
    const savepointInfo = { lastSavepoint: { location: "s3://last", timeStamp } };
    const trace = new Trace(flinkDeployment(stopped({ restore: "savepoint", job: { savepointInfo } })));
    trace.pass(gone([])(trace.resource));
    return action(trace.pass(gone([])(trace.resource)), "create-cluster").inputs.restore;
  };

  it("the last savepoint, where only that is recorded, as by older releases of the Apache operator", () => {
    expect(resumed(STARTED + 1)).toEqual({ kind: "savepoint", path: "s3://last" });
  });

  it("but not one from before the job started: the job did not want it, or went on from it", () => {
    expect(resumed(STARTED - 1)).toEqual({ kind: "none" });
  });
});
