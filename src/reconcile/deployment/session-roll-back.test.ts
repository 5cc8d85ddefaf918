/** Worked traces of a session cluster's rollback: a change whose JobManager cannot run gives way to the last stable spec. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import { flink, job } from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  NOW,
  type ResourceChange,
  withConfiguration,
  withFlinkVersion,
  withImage,
  withoutHa,
} from "../../../testbed/gen/flink-deployment.ts";
import { available, cluster, nothing, pod, unavailable, waiting } from "../../../testbed/gen/kube-objects.ts";
import type { Scene } from "../../../testbed/gen/observed.ts";
import {
  jobRunning,
  jobStopped,
  recordedCluster,
  sessionCluster,
  sessionJob,
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
import { deployedSpec, parseRecordedSpec } from "../last-reconciled-spec.ts";
import { sessionConfiguration, sessionState } from "../session-cluster.ts";

const MINUTE = 60_000;
const GOOD = "flink:2.3";
const BAD = "flink:bad";

const runs = sessionJob(jobRunning({ restore: "savepoint" }));
const isStopped = sessionJob(jobStopped({ restore: "savepoint" }));
const option = (text: string): ResourceChange =>
  withConfiguration({ "kubernetes.operator.deployment.rollback.enabled": text });

/** The cluster took jobs before a change that has just been deployed, as generation 2. */
function changed(before: readonly ResourceChange[] = [], change: ResourceChange = withImage(BAD)): Trace {
  const resource = sessionCluster(...before, recordedCluster());
  const stable = resource.status?.reconciliationStatus?.lastStableSpec;
  edited(change)(resource);
  recordedCluster({ jobManager: "DEPLOYING", stable: false })(resource);
  const { reconciliationStatus } = resource.status ?? {};
  Object.assign(reconciliationStatus ?? {}, { lastStableSpec: stable, reconciliationTimestamp: NOW });
  return new Trace(resource);
}

function cannotRun(sessionJobs: readonly FlinkSessionJob[] = [runs]): (resource: FlinkDeployment) => Scene {
  const pods = [pod("jobmanager", waiting("ImagePullBackOff", "no such image"))];
  return (resource) => ({
    cluster: cluster(resource, [unavailable()], { pods, configMaps: HA }),
    sessionJobs,
  });
}

function up(resource: FlinkDeployment): Scene {
  return {
    cluster: cluster(resource, [available()], { configMaps: HA }),
    flink: flink([job("RUNNING")]),
    sessionJobs: [runs],
  };
}

function images({ resource }: Trace) {
  const { reconciliationStatus = {} } = resource.status ?? {};
  const { state, lastReconciledSpec, lastStableSpec } = reconciliationStatus;
  return {
    state,
    recorded: parseRecordedSpec(lastReconciledSpec)?.spec.image,
    stable: parseRecordedSpec(lastStableSpec)?.spec.image,
    deployed: deployedSpec(reconciliationStatus)?.spec.image,
  };
}

const givesUp: Step = {
  when: "its time is over",
  scene: cannotRun(),
  after: 10 * MINUTE,
  gives: {
    actions: [],
    events: ["ImagePullBackOff", "Rollback"],
    lifecycle: "ROLLING_BACK",
    jobManager: "ERROR",
  },
};

const goesBack: Step[] = [
  ...tearDownSteps(),
  {
    when: "nothing is left",
    scene: gone(),
    gives: { actions: [], lifecycle: "ROLLING_BACK", jobManager: "MISSING" },
  },
  {
    when: "the stable one is created",
    scene: gone(),
    gives: { actions: ["create-cluster"], events: ["Submit"] },
  },
];

const isBack: Step[] = [
  { when: "its objects are there", scene: starting(), gives: { actions: [], lifecycle: "ROLLED_BACK" } },
  {
    when: "it takes jobs",
    scene: up,
    gives: {
      actions: [],
      lifecycle: "ROLLED_BACK",
      jobManager: "READY",
      conditions: ["Stalled: RolledBack"],
    },
  },
];

describe("a change of a session cluster whose JobManager cannot run", () => {
  it("gives way to the last stable spec, and HA metadata stays for the jobs", () => {
    const trace = changed();
    play(trace, [
      {
        when: "it may still come",
        scene: cannotRun(),
        gives: { lifecycle: "DEPLOYED", jobManager: "ERROR" },
      },
      { ...givesUp, gives: { ...givesUp.gives, events: ["Rollback"] } },
      ...goesBack,
      ...isBack,
    ]);
    expect(images(trace)).toEqual({ state: "ROLLED_BACK", recorded: BAD, stable: GOOD, deployed: GOOD });
    const { error, observedGeneration, history } = trace.resource.status ?? {};
    expect(error).toContain("generation 2 was rolled back: [flink-main-container] no such image");
    expect(observedGeneration).toBe(2);
    expect(history?.map(({ outcome }) => outcome)).toEqual(["RolledBack", "Stable"]);
  });

  it("is said with the reason and the next step, and once", () => {
    const trace = changed();
    const first = play(trace, [givesUp]);
    expect(message(first, "Rollback")).toContain("no such image");
    play(trace, [...goesBack, ...isBack]);
    const quiet = trace.pass(up(trace.resource));
    expect(quiet).toMatchObject({ actions: [], events: [], conditions: ["Stalled: RolledBack"] });
    expect(condition(quiet, "Stalled")?.message).toContain("The cluster runs with the last stable spec");
  });

  it("is made of the stable spec, and its jobs are told so", () => {
    const trace = changed([], withConfiguration({ "rest.port": "9999" }));
    play(trace, [givesUp, ...goesBack.slice(0, -1)]);
    const { inputs } = action(trace.pass(gone()(trace.resource)), "create-cluster");
    expect(inputs.spec.flinkConfiguration).not.toHaveProperty(["rest.port"]);
    play(trace, isBack);
    expect(sessionConfiguration(trace.resource, {})).not.toHaveProperty(["rest.port"]);
    expect(sessionState(trace.resource, {})).toBe("ready");
  });

  it.each<[string, ResourceChange[], string]>([
    ["is left alone when rollback is switched off", [option("false")], "DEPLOYED"],
    ["gives way when it is switched on", [option("true")], "ROLLING_BACK"],
  ])("%s", (_, before, lifecycle) => {
    const trace = changed(before);
    expect(trace.pass(cannotRun()(trace.resource), 10 * MINUTE).lifecycle).toBe(lifecycle);
  });

  it.each([
    ["is waited for", undefined, "DEPLOYED"],
    ["is given up where rollback is switched on", "true", "ROLLING_BACK"],
  ])("and is only slow %s", (_, text, lifecycle) => {
    const trace = changed(text === undefined ? [] : [option(text)]);
    expect(trace.pass(starting()(trace.resource), 10 * MINUTE).lifecycle).toBe(lifecycle);
  });

  it("is left alone when nothing took jobs before", () => {
    const resource = sessionCluster(recordedCluster({ jobManager: "DEPLOYING", stable: false }));
    expect(new Trace(resource).pass(cannotRun()(resource), 10 * MINUTE).lifecycle).toBe("DEPLOYED");
  });

  it("is left alone when it took jobs itself", () => {
    const resource = sessionCluster(recordedCluster());
    expect(new Trace(resource).pass(cannotRun()(resource), 10 * MINUTE).lifecycle).toBe("STABLE");
  });

  it.each<[string, readonly FlinkSessionJob[], string]>([
    ["whose jobs are stopped gives way without HA", [isStopped], "ROLLING_BACK"],
    ["with a job that may run, and that nothing would bring back, stays", [runs], "DEPLOYED"],
  ])("%s", (_, sessionJobs, lifecycle) => {
    const trace = changed([withoutHa()]);
    expect(trace.pass(cannotRun(sessionJobs)(trace.resource), 10 * MINUTE).lifecycle).toBe(lifecycle);
    const version = changed([withFlinkVersion("v2_2")], withFlinkVersion("v2_3"));
    expect(version.pass(cannotRun(sessionJobs)(version.resource), 10 * MINUTE).lifecycle).toBe(lifecycle);
  });
});

describe("an attempt of a session cluster that the API server refuses", () => {
  const refused = (resource: FlinkDeployment): Scene => ({
    ...gone()(resource),
    failure: { action: "create-cluster", reason: "Invalid", message: "spec.replicas: Invalid value" },
  });

  it("gives way at once, and what was made of it goes first", () => {
    const trace = changed();
    trace.change(({ status }) => {
      status!.jobManagerDeploymentStatus = "MISSING";
      status!.reconciliationStatus!.state = "UPGRADING";
    });
    const { deployment } = cluster(trace.resource, []);
    const half: Scene = { ...refused(trace.resource), cluster: nothing({ deployment, configMaps: HA }) };
    play(trace, [
      {
        when: "refused",
        scene: () => half,
        gives: { actions: [], events: ["Rollback"], lifecycle: "ROLLING_BACK" },
      },
      { when: "half of it is there", scene: () => half, gives: { actions: ["scale-job-manager-to-zero"] } },
      ...goesBack.slice(-2),
      ...isBack,
    ]);
    expect(images(trace)).toMatchObject({ recorded: BAD, deployed: GOOD });
  });
});

describe("an edit", () => {
  const NEWER = "flink:newer";

  it("after a rollback is a change of what runs", () => {
    const trace = changed();
    play(trace, [givesUp, ...goesBack, ...isBack]);
    trace.change(edited(withImage(NEWER)));
    play(trace, [
      {
        when: "edited",
        scene: up,
        gives: { events: ["SpecChanged"], lifecycle: "UPGRADING", error: undefined },
      },
      { when: "its jobs run on", scene: up, gives: { lifecycle: "UPGRADING", jobManager: "MISSING" } },
    ]);
    expect(images(trace)).toMatchObject({ state: "UPGRADING", recorded: NEWER, stable: GOOD });
  });

  it("back to the stable spec after a rollback restarts nothing", () => {
    const trace = changed();
    play(trace, [givesUp, ...goesBack, ...isBack]);
    trace.change(edited(withImage(GOOD)));
    const outcome = trace.pass(up(trace.resource));
    expect(outcome).toMatchObject({ actions: [], lifecycle: "STABLE", error: undefined });
    expect(trace.pass(up(trace.resource)).conditions).toEqual(["Ready: JobManagerReady"]);
  });

  it("while the failed cluster goes is deployed instead", () => {
    const trace = changed();
    play(trace, [givesUp]);
    trace.change(edited(withImage(NEWER)));
    play(trace, [
      ...tearDownSteps(),
      { when: "nothing is left", scene: gone(), gives: { lifecycle: "UPGRADING", jobManager: "MISSING" } },
    ]);
    expect(images(trace)).toMatchObject({ recorded: NEWER, deployed: NEWER, stable: GOOD });
  });

  it("that another version of Flink comes with waits for the stable one, which brings the jobs back", () => {
    const trace = changed();
    play(trace, [givesUp]);
    trace.change(edited(withFlinkVersion("v2_2")));
    const withJob =
      (scene: Step["scene"]): NonNullable<Step["scene"]> =>
      (resource) => ({ ...scene?.(resource), sessionJobs: [runs] });
    play(trace, [
      ...tearDownSteps().map((step) => ({ ...step, scene: withJob(step.scene) })),
      { when: "nothing is left", scene: withJob(gone()), gives: { lifecycle: "ROLLING_BACK" } },
      { when: "the stable one comes", scene: withJob(gone()), gives: { actions: ["create-cluster"] } },
      { when: "its objects are there", scene: withJob(starting()), gives: { lifecycle: "ROLLED_BACK" } },
      {
        when: "then the change goes on",
        scene: up,
        gives: { events: ["SpecChanged"], lifecycle: "UPGRADING" },
      },
    ]);
    expect(images(trace)).toMatchObject({ state: "UPGRADING", recorded: GOOD });
  });

  it("of the deletion kind takes down whatever is there", () => {
    const trace = changed();
    play(trace, [givesUp]);
    trace.change(deleted());
    expect(trace.pass(cannotRun([])(trace.resource)).actions).toEqual(["scale-job-manager-to-zero"]);
  });
});

describe("a JobManager that is lost after a rollback", () => {
  it("comes back with the stable spec", () => {
    const trace = changed();
    play(trace, [givesUp, ...goesBack, ...isBack]);
    const outcome = play(trace, [
      {
        when: "lost",
        scene: gone(),
        gives: { events: ["Missing", "RecoverDeployment"], lifecycle: "ROLLING_BACK" },
      },
      { when: "created", scene: gone(), gives: { actions: ["create-cluster"] } },
    ]);
    expect(action(outcome, "create-cluster").inputs.spec.image).toBe(GOOD);
    play(trace, isBack);
    expect(images(trace)).toEqual({ state: "ROLLED_BACK", recorded: BAD, stable: GOOD, deployed: GOOD });
  });
});

it("the answer of a cluster that another one is rolled back from proves nothing", () => {
  const trace = changed();
  play(trace, [givesUp]);
  expect(decideOnce(trace.resource, up(trace.resource)).status.reconciliationStatus?.lastStableSpec).toBe(
    trace.resource.status?.reconciliationStatus?.lastStableSpec,
  );
});
