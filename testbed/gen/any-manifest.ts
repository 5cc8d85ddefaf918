/** Manifests that are almost right, for tests of what must survive any input. */
import * as fc from "fast-check";
import { type JsonSchema, resolveSchema } from "../../src/api/json-schema.ts";
import type { Kind } from "../../src/api/kind.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";

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

/** Of a kind, with a spec that is almost right. */
export function anyManifest({ kind, spec }: Kind): fc.Arbitrary<KubeObject> {
  const header = { apiVersion: fc.constant("flink.apache.org/v1beta1"), kind: fc.constant(kind) };
  const metadata = fc.oneof(fc.record({ name: fc.string() }), fc.jsonValue({ maxDepth: 1 }));
  return fc.record(
    { ...header, metadata, spec: almost(spec) },
    { requiredKeys: ["apiVersion", "kind"] },
  ) as fc.Arbitrary<KubeObject>;
}
