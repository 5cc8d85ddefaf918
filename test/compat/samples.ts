/** Values for the field trees: one with every field set, every legal variant of the enums, and wrong ones. */
import type { Fields, FieldType } from "./field-trees.ts";

/** A component schema of the API server's own OpenAPI v3 document. */
interface OpenApiSchema {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Record<string, OpenApiSchema>;
  readonly additionalProperties?: OpenApiSchema;
  readonly items?: OpenApiSchema;
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiSchema[];
  readonly oneOf?: readonly OpenApiSchema[];
}
export type OpenApiSchemas = Readonly<Record<string, OpenApiSchema>>;

/** An object with every field that the API server documents for a type, so also those that nobody thinks of. */
export function maximalObject(schemas: OpenApiSchemas, name: string): unknown {
  const value = (schema: OpenApiSchema): unknown => {
    const ref = schema.$ref ?? schema.allOf?.[0]?.$ref;
    if (ref !== undefined) {
      const target = ref.slice(ref.lastIndexOf("/") + 1);
      const definition = schemas[target];
      if (definition === undefined) throw new Error(`${target} is not documented`);
      if (target.endsWith("IntOrString")) return 8081;
      if (target.endsWith("FieldsV1")) return { "f:metadata": {} };
      return value(definition);
    }
    if (schema.properties) {
      return Object.fromEntries(Object.entries(schema.properties).map(([key, child]) => [key, value(child)]));
    }
    if (schema.items) return [value(schema.items)];
    if (schema.additionalProperties) return { key: value(schema.additionalProperties) };
    if (schema.oneOf) return "500m";
    if (schema.format === "date-time") return "2026-01-02T03:04:05Z";
    return { string: "text", integer: 7, boolean: true, number: 1.5, object: {} }[schema.type ?? "string"];
  };
  return value({ $ref: name });
}

/** Configuration in all the shapes that users write. */
export const freeForm = {
  "taskmanager.numberOfTaskSlots": "2",
  "parallelism.default": 4,
  "pipeline.object-reuse": true,
  "taskmanager.memory.managed.fraction": 0.25,
  state: {
    backend: { type: "rocksdb", incremental: false },
    checkpoints: { dir: "s3://bucket/checkpoints" },
  },
  "pipeline.jars": ["local:///a.jar", "local:///b.jar"],
};

const RESOURCES = {
  claims: [{ name: "gpu", request: "one" }],
  requests: { cpu: 1, memory: "2Gi" },
  limits: { cpu: "1500m", memory: "2Gi", "nvidia.com/gpu": 1 },
};

/** A value for a field; `pod` and `metadata` are whole objects of those types. */
export function sample(type: FieldType, pod: unknown): unknown {
  if (typeof type === "object") {
    if ("enum" in type) return type.enum.split(" ")[0];
    if ("list" in type) return [sample(type.list, pod)];
    return sampleOf(type.object, pod);
  }
  const { metadata } = pod as { metadata: unknown };
  return {
    string: "text",
    integer: 2_147_483_647,
    long: Number.MAX_SAFE_INTEGER,
    number: 0.5,
    boolean: false,
    map: { "a.b/c": "text", empty: "" },
    free: freeForm,
    pod,
    resources: RESOURCES,
    metadata,
  }[type];
}

export function sampleOf(fields: Fields, pod: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, sample(type, pod)]));
}

export interface Variant {
  readonly path: string;
  /** The half of the object that holds only this field. */
  readonly value: Record<string, unknown>;
  readonly accepted: boolean;
}

const WRONG: Record<string, unknown> = {
  string: 5,
  integer: "five",
  long: 1.5,
  number: "half",
  boolean: "yes",
  map: "text",
  pod: "text",
  resources: "text",
  metadata: "text",
};

function leafVariants(type: FieldType): { value: unknown; accepted: boolean }[] {
  if (typeof type === "object" && "enum" in type) {
    const values = type.enum.split(" ");
    return [
      ...values.map((value) => ({ value, accepted: true })),
      { value: `${values[0]}x`, accepted: false },
      {
        value: values[0]?.replace(/[a-z]/i, (c) =>
          c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase(),
        ),
        accepted: false,
      },
    ];
  }
  if (typeof type === "object" || type === "free") return [];
  return [{ value: WRONG[type], accepted: false }];
}

/** Each enum value alone (accepted), and each field with a value of a wrong type or outside its enum (refused). */
export function variants(fields: Fields): Variant[] {
  return Object.entries(fields).flatMap(([name, type]): Variant[] => {
    if (typeof type === "object" && "object" in type) {
      return variants(type.object).map(({ path, value, accepted }) => ({
        path: `${name}.${path}`,
        value: { [name]: value },
        accepted,
      }));
    }
    if (typeof type === "object" && "list" in type) {
      if (typeof type.list === "object" && "object" in type.list) {
        return variants(type.list.object).map(({ path, value, accepted }) => ({
          path: `${name}[].${path}`,
          value: { [name]: [value] },
          accepted,
        }));
      }
      return [{ path: name, value: { [name]: "text" }, accepted: false }];
    }
    return leafVariants(type).map(({ value, accepted }) => ({
      path: `${name}=${JSON.stringify(value)}`,
      value: { [name]: value },
      accepted,
    }));
  });
}
