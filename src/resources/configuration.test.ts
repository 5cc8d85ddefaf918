import { describe, expect, it } from "vitest";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { assembledConfiguration, deployConfiguration } from "./configuration.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";

const job = { jarURI: "local:///opt/job.jar", parallelism: 2 };

function inputs(spec: FlinkDeploymentSpec = {}, extra: Partial<ClusterInputs> = {}): ClusterInputs {
  return {
    owner: { name: "my-job", namespace: "team", uid: "uid-1" },
    spec: { flinkVersion: "v1_20", job, ...spec },
    generation: 7,
    jobId: "0".repeat(32),
    restore: { kind: "none" },
    attemptId: "attempt-1",
    defaults: {},
    ...extra,
  };
}

/** The options in question, as `deployConfiguration` sets them; undefined for those it leaves out. */
function options(
  spec: FlinkDeploymentSpec,
  keys: readonly string[],
  extra: Partial<ClusterInputs> = {},
): object {
  const config = deployConfiguration(inputs(spec, extra));
  return Object.fromEntries(keys.map((key) => [key, config[key]]));
}

describe("the configuration of a deployment", () => {
  it("opens the JDK for Java 17 where the user and the operator do not say how", () => {
    const keys = ["env.java.default-opts.all", "env.java.opts.all"];
    const flags = expect.stringContaining("--add-opens=java.base/java.util=ALL-UNNAMED") as unknown;
    const of = (flinkVersion: "v1_17" | "v1_18" | "v1_19" | "v2_3", config = {}): object =>
      options({ flinkVersion, flinkConfiguration: config }, keys);
    const [current, older] = keys as [string, string];
    expect(of("v1_17")).toEqual({});
    expect(of("v1_18")).toEqual({ [older]: flags });
    expect(of("v1_19")).toEqual({ [current]: flags });
    expect(of("v2_3", { [older]: "-Dx" })).toEqual({ [current]: flags, [older]: "-Dx" });
    expect(of("v2_3", { [current]: "-Dx" })).toEqual({ [current]: "-Dx" });
    expect(of("v1_18", { "env.java.opts": "-Dx" })).toEqual({});
    expect(options({ flinkVersion: "v1_19" }, keys, { defaults: { [current]: "-Dy" } })).toEqual({
      [current]: "-Dy",
    });
  });

  it("keeps the operator's options where they are still needed", () => {
    const config = { "kubernetes.operator.pod-template.merge-arrays-by-name": true };
    expect(assembledConfiguration(inputs({ flinkConfiguration: config }))).toMatchObject({
      "kubernetes.operator.pod-template.merge-arrays-by-name": "true",
    });
  });

  it("needs a version, and annotations that are a map", () => {
    expect(() => deployConfiguration(inputs({ flinkVersion: undefined } as never))).toThrow(
      InvalidClusterError,
    );
    const config = { "kubernetes.jobmanager.annotations": "a" };
    expect(() => deployConfiguration(inputs({ flinkConfiguration: config }))).toThrow(
      "kubernetes.jobmanager.annotations",
    );
  });
});
