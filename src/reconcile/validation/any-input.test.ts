import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type JsonSchema, resolveSchema } from "../../api/json-schema.ts";
import type { Kind } from "../../api/kind.ts";
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

/** Values of the right type, of a wrong one, null, and none, all mixed. */
function almost(given: JsonSchema): fc.Arbitrary<unknown> {
  const schema = resolveSchema(given);
  const text = fc.constantFrom("", "1", "2g", "10 min", "true", "local:///a.jar", "s3://b", "x".repeat(60));
  const right = (): fc.Arbitrary<unknown> => {
    if (schema.enum) return fc.constantFrom(...schema.enum);
    if (schema.items) return fc.array(almost(schema.items), { maxLength: 2 });
    if (schema.additionalProperties)
      return fc.dictionary(text, almost(schema.additionalProperties), { maxKeys: 2 });
    if (schema.properties) return fields(schema.properties);
    if (schema.type === "integer") return fc.integer({ min: -2, max: 9 });
    if (schema.type === "string") return text;
    if (schema.type === "boolean") return fc.boolean();
    return fc.dictionary(optionName, fc.oneof(text, fc.jsonValue()), { maxKeys: 4 });
  };
  return fc.oneof(
    { arbitrary: right(), weight: 20 },
    { arbitrary: fc.constant(null), weight: 1 },
    { arbitrary: fc.jsonValue({ maxDepth: 2 }), weight: 1 },
  );
}

const optionName = fc.constantFrom(
  "state.checkpoints.dir",
  "high-availability.type",
  "job.autoscaler.enabled",
  "job.autoscaler.excluded.periods",
  "kubernetes.operator.periodic.savepoint.interval",
  "kubernetes.operator.user.artifacts.allowed-schemes",
  "taskmanager.memory.network.fraction",
  "jobmanager.memory.process.size",
  "kubernetes",
);

function fields(properties: Readonly<Record<string, JsonSchema>>): fc.Arbitrary<unknown> {
  // Pod templates would be most of the values and none of the rules.
  const own = Object.entries(properties).filter(
    ([name]) => name !== "podTemplate" && name !== "managedFields",
  );
  return fc.record(Object.fromEntries(own.map(([name, child]) => [name, almost(child)])), {
    requiredKeys: [],
  });
}

function manifest({ kind, spec }: Kind): fc.Arbitrary<KubeObject> {
  const header = { apiVersion: fc.constant("flink.apache.org/v1beta1"), kind: fc.constant(kind) };
  const metadata = fc.oneof(fc.record({ name: fc.string() }), fc.jsonValue({ maxDepth: 1 }));
  return fc.record(
    { ...header, metadata, spec: almost(spec) },
    { requiredKeys: ["apiVersion", "kind"] },
  ) as fc.Arbitrary<KubeObject>;
}

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
      fc.property(manifest(kind), (resource) => {
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
