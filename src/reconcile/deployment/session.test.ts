import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { flink, job, unreachable } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  type ResourceChange,
  withConfiguration,
  withFlinkVersion,
  withImage,
  withoutFinalizer,
  withoutHa,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  haConfigMap,
  jobManagerDeployment,
  madeFor,
  nothing,
  pod,
  scaledToZero,
  unavailable,
  waiting,
} from "../../../testbed/gen/kube-objects.ts";
import { PROGRESS_INTERVAL, type Scene } from "../../../testbed/gen/observed.ts";
import {
  jobAnnounced,
  jobCancelling,
  jobRunning,
  jobStopped,
  jobStopping,
  jobSubmitting,
  jobSuspended,
  jobWith,
  recordedCluster,
  sessionCluster,
  sessionJob,
  type SessionJobChange,
} from "../../../testbed/gen/session.ts";
import { gone, HA, starting, tearDownSteps } from "../../../testbed/gen/steps.ts";
import {
  action,
  condition,
  decideOnce,
  message,
  play,
  type Step,
  Trace,
} from "../../../testbed/gen/trace.ts";
import { deletedJob } from "../../../testbed/gen/session.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";

type SceneOf = (resource: FlinkDeployment) => Scene;

/** A cluster that answers, with these session jobs. */
function up(sessionJobs: readonly FlinkSessionJob[] = [], jobs = [job("RUNNING")]): SceneOf {
  return (resource) => ({
    cluster: cluster(resource, [available()], { configMaps: HA }),
    flink: flink(jobs),
    sessionJobs,
  });
}

/** The cluster of before the change. */
function old(scene: SceneOf = up([], [])): SceneOf {
  return (resource) => {
    const found = scene(resource);
    const { deployment } = found.cluster ?? {};
    if (deployment !== undefined) madeFor(1)(deployment);
    return found;
  };
}

const running = recordedCluster();
const newImage = edited(withImage("flink:new"));
const stateful = (...changes: SessionJobChange[]): FlinkSessionJob =>
  sessionJob(jobRunning({ restore: "savepoint" }), ...changes);

function recordedImage(trace: Trace): string | undefined {
  const text = trace.resource.status?.reconciliationStatus?.lastReconciledSpec;
  return parseRecordedSpec(text)?.spec.image;
}

/** From a recorded attempt to a cluster that takes jobs. */
const bringUp: Step[] = [
  {
    when: "the cluster is created",
    scene: gone(),
    gives: { actions: ["create-cluster"], events: ["Submit"], lifecycle: "UPGRADING", jobManager: "MISSING" },
  },
  {
    when: "its objects are there",
    scene: starting(),
    gives: { actions: [], lifecycle: "DEPLOYED", jobManager: "DEPLOYING", error: undefined },
  },
  {
    when: "it answers",
    scene: up(),
    gives: {
      actions: [],
      events: [],
      lifecycle: "STABLE",
      jobManager: "READY",
      jobState: undefined,
      conditions: ["Ready: JobManagerReady"],
    },
  },
];

describe("a session cluster", () => {
  it("is deployed, and has no job of its own", () => {
    const trace = new Trace(sessionCluster(withoutFinalizer()));
    expect(trace.pass().actions).toEqual(["add-finalizer"]);
    trace.change((draft) => void (draft.metadata.finalizers = sessionCluster().metadata.finalizers ?? []));
    play(trace, [
      {
        when: "the attempt is recorded",
        scene: gone([]),
        gives: { actions: [], lifecycle: "UPGRADING", jobManager: "MISSING", jobState: undefined },
      },
      ...bringUp,
    ]);
    const { status } = trace.resource;
    expect(status?.jobStatus?.jobId).toBeUndefined();
    expect(status?.taskManager).toBeUndefined();
    expect(status?.observedGeneration).toBe(1);
    expect(status?.conditions?.find(({ type }) => type === "Running")).toMatchObject({
      status: "True",
      reason: "JobManagerReady",
    });
  });

  it("is created without a job, for its own generation", () => {
    const trace = new Trace(sessionCluster());
    trace.pass(gone([])(trace.resource));
    const { inputs } = action(trace.pass(gone([])(trace.resource)), "create-cluster");
    expect(inputs).toMatchObject({ generation: 1, restore: { kind: "none" } });
    expect(inputs.spec.job).toBeUndefined();
    expect(inputs).not.toHaveProperty("jobId");
  });

  it("does not take up the jobs of an earlier cluster of its name unasked", () => {
    const outcome = decideOnce(sessionCluster(), { cluster: nothing({ configMaps: HA }) });
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: HaMetadataExists"] });
    expect(condition(outcome, "Stalled")?.message).toContain("Delete these ConfigMaps to start empty");
  });

  it("that somebody created between two passes is taken for what it is", () => {
    const submitting = recordedCluster({ state: "UPGRADING", jobManager: "MISSING", stable: false });
    const trace = new Trace(sessionCluster(submitting));
    expect(trace.pass(starting()(trace.resource))).toMatchObject({ lifecycle: "DEPLOYED", actions: [] });
  });

  it("completes what an interrupted creation left out", () => {
    const submitting = recordedCluster({ state: "UPGRADING", jobManager: "MISSING", stable: false });
    const resource = sessionCluster(submitting);
    const half = { cluster: nothing({ deployment: jobManagerDeployment(resource) }) };
    const { existing } = action(decideOnce(resource, half), "create-cluster");
    expect(existing?.metadata.name).toBe("job");
  });

  it("says what keeps its JobManager from starting", () => {
    const resource = sessionCluster(recordedCluster({ jobManager: "DEPLOYING", stable: false }));
    const pods = [pod("jobmanager", waiting("ImagePullBackOff", "no such image"))];
    const outcome = decideOnce(resource, { cluster: cluster(resource, [unavailable()], { pods }) });
    expect(outcome).toMatchObject({ jobManager: "ERROR", conditions: ["Stalled: ImagePullBackOff"] });
    expect(condition(outcome, "Running")).toMatchObject({ status: "False", reason: "Error" });
    expect(outcome.jobState).toBeUndefined();
  });

  it("is not ready while its REST API does not answer, whatever Kubernetes says", () => {
    const resource = sessionCluster(running);
    const outcome = decideOnce(resource, {
      cluster: cluster(resource),
      flink: { jobs: unreachable("connection refused") },
    });
    expect(outcome.conditions).toEqual(["Reconciling: FlinkUnreachable"]);
  });

  it("at rest changes nothing", () => {
    const trace = new Trace(sessionCluster(running));
    trace.pass(up([stateful()])(trace.resource));
    const before = structuredClone(trace.resource.status);
    expect(trace.pass(up([stateful()])(trace.resource))).toMatchObject({ actions: [], events: [] });
    expect(trace.resource.status).toEqual(before);
  });

  it("does not become an application", () => {
    const resource = sessionCluster(
      running,
      edited(withSpec({ job: { jarURI: "local:///a.jar", parallelism: 1 } })),
    );
    expect(decideOnce(resource, up()(resource))).toMatchObject({
      actions: [],
      conditions: ["Stalled: ValidationError"],
      jobManager: "READY",
    });
  });
});

describe("a change of a session cluster", () => {
  it("replaces it, and leaves its HA metadata to the next one", () => {
    const trace = new Trace(sessionCluster(running));
    play(trace, [
      {
        when: "edited",
        edit: newImage,
        scene: up([stateful()]),
        gives: { actions: [], events: ["SpecChanged"], lifecycle: "UPGRADING", jobManager: "READY" },
      },
      {
        when: "its jobs run on: HA brings them back",
        scene: up([stateful()]),
        gives: { actions: [], events: [], lifecycle: "UPGRADING", jobManager: "MISSING" },
      },
      ...tearDownSteps().map((step) => ({ ...step, scene: old(step.scene) })),
      ...bringUp,
    ]);
    expect(recordedImage(trace)).toBe("flink:new");
    expect(trace.resource.status?.observedGeneration).toBe(2);
  });

  const waits: [string, ResourceChange[]][] = [
    ["without HA", [withoutHa(), running, newImage]],
    ["that turns HA off", [running, edited(withoutHa())]],
    [
      "that turns HA on",
      [
        withoutHa(),
        running,
        edited(
          withConfiguration({
            "high-availability.type": "kubernetes",
            "high-availability.storageDir": "s3://ha",
          }),
        ),
      ],
    ],
    [
      "to another version of Flink, which cannot read the HA metadata",
      [withFlinkVersion("v2_2"), running, edited(withFlinkVersion("v2_3"))],
    ],
  ];
  it.each(waits)("%s waits until the jobs have saved their state", (_, changes) => {
    const trace = new Trace(sessionCluster(...changes));
    const steps = [
      {
        when: "edited",
        gives: { actions: [], events: ["SpecChanged"], lifecycle: "UPGRADING", jobManager: "READY" },
      },
      { when: "still", gives: { actions: [], events: [], conditions: ["Reconciling: SessionJobsStopping"] } },
    ].map((step) => ({ ...step, scene: up([stateful()]) }));
    const outcome = play(trace, steps);
    expect(condition(outcome, "Reconciling")?.message).toContain("wordcount");
    const after = play(trace, [
      {
        when: "its job is stopped",
        scene: up([sessionJob(jobStopped({ restore: "savepoint" }))], []),
        gives: { actions: [], events: [], lifecycle: "UPGRADING", jobManager: "MISSING" },
      },
      { when: "now it goes", scene: old(), gives: { actions: ["scale-job-manager-to-zero"] } },
    ]);
    expect(after.status.observedGeneration).toBe(2);
  });

  it.each<[string, FlinkSessionJob, boolean]>([
    ["runs", stateful(), true],
    ["restarts", sessionJob(jobRunning({ jobState: "RESTARTING" })), true],
    ["is about to be submitted", sessionJob(jobAnnounced({ restore: "savepoint" })), true],
    ["is being submitted", sessionJob(jobSubmitting({ restore: "savepoint" })), true],
    ["is being stopped", sessionJob(jobStopping({ restore: "savepoint" })), true],
    ["is stopped", sessionJob(jobStopped({ restore: "savepoint" })), false],
    ["is suspended", sessionJob(jobSuspended({ restore: "savepoint" })), false],
    ["has ended", sessionJob(jobRunning({ jobState: "FAILED" })), false],
    ["is new", sessionJob(), false],
    ["is stateless", sessionJob(jobWith({ upgradeMode: "stateless" }), jobRunning()), true],
    ["is lost", sessionJob(jobRunning({ jobState: "RECONCILING", error: "Job Not Found" })), false],
  ])("is held up by a job that %s: %#", (_, sessionJob, holds) => {
    const resource = sessionCluster(withoutHa(), recordedCluster({ state: "UPGRADING" }), newImage);
    const { conditions, decision } = decideOnce(resource, up([sessionJob])(resource));
    expect(conditions).toEqual([holds ? "Reconciling: SessionJobsStopping" : "Reconciling: Submitting"]);
    // Waiting is no loop.
    expect(decision.requeueAfter).toBe(holds ? PROGRESS_INTERVAL : 0);
  });

  it.each<[string, FlinkSessionJob, boolean]>([
    ["runs", stateful(), false],
    ["is being submitted", sessionJob(jobSubmitting({ restore: "savepoint" })), false],
    [
      "is being stopped: nobody would know where its state is",
      sessionJob(jobStopping({ restore: "savepoint" })),
      true,
    ],
    ["is being cancelled", sessionJob(jobCancelling({ restore: "savepoint" })), true],
    ["is stopped", sessionJob(jobStopped({ restore: "savepoint" })), false],
  ])("with HA is held up by a job that %s: %#", (_, sessionJob, holds) => {
    const resource = sessionCluster(recordedCluster({ state: "UPGRADING" }), newImage);
    const { conditions } = decideOnce(resource, up([sessionJob])(resource));
    expect(conditions).toEqual([holds ? "Reconciling: SessionJobsStopping" : "Reconciling: Submitting"]);
  });

  it("with HA mends a JobManager that cannot run, whatever its jobs wait for", () => {
    const resource = sessionCluster(recordedCluster({ jobManager: "ERROR" }), newImage);
    const pods = [pod("jobmanager", waiting("ImagePullBackOff"))];
    const sessionJobs = [sessionJob(jobStopping({ restore: "savepoint" }))];
    const scene = { cluster: cluster(resource, [unavailable()], { pods }), sessionJobs };
    expect(decideOnce(resource, scene)).toMatchObject({ lifecycle: "UPGRADING", jobManager: "MISSING" });
  });

  it("is announced before the jobs are counted: one that starts now sees it, or is seen", () => {
    const trace = new Trace(sessionCluster(withoutHa(), running, newImage));
    play(trace, [
      { when: "announced", scene: up(), gives: { actions: [], lifecycle: "UPGRADING", jobManager: "READY" } },
      { when: "counted", scene: up(), gives: { actions: [], lifecycle: "UPGRADING", jobManager: "MISSING" } },
    ]);
  });

  it("tells why a job cannot be stopped", () => {
    const conditions = [
      {
        type: "Stalled",
        status: "True",
        reason: "UpgradeFailed",
        message: "disk full",
        lastTransitionTime: "",
      },
    ] as const;
    const stuck = stateful(({ status }) => void (status!.conditions = [...conditions]));
    const resource = sessionCluster(withoutHa(), running, newImage);
    const outcome = decideOnce(resource, up([stuck])(resource));
    expect(condition(outcome, "Reconciling")?.message).toContain("wordcount (disk full)");
  });

  it("that is taken back before the jobs have stopped leaves the cluster alone", () => {
    const old = withImage("flink:2.3");
    const trace = new Trace(sessionCluster(withoutHa(), running, newImage));
    play(trace, [
      { when: "waiting", scene: up([stateful()]), gives: { lifecycle: "UPGRADING" } },
      {
        when: "taken back",
        edit: edited(old),
        scene: (resource) => ({
          ...up([stateful()])(resource),
          cluster: cluster(resource, [available(), madeFor(1)]),
        }),
        gives: { actions: [], lifecycle: "STABLE", conditions: ["Ready: JobManagerReady"] },
      },
    ]);
    expect(trace.resource.status?.observedGeneration).toBe(3);
  });

  it("is made at once where the jobs are lost already: no HA, and a JobManager that cannot run", () => {
    const resource = sessionCluster(withoutHa(), recordedCluster({ jobManager: "ERROR" }), newImage);
    const scene = {
      cluster: cluster(resource, [unavailable()], { pods: [pod("jobmanager", waiting("ImagePullBackOff"))] }),
      sessionJobs: [stateful()],
    };
    expect(decideOnce(resource, scene)).toMatchObject({ lifecycle: "UPGRADING", jobManager: "MISSING" });
  });

  it("to another version, of a cluster that was lost, first brings the old one back for its jobs to be stopped", () => {
    const trace = new Trace(
      sessionCluster(withFlinkVersion("v2_2"), running, edited(withFlinkVersion("v2_3"))),
    );
    const jobs = { sessionJobs: [stateful()] };
    const lost = () => ({ cluster: nothing({ configMaps: HA }), ...jobs });
    play(trace, [
      { when: "lost", scene: lost, gives: { events: ["Missing", "RecoverDeployment", "SpecChanged"] } },
      { when: "created", scene: lost, gives: { actions: ["create-cluster"], events: ["Submit"] } },
    ]);
    const text = trace.resource.status?.reconciliationStatus?.lastReconciledSpec;
    expect(parseRecordedSpec(text)?.spec.flinkVersion).toBe("v2_2");
  });
});

describe("a session cluster whose JobManager Deployment is lost", () => {
  it.each<[string, ResourceChange[]]>([
    ["with HA", [running]],
    ["without HA: it is its jobs that need a person, not the cluster", [withoutHa(), running]],
  ])("comes back, %s", (_, changes) => {
    const trace = new Trace(sessionCluster(...changes));
    play(trace, [
      {
        when: "lost",
        scene: gone(),
        gives: { actions: [], events: ["Missing", "RecoverDeployment"], jobManager: "MISSING" },
      },
      { when: "created again", scene: gone(), gives: { actions: ["create-cluster"] } },
    ]);
  });

  it("stays lost where recovery is switched off", () => {
    const off = withConfiguration({ "kubernetes.operator.jm-deployment-recovery.enabled": "false" });
    const resource = sessionCluster(off, running);
    expect(decideOnce(resource, gone()(resource))).toMatchObject({
      actions: [],
      conditions: ["Stalled: Missing"],
    });
  });

  it("while it waits for its jobs to stop does not wait for ever", () => {
    const stopping = recordedCluster({ state: "UPGRADING" });
    const trace = new Trace(sessionCluster(withoutHa(), stopping, newImage));
    const lost = () => ({ cluster: nothing(), sessionJobs: [stateful()] });
    play(trace, [
      { when: "lost", scene: lost, gives: { lifecycle: "UPGRADING", jobManager: "MISSING" } },
      { when: "created with the change", scene: lost, gives: { actions: ["create-cluster"] } },
    ]);
    expect(recordedImage(trace)).toBe("flink:new");
  });
});

describe("the deletion of a session cluster", () => {
  const going = stateful(deletedJob());

  it("takes it down with its HA metadata", () => {
    const trace = new Trace(sessionCluster(running, deleted()));
    play(trace, [
      ...tearDownSteps().map((step, index) => ({
        ...step,
        gives: index === 0 ? { ...step.gives, events: ["Cleanup"] } : step.gives,
        scene: (resource: FlinkDeployment) => ({ ...step.scene?.(resource), flink: flink([]) }),
      })),
      { when: "gone", scene: gone(), gives: { actions: ["delete-config-maps"] } },
      { when: "all gone", scene: gone([]), gives: { actions: ["remove-finalizer"] } },
    ]);
  });

  it("waits for session jobs, and says what to do", () => {
    const resource = sessionCluster(running, deleted());
    const outcome = decideOnce(resource, up([stateful()])(resource));
    expect(outcome).toMatchObject({
      actions: [],
      events: ["Cleanup", "CleanupFailed"],
      lifecycle: "DELETING",
      conditions: ["Stalled: CleanupFailed"],
    });
    expect(message(outcome, "CleanupFailed")).toBe("The session jobs [wordcount] should be deleted first");
    expect(condition(outcome, "Stalled")?.message).toContain("block-on-session-jobs: false");
  });

  it("needs nobody while all of them are being deleted", () => {
    const resource = sessionCluster(running, deleted());
    expect(decideOnce(resource, up([going])(resource)).conditions).toEqual(["Reconciling: Deleting"]);
    const both = decideOnce(resource, up([going, stateful()])(resource));
    expect(both.conditions).toEqual(["Stalled: CleanupFailed"]);
  });

  it.each<[string, Record<string, string>, ReturnType<typeof job>[], boolean]>([
    ["no job runs", {}, [job("FINISHED"), job("CANCELED")], false],
    ["a job runs that nobody manages", {}, [job("RUNNING")], true],
    ["that is allowed", { "block-on-unmanaged-jobs": "false" }, [job("RUNNING")], false],
    ["nothing is to be waited for", { "block-on-session-jobs": "false" }, [job("RUNNING")], false],
  ])("without session jobs, when %s", (_, set, jobs, held) => {
    const entries = Object.entries(set).map(([name, value]) => [
      `kubernetes.operator.session.deletion.${name}`,
      value,
    ]);
    const resource = sessionCluster(running, deleted(), withConfiguration(Object.fromEntries(entries)));
    const { actions } = decideOnce(resource, up([], jobs)(resource));
    expect(actions).toEqual(held ? [] : ["scale-job-manager-to-zero"]);
  });

  it("goes on in spite of session jobs when that is asked for, also afterwards", () => {
    const off = withConfiguration({ "kubernetes.operator.session.deletion.block-on-session-jobs": "false" });
    const trace = new Trace(sessionCluster(running, deleted()));
    play(trace, [
      { when: "held", scene: up([stateful()]), gives: { actions: [] } },
      {
        when: "let go",
        edit: edited(off),
        scene: up([stateful()]),
        gives: { actions: ["scale-job-manager-to-zero"] },
      },
    ]);
  });

  it("of one whose JobManager is gone waits for nobody's unmanaged jobs", () => {
    const resource = sessionCluster(running, deleted());
    const outcome = decideOnce(resource, { cluster: nothing({ configMaps: [haConfigMap()] }) });
    expect(outcome.actions).toEqual(["delete-config-maps"]);
  });

  it("while it is scaled down goes on, though Flink does not answer", () => {
    const resource = sessionCluster(running, deleted());
    const outcome = decideOnce(resource, { cluster: cluster(resource, [scaledToZero()], { pods: [] }) });
    expect(outcome.actions).toEqual(["delete-job-manager"]);
  });
});
