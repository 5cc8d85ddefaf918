/** Worked traces: one line, one pass. Each finds recorded what the one before wrote. */
import { describe, expect, it } from "vitest";
import type { UpgradeMode } from "../../api/flink-deployment.ts";
import {
  edited,
  flinkDeployment,
  withFlinkVersion,
  withJob,
  withJobState,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { haConfigMap } from "../../../testbed/gen/kube-objects.ts";
import { running, suspended } from "../../../testbed/gen/recorded-status.ts";
import { bringUpSteps, gone, tearDownSteps, up } from "../../../testbed/gen/steps.ts";
import { action, message, play, Trace } from "../../../testbed/gen/trace.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";

const [create, appear, run] = bringUpSteps([]);

const REDEPLOY = edited(withJob({ savepointRedeployNonce: 1, initialSavepointPath: "s3://chosen" }));

describe("nonces", () => {
  it("restartNonce restarts by upgrade mode", () => {
    const modes: [UpgradeMode, string[]][] = [
      ["savepoint", ["stop-with-savepoint"]],
      ["last-state", []],
      ["stateless", ["cancel-job"]],
    ];
    for (const [mode, actions] of modes) {
      const trace = new Trace(flinkDeployment(withUpgradeMode(mode), running()));
      const outcome = play(trace, [
        {
          when: mode,
          edit: edited(withSpec({ restartNonce: 1 })),
          scene: up("RUNNING"),
          gives: { actions: actions as never, events: ["Suspended", "SpecChanged"], lifecycle: "UPGRADING" },
        },
      ]);
      expect(message(outcome, "SpecChanged")).toMatch(
        /^UPGRADE change\(s\) detected \(Diff: FlinkDeploymentSpec\[.*restartNonce : null -> 1.*\]\), starting reconciliation\.$/,
      );
    }
  });

  it("savepointRedeployNonce throws the state away and starts from initialSavepointPath", () => {
    const trace = new Trace(flinkDeployment(running({ job: { upgradeSavepointPath: "s3://current" } })));
    play(trace, [
      {
        when: "told",
        edit: REDEPLOY,
        scene: up("RUNNING"),
        gives: {
          actions: ["cancel-job"],
          events: ["SpecChanged"],
          lifecycle: "UPGRADING",
          conditions: ["Reconciling: SavepointRedeploy"],
        },
      },
      ...tearDownSteps(),
      { when: "gone", scene: gone(), gives: { jobState: "RECONCILING" } },
      { when: "HA metadata goes", scene: gone(), gives: { actions: ["delete-config-maps"] } },
    ]);
    const { inputs } = action(play(trace, [create!]), "create-cluster");
    expect(inputs.restore).toEqual({ kind: "savepoint", path: "s3://chosen" });
    play(trace, [appear!, run!]);
  });

  it("savepointRedeployNonce of a job that ended has nothing to cancel", () => {
    const trace = new Trace(flinkDeployment(running({ jobState: "FAILED" })));
    play(trace, [
      { when: "told", edit: REDEPLOY, scene: up("FAILED"), gives: { actions: [], lifecycle: "UPGRADING" } },
    ]);
  });

  it("savepointRedeployNonce of a suspended job counts when it is resumed", () => {
    const trace = new Trace(
      flinkDeployment(
        withJobState("suspended"),
        suspended({ restore: "savepoint", job: { upgradeSavepointPath: "s3://a" } }),
      ),
    );
    play(trace, [
      {
        when: "told",
        edit: REDEPLOY,
        scene: gone([]),
        gives: { actions: [], lifecycle: "SUSPENDED" },
      },
      {
        when: "resumed",
        edit: edited(withJobState("running")),
        scene: gone([]),
        gives: { lifecycle: "UPGRADING" },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [create!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://chosen",
    });
  });

  it("a savepoint that is asked for together with an upgrade is not taken for done", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("stateless"), running()));
    trace.change(edited(withParallelism(4), withJob({ savepointTriggerNonce: 7 })));
    trace.pass(up("RUNNING")(trace.resource));
    expect(trace.resource.status?.reconciliationStatus?.lastReconciledSpec).not.toContain(
      "savepointTriggerNonce",
    );
  });
});

describe("another Flink version", () => {
  it("between stop and start by last-state first starts the old one, whose metadata only it can read", () => {
    const trace = new Trace(flinkDeployment(withUpgradeMode("last-state"), running()));
    play(trace, [
      {
        when: "a change by last-state",
        edit: edited(withParallelism(4)),
        scene: up("RUNNING"),
        gives: { lifecycle: "UPGRADING" },
      },
      {
        when: "another version before the start",
        edit: edited(withFlinkVersion("v2_4")),
        scene: gone(),
        gives: { jobState: "RECONCILING" },
      },
    ]);
    expect(action(play(trace, [bringUpSteps()[0]!]), "create-cluster").inputs).toMatchObject({
      generation: 2,
      restore: { kind: "last-state", marker: true },
      spec: { flinkVersion: "v2_3", job: { parallelism: 4 } },
    });
    play(trace, [
      {
        ...bringUpSteps()[1]!,
        gives: { actions: [], lifecycle: "DEPLOYED", conditions: ["Stalled: ValidationError"] },
      },
      {
        when: "then the new one is reached with a savepoint",
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], lifecycle: "UPGRADING" },
      },
    ]);
  });
});

describe("HA metadata without the checkpoint that was there", () => {
  it("never becomes an empty start", () => {
    const trace = new Trace(
      flinkDeployment(
        withUpgradeMode("last-state"),
        running({ restore: "last-state", job: { upgradeSavepointPath: LAST_STATE_MARKER } }),
      ),
    );
    const emptied = [haConfigMap()];
    play(trace, [
      { when: "a change", edit: edited(withParallelism(4)), scene: up("RUNNING", {}, emptied), gives: {} },
      {
        when: "gone",
        scene: gone(emptied),
        gives: { actions: [], events: ["RestoreFailed"], conditions: ["Stalled: RestoreFailed"] },
      },
      {
        when: "the user gives the state up",
        edit: edited(withUpgradeMode("stateless")),
        scene: gone(emptied),
        gives: { jobState: "RECONCILING", error: undefined },
      },
    ]);
  });
});
