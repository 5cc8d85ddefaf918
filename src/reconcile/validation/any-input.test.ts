import * as fc from "fast-check";
import { expect, it } from "vitest";
import { anyManifest } from "../../../testbed/gen/any-manifest.ts";
import { kinds } from "../../api/kinds.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { flattenConfiguration } from "../../flink/configuration.ts";
import type { Finding } from "./finding.ts";
import { parsePath } from "./finding.ts";
import { validateFlinkBlueGreenDeployment } from "./flink-blue-green-deployment.ts";
import { validateFlinkDeployment } from "./flink-deployment.ts";
import { validateFlinkSessionJob } from "./flink-session-job.ts";
import { validateFlinkStateSnapshot } from "./flink-state-snapshot.ts";
import { emptyFields, unknownFields } from "./schema-check.ts";

function validate(resource: KubeObject): Finding[] {
  const { flinkConfiguration } = (resource["spec"] ?? {}) as { flinkConfiguration?: unknown };
  const config = flattenConfiguration(flinkConfiguration);
  switch (resource.kind) {
    case "FlinkDeployment":
      return validateFlinkDeployment(resource as never, config, {
        spec: { flinkVersion: "v1_20", job: { state: "suspended", upgradeMode: "last-state" } },
      });
    case "FlinkSessionJob":
      return validateFlinkSessionJob(resource as never, {
        effective: config,
        operator: config,
        lastReconciled: { spec: { deploymentName: "a" } },
      });
    case "FlinkStateSnapshot":
      return validateFlinkStateSnapshot(resource as never, false);
    default:
      return validateFlinkBlueGreenDeployment(resource as never, config);
  }
}

it.each(kinds.map((kind) => [kind.kind, kind] as const))(
  "validation of a %s never throws and never changes it, whatever is in it",
  { timeout: 60_000 },
  (_, kind) => {
    fc.assert(
      fc.property(anyManifest(kind), (resource) => {
        const before = structuredClone(resource);
        const findings = [...validate(resource), ...unknownFields(resource), ...emptyFields(resource)];
        for (const { path, message } of findings) {
          expect(parsePath(path).length).toBeGreaterThan(0);
          expect(message).not.toMatch(/undefined|NaN|\[object/);
        }
        expect(resource).toEqual(before);
      }),
      { numRuns: 100 },
    );
  },
);

it("survives a manifest with nothing in it", () => {
  const empty = { apiVersion: "flink.apache.org/v1beta1", kind: "FlinkDeployment" };
  expect(validateFlinkDeployment(empty as never, {}, undefined).map(({ path }) => path)).toEqual([
    "metadata.name",
    "spec.flinkVersion",
    "spec.jobManager.resource.memory",
    "spec.taskManager.resource.memory",
    "spec.serviceAccount",
  ]);
});
