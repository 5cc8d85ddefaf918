/** Manifests that are almost right, for tests of what must survive any input. */
import * as fc from "fast-check";
import { type JsonSchema, resolveSchema } from "../../src/api/json-schema.ts";
import type { Kind } from "../../src/api/kind.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";

/** Values of the right type, of a wrong one, null, and none, all mixed. */
function almost(given: JsonSchema): fc.Arbitrary<unknown> {
  const schema = resolveSchema(given);
  const text = fc.constantFrom(
    "",
    "1",
    "2g",
    "10 min",
    "true",
    "local:///a.jar",
    "s3://b",
    "..",
    "x".repeat(60),
  );
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
  "rest.port",
  "parallelism.default",
  "taskmanager.numberOfTaskSlots",
  "high-availability.storageDir",
  "execution.checkpointing.interval",
  "kubernetes.operator.periodic.checkpoint.interval",
  "kubernetes.operator.savepoint.history.max.age",
  "kubernetes.operator.snapshot.resource.enabled",
  "kubernetes.operator.job.restart.failed",
  "kubernetes.operator.deployment.rollback.enabled",
  "kubernetes.rest-service.exposed.type",
  "kubernetes.jobmanager.labels",
  "kubernetes.jobmanager.replicas",
  "kubernetes.jobmanager.cpu.limit-factor",
  "kubernetes.cluster-id",
  "scheduler-mode",
  "sluice.jar.secret",
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

interface Place {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
}

/** Two levels deep: every field of the spec, and what is in its parts. */
function placesOf(schema: JsonSchema, path: readonly string[] = []): Place[] {
  return Object.entries(schema.properties ?? {})
    .filter(([name]) => name !== "podTemplate")
    .flatMap(([name, child]) => {
      const place = { path: [...path, name], schema: child };
      return path.length > 0 ? [place] : [place, ...placesOf(child, place.path)];
    });
}

function put(draft: Record<string, unknown>, [first = "", ...rest]: readonly string[], value: unknown): void {
  const within = draft[first];
  if (rest.length === 0) draft[first] = value;
  else if (typeof within !== "object" || within === null) draft[first] = { [rest.join(".")]: value };
  else put(within as Record<string, unknown>, rest, value);
}

/** Pod templates that no schema refuses, but the API server does when pods are made by them, or nobody. */
const podTemplates: readonly object[] = [
  {},
  { spec: {} },
  { spec: { containers: [] } },
  { spec: { containers: [{ name: "flink-main-container", image: "" }] } },
  { spec: { containers: [{ name: "flink-main-container", ports: [{ containerPort: 99_999 }] }] } },
  { spec: { containers: [{ name: "Side Car", image: "x" }] } },
  { spec: { containers: [{ name: "side" }] } },
  { spec: { volumes: [{ name: "v" }, { name: "v" }], initContainers: [{ name: "first", image: "x" }] } },
  { metadata: { labels: { "not a label": "x".repeat(70) } } },
];

/** A spec of the kind that is valid but for what a few edits made of it; of none, as it was. */
export function editedSpec(kind: Kind, valid: object): fc.Arbitrary<Record<string, unknown>> {
  const spec: JsonSchema = kind.spec;
  const places = placesOf(spec);
  const edit = fc
    .constantFrom(...places)
    .chain(({ path, schema }) => almost(schema).map((value) => ({ path, value })));
  const template = fc
    .constantFrom(...podTemplates)
    .map((value) => ({ path: ["podTemplate"] as readonly string[], value: value as unknown }));
  const option = fc
    .tuple(
      optionName,
      fc.oneof(fc.constantFrom("", "0", "-1", "10 min", "true", "x", "8081"), fc.jsonValue()),
    )
    .map(([name, value]) => ({ path: ["flinkConfiguration", name], value }));
  const hasTemplate = spec.properties !== undefined && Object.hasOwn(spec.properties, "podTemplate");
  const hasOptions = spec.properties !== undefined && Object.hasOwn(spec.properties, "flinkConfiguration");
  const any = fc.oneof(
    { arbitrary: edit, weight: 6 },
    { arbitrary: template, weight: hasTemplate ? 1 : 0 },
    { arbitrary: option, weight: hasOptions ? 2 : 0 },
  );
  return fc.array(any, { maxLength: 3 }).map((edits) => {
    const draft = structuredClone(valid) as Record<string, unknown>;
    for (const { path, value } of edits) put(draft, path, structuredClone(value));
    return draft;
  });
}
