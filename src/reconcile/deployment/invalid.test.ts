/** Specs that cannot be deployed: what is deployed goes on, and the user is told. */
import { describe, expect, it } from "vitest";
import { ok } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  type ResourceChange,
  withJob,
  withJobState,
  withParallelism,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import { running, submitting, suspended } from "../../../testbed/gen/recorded-status.ts";
import { bringUpSteps, gone, imagePullBackOff, recordedJob, up } from "../../../testbed/gen/steps.ts";
import { action, condition, decideOnce, message, play, Trace } from "../../../testbed/gen/trace.ts";

const INVALID = edited(withParallelism(-1));

describe("an invalid spec", () => {
  it("of a new resource is refused, and an edit is waited for", () => {
    const trace = new Trace(flinkDeployment(withParallelism(0)));
    const refused = play(trace, [
      {
        when: "refused",
        gives: {
          actions: [],
          events: ["ValidationError"],
          lifecycle: "FAILED",
          jobState: undefined,
          conditions: ["Stalled: ValidationError"],
        },
      },
      { when: "looked at again", gives: { actions: [], events: [], lifecycle: "FAILED" } },
    ]);
    expect(refused.decision.requeueAfter).toBeUndefined();
    expect(refused.error).toContain("spec.job.parallelism");
    expect(JSON.parse(refused.status.error ?? "")).toMatchObject({
      type: "org.apache.flink.kubernetes.operator.exception.ValidationException",
    });
    play(trace, [
      {
        when: "mended",
        edit: edited(withParallelism(2)),
        gives: { actions: [], events: [], lifecycle: "UPGRADING", error: undefined },
      },
      ...bringUpSteps([]),
    ]);
  });

  it("of a running job leaves it running, and says what is wrong and what runs", () => {
    const trace = new Trace(flinkDeployment(running()));
    const first = play(trace, [
      {
        when: "edited",
        edit: INVALID,
        scene: up("RUNNING"),
        gives: {
          actions: [],
          events: ["ValidationError"],
          lifecycle: "STABLE",
          jobState: "RUNNING",
          conditions: ["Stalled: ValidationError"],
        },
      },
    ]);
    expect(first.status.observedGeneration).toBe(1);
    expect(first.decision.requeueAfter).toBeGreaterThan(0);
    expect(first.error).toBe(message(first, "ValidationError"));
    expect(condition(first, "Stalled")?.message).toBe(`${first.error}; generation 1 stays deployed`);
    const second = play(trace, [{ when: "still", scene: up("RUNNING"), gives: { actions: [], events: [] } }]);
    expect(second.status).toEqual(first.status);
    play(trace, [
      {
        when: "mended",
        edit: edited(withParallelism(4)),
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], lifecycle: "UPGRADING", error: undefined },
      },
    ]);
  });

  it("does not keep a lost JobManager from being recovered as it was", () => {
    const trace = new Trace(flinkDeployment(running(), INVALID));
    play(trace, [
      {
        when: "lost",
        scene: gone(),
        gives: {
          actions: [],
          events: ["Missing", "ValidationError", "RecoverDeployment"],
          lifecycle: "UPGRADING",
        },
      },
    ]);
    const created = trace.pass(gone()(trace.resource));
    expect(action(created, "create-cluster").inputs).toMatchObject({
      generation: 1,
      restore: { kind: "last-state", marker: true },
      spec: { job: { parallelism: 2 } },
    });
    expect(created).toMatchObject({ events: ["Submit"], conditions: ["Stalled: ValidationError"] });
    expect(created.error).toContain("spec.job.parallelism");
  });

  it("that comes while the job stops lets it go back to what was deployed last", () => {
    const trace = new Trace(flinkDeployment(running()));
    play(trace, [
      {
        when: "a change",
        edit: edited(withParallelism(4)),
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"] },
      },
      {
        when: "invalid",
        edit: INVALID,
        scene: up("FINISHED", { savepoint: ok({ state: "COMPLETED", location: "s3://sp" }) }, []),
        gives: { actions: [], lifecycle: "UPGRADING" },
      },
      { when: "recorded", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(trace.pass(gone([])(trace.resource)), "create-cluster").inputs).toMatchObject({
      restore: { kind: "savepoint", path: "s3://sp" },
      spec: { job: { parallelism: 2 } },
    });
  });

  it("that comes while an attempt is carried out lets that go on", () => {
    const trace = new Trace(flinkDeployment(submitting(), INVALID));
    const created = trace.pass(gone([])(trace.resource));
    expect(action(created, "create-cluster").inputs).toMatchObject({
      generation: 1,
      spec: { job: { parallelism: 2, state: "running" } },
    });
  });

  it("of a suspended job leaves it suspended", () => {
    const trace = new Trace(flinkDeployment(withJobState("suspended"), suspended(), INVALID));
    play(trace, [{ when: "invalid", scene: gone([]), gives: { actions: [], lifecycle: "SUSPENDED" } }]);
    expect(recordedJob(trace)).toMatchObject({ state: "suspended", parallelism: 2 });
  });

  it.each<[string, ResourceChange]>([
    ["takes the job away", withSpec({ job: null })],
    ["asks for another mode", withSpec({ mode: "standalone" })],
    ["asks for a Flink version that is too old", withSpec({ flinkVersion: "v1_14" })],
    ["asks to start anew, and not from where", withJob({ savepointRedeployNonce: 1 })],
    ["has no service account any more", withSpec({ serviceAccount: null })],
  ])("that %s leaves the job running as it is", (_, change) => {
    const trace = new Trace(flinkDeployment(running(), edited(change)));
    play(trace, [
      {
        when: "refused",
        scene: up("RUNNING"),
        gives: {
          actions: [],
          events: ["ValidationError"],
          lifecycle: "STABLE",
          jobState: "RUNNING",
          conditions: ["Stalled: ValidationError"],
        },
      },
      { when: "still", scene: up("RUNNING"), gives: { actions: [], events: [] } },
    ]);
  });

  it("is said beside another problem, which comes first in the error", () => {
    const trace = new Trace(flinkDeployment(running(), INVALID));
    const outcome = play(trace, [
      { when: "both", scene: imagePullBackOff(), gives: { actions: [], jobManager: "ERROR" } },
    ]);
    expect(outcome.events.toSorted()).toEqual(["ImagePullBackOff", "ValidationError"]);
    expect(outcome.error).toBe("[flink-main-container] no such image");
    expect(outcome.conditions).toEqual(["Stalled: ImagePullBackOff"]);
    expect(condition(outcome, "Stalled")?.message).toMatch(/no such image\. Besides: spec\.job\.parallelism/);
  });

  it("of a suspended job that is mended is forgotten", () => {
    const trace = new Trace(flinkDeployment(withJobState("suspended"), suspended(), INVALID));
    play(trace, [
      { when: "invalid", scene: gone([]), gives: { conditions: ["Stalled: ValidationError"] } },
      {
        when: "mended",
        edit: edited(withParallelism(4)),
        scene: gone([]),
        gives: { error: undefined, lifecycle: "SUSPENDED", conditions: ["Ready: Suspended"] },
      },
    ]);
  });
});

describe("what this version of Sluice does not do", () => {
  it("old Flink versions: nothing is done, and that is said once", () => {
    const trace = new Trace(flinkDeployment(withSpec({ flinkVersion: "v1_14" })));
    const outcome = play(trace, [
      {
        when: "new",
        gives: {
          actions: [],
          events: ["UnsupportedFlinkVersion"],
          lifecycle: "FAILED",
          conditions: ["Stalled: Unsupported"],
        },
      },
      { when: "still", gives: { actions: [], events: [], conditions: ["Stalled: Unsupported"] } },
    ]);
    expect(condition(outcome, "Stalled")?.message).toBe(
      "spec.flinkVersion: Flink version v1_14 is not supported",
    );
    expect(outcome.decision.requeueAfter).toBeUndefined();
  });

  it("a cluster that another operator deployed is left alone, whatever is edited", () => {
    const old = withSpec({ flinkVersion: "v1_14" });
    const resource = flinkDeployment(old, running(), edited(withSpec({ image: "other" })));
    expect(decideOnce(resource, up("RUNNING")(resource))).toMatchObject({
      actions: [],
      conditions: ["Stalled: Unsupported"],
    });
  });
});
