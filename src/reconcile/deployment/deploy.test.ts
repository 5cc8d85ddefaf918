/** Attempts: what is recorded, what is made of it, and where it starts from. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../api/kube-object.ts";
import type { ClusterInputs } from "../../resources/cluster-inputs.ts";
import { ok } from "../../../testbed/gen/flink-answers.ts";
import {
  edited,
  flinkDeployment,
  withFlinkVersion,
  withJobState,
  withoutHa,
  withParallelism,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { available, cluster, haConfigMap, madeFor, terminating } from "../../../testbed/gen/kube-objects.ts";
import {
  JOB_ID,
  STARTED,
  type StatusDetails,
  stopped,
  submitting,
} from "../../../testbed/gen/recorded-status.ts";
import { bringUpSteps, gone, HA, recordedJob, starting, up } from "../../../testbed/gen/steps.ts";
import { action, decideOnce, play, Trace } from "../../../testbed/gen/trace.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const [create, appear, run] = bringUpSteps([]);

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
      /^HA metadata is not available: there is none to restore .* Manual restore required\. No complete checkpoint of job a0+1 is in s3:\/\/state\/checkpoints\/a0+1\. Set spec\.job\.initialSavepointPath/,
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

describe("high availability that is switched off while the state is in its metadata", () => {
  it("waits: the job comes back as it was, and stops in a way that the new spec can go on from", () => {
    const trace = new Trace(
      flinkDeployment(withUpgradeMode("last-state"), stopped({ restore: "last-state" })),
    );
    play(trace, [
      {
        when: "the edit comes between stop and start",
        edit: edited(withoutHa()),
        scene: gone(),
        gives: {
          events: ["ValidationError"],
          jobState: "RECONCILING",
          conditions: ["Stalled: ValidationError"],
        },
      },
    ]);
    const created = trace.pass(gone()(trace.resource));
    expect(action(created, "create-cluster").inputs).toMatchObject({
      restore: { kind: "last-state" },
      spec: { flinkConfiguration: { "high-availability.type": "kubernetes" } },
    });
    play(trace, [
      { when: "made", scene: starting(), gives: { lifecycle: "DEPLOYED" } },
      { when: "running again, the change is made", scene: up("RUNNING"), gives: { actions: ["cancel-job"] } },
    ]);
  });
});
