import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withSpecDefaults, withStatusDefaults } from "./defaults.ts";
import type { FlinkDeploymentSpec } from "./flink-deployment.ts";

describe("withSpecDefaults", () => {
  it("fills in what the specification names", () => {
    expect(withSpecDefaults({ job: {}, jobManager: {} })).toEqual({
      flinkConfiguration: {},
      job: { parallelism: 0, args: [], state: "running", upgradeMode: "stateless" },
      jobManager: { replicas: 1 },
    });
  });

  it("leaves a session cluster without job and an absent jobManager absent", () => {
    expect(withSpecDefaults({ image: "flink" })).toEqual({ image: "flink", flinkConfiguration: {} });
  });

  it("treats null as absent, as specs recorded by the Apache operator spell nulls out", () => {
    const recorded = {
      image: "flink",
      ingress: null,
      job: { args: null, upgradeMode: null, state: "suspended", entryClass: null },
      jobManager: { resource: { cpu: 1, memory: null }, replicas: null },
      flinkConfiguration: null,
    } as unknown as FlinkDeploymentSpec;
    expect(withSpecDefaults(recorded)).toEqual({
      image: "flink",
      flinkConfiguration: {},
      job: { parallelism: 0, args: [], state: "suspended", upgradeMode: "stateless" },
      jobManager: { resource: { cpu: 1 }, replicas: 1 },
    });
  });

  it("keeps pod templates and configuration exactly as written, null included", () => {
    const spec = {
      podTemplate: { spec: { hostname: null } },
      flinkConfiguration: { a: { b: null } },
    } as unknown as FlinkDeploymentSpec;
    expect(withSpecDefaults(spec)).toEqual(spec);
  });

  it("never changes a given value, nor its argument, and applying it twice changes nothing", () => {
    const job = fc.record(
      { parallelism: fc.integer(), args: fc.array(fc.string()), jarURI: fc.string() },
      { requiredKeys: [] },
    );
    const spec = fc.record(
      { image: fc.string(), job, jobManager: fc.record({ replicas: fc.integer() }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(spec, (given) => {
        const before = structuredClone(given);
        const once = withSpecDefaults(given);
        expect(once).toMatchObject(before);
        expect(given).toEqual(before);
        expect(withSpecDefaults(once)).toEqual(once);
      }),
    );
  });
});

describe("withStatusDefaults", () => {
  it("is a resource that nothing was done for yet", () => {
    const fresh = {
      clusterInfo: {},
      jobManagerDeploymentStatus: "MISSING",
      conditions: [],
      jobStatus: {
        savepointInfo: { savepointHistory: [], lastPeriodicSavepointTimestamp: 0 },
        checkpointInfo: { lastPeriodicCheckpointTimestamp: 0 },
      },
      reconciliationStatus: { reconciliationTimestamp: 0, state: "UPGRADING" },
    };
    expect(withStatusDefaults(undefined)).toEqual(fresh);
    expect(withStatusDefaults(null)).toEqual(fresh);
    expect(withStatusDefaults({})).toEqual(fresh);
  });

  it("keeps what is there", () => {
    const status = withStatusDefaults({
      jobManagerDeploymentStatus: "READY",
      jobStatus: { jobId: "a", savepointInfo: { triggerId: "t" } },
      reconciliationStatus: { lastReconciledSpec: "{}", state: "DEPLOYED" },
    });
    expect(status.jobManagerDeploymentStatus).toBe("READY");
    expect(status.jobStatus.jobId).toBe("a");
    expect(status.jobStatus.savepointInfo.triggerId).toBe("t");
    expect(status.reconciliationStatus).toMatchObject({ lastReconciledSpec: "{}", state: "DEPLOYED" });
  });
});
