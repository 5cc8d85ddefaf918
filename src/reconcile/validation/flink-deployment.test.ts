import { expect, it } from "vitest";
import { readTable } from "../../../testbed/gen/tables.ts";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { flattenConfiguration } from "../../flink/configuration.ts";
import type { Finding } from "./finding.ts";
import { validateFlinkDeployment } from "./flink-deployment.ts";

const { application } = readTable("validation") as { readonly application: FlinkDeploymentSpec };

function validate(change: Record<string, unknown>): Finding[] {
  const resource: FlinkDeployment = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "job", namespace: "team" },
    spec: { ...application, ...change },
  };
  return validateFlinkDeployment(resource, flattenConfiguration(resource.spec.flinkConfiguration));
}

it("says what would be right", () => {
  const findings = validate({
    flinkVersion: "1.20",
    taskManager: { resource: { memory: "500m" } },
    flinkConfiguration: { "kubernetes.operator.savepoint.format": "NATIVE" },
  });
  expect(findings.map(({ expected }) => expected)).toEqual([
    "v1_20",
    "982m",
    "kubernetes.operator.savepoint.format.type",
  ]);
  expect(validate({ taskManager: { resource: { memory: "982m" } } })).toEqual([]);
});
