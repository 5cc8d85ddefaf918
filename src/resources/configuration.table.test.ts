/** The assembly of a cluster's configuration (specification 2.14, 2.12), from test/data/tables/deploy-configuration.yaml. */
import { describe, expect, it } from "vitest";
import { type Difference, isSound, readTable } from "../../testbed/gen/tables.ts";
import { withJobDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec, JobSpec } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { withLiveOptions } from "../reconcile/pass.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { deployConfiguration, sessionJobConfiguration } from "./configuration.ts";

interface Case extends Difference {
  readonly case: string;
  readonly spec?: Partial<FlinkDeploymentSpec>;
  readonly defaults?: FlinkConfiguration;
  readonly restore?: ClusterInputs["restore"];
  readonly uid?: string;
  /** Null: not given. */
  readonly options: Readonly<Record<string, string | null>>;
}

interface Source {
  readonly source: string;
  readonly cases: readonly Case[];
}

const table = readTable("deploy-configuration") as {
  readonly resource: ClusterInputs["owner"];
  readonly generation: number;
  readonly spec: FlinkDeploymentSpec;
  readonly sources: readonly Source[];
  readonly observed: readonly {
    readonly case: string;
    readonly deployed: FlinkConfiguration;
    readonly current: FlinkConfiguration;
    readonly gives: FlinkConfiguration;
  }[];
  readonly sessionJobs: readonly {
    readonly case: string;
    readonly job?: JobSpec;
    readonly own: FlinkConfiguration;
    readonly cluster: FlinkConfiguration;
    readonly gives: FlinkConfiguration;
  }[];
};

function deployed({ spec, defaults = {}, restore = { kind: "none" }, uid }: Case): FlinkConfiguration {
  return deployConfiguration({
    owner: { ...table.resource, ...(uid === undefined ? {} : { uid }) },
    spec: { ...table.spec, ...spec },
    generation: table.generation,
    jobId: "0".repeat(32),
    restore,
    attemptId: "attempt-1",
    defaults,
  });
}

/** What the configuration file in Flink's image says: distribution-defaults.ts, and its own test. */
const OF_THE_IMAGE = /^env\.java\./;

describe("the configuration of a deployment (specification 2.14)", () => {
  it("has every source, in order", () => {
    expect(table.sources.map(({ source }) => source)).toEqual([
      "operator's defaults, then flinkConfiguration",
      "always",
      "logConfiguration",
      "image, imagePullPolicy, serviceAccount",
      "pod templates",
      "memory of jobManager and taskManager",
      "cpu of jobManager and taskManager",
      "resources",
      "jobManager.replicas",
      "taskManager.replicas",
      "job",
      "no job",
      "job, wherever it runs",
      "end",
      "deploy only",
      "2.12, where the state comes from",
      "2.12, owner",
      "2.12, results of jobs",
      "2.12, job id",
      "2.12, what Flink is not given",
    ]);
  });

  it("has a case for every option that is ever set", () => {
    const cases = table.sources.flatMap((source) => source.cases);
    const told = new Set(
      cases.flatMap(({ options }) => Object.keys(options).filter((key) => options[key] !== null)),
    );
    const set = cases.flatMap((row) => {
      const given = { ...row.defaults, ...flattenConfiguration(row.spec?.flinkConfiguration) };
      return Object.keys(deployed(row)).filter((key) => !(key in given) && !OF_THE_IMAGE.test(key));
    });
    expect([...new Set(set)].filter((key) => !told.has(key))).toEqual([]);
  });

  describe.each(table.sources)("$source", ({ cases }) => {
    it.each(cases)("$case", (row) => {
      const config = deployed(row);
      const keys = Object.keys(row.options);
      expect(Object.fromEntries(keys.map((key) => [key, config[key] ?? null]))).toEqual(row.options);
      expect(isSound(row, "")).toBe(true);
    });
  });
});

describe("the configuration that a cluster is watched with", () => {
  it.each(table.observed)("$case", ({ deployed: before, current, gives }) => {
    expect(withLiveOptions(before, current)).toEqual(gives);
  });
});

describe("the configuration of a session job", () => {
  it.each(table.sessionJobs)("$case", ({ job, own, cluster, gives }) => {
    const { name } = table.resource;
    expect(sessionJobConfiguration(name, withJobDefaults(job ?? {}), own, cluster)).toEqual(gives);
  });
});
