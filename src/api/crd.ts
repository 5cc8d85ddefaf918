/** A kind of this group as a CustomResourceDefinition: the same contract that the TypeScript types come from. */
import { GROUP, VERSION } from "./flink-deployment.ts";
import { type JsonSchema, resolveSchema } from "./json-schema.ts";
import type { Kind } from "./kind.ts";

/**
 * The schema with every Kubernetes type spliced in, fields in alphabetical order (the order of upstream's files, so
 * that they can be compared), and only what the API server shall enforce: as upstream, no formats and no `required`.
 */
function structuralSchema(schema: JsonSchema): JsonSchema {
  const { description } = schema;
  const resolved = resolveSchema(schema);
  const { type, properties, items, additionalProperties, enum: values, anyOf } = resolved;
  return {
    ...(description === undefined ? {} : { description }),
    ...(type === undefined ? {} : { type }),
    ...(values === undefined ? {} : { enum: values }),
    ...(anyOf === undefined ? {} : { anyOf }),
    ...(resolved["x-kubernetes-int-or-string"] ? { "x-kubernetes-int-or-string": true } : {}),
    ...(resolved["x-kubernetes-preserve-unknown-fields"]
      ? { "x-kubernetes-preserve-unknown-fields": true }
      : {}),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: structuralSchema(additionalProperties) }),
    ...(items === undefined ? {} : { items: structuralSchema(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([field, child]) => [field, structuralSchema(child)]),
          ),
        }),
  };
}

export interface CustomResourceDefinition {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

export function customResourceDefinition(kind: Kind): CustomResourceDefinition {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        shortNames: kind.shortNames,
        singular: kind.singular,
      },
      scope: "Namespaced",
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {}, ...(kind.scale ? { scale: kind.scale } : {}) },
          additionalPrinterColumns: Object.entries(kind.columns).map(([name, jsonPath]) => ({
            name,
            jsonPath,
            type: "string",
            priority: 0,
          })),
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: structuralSchema(kind.spec),
                status: structuralSchema(kind.status),
              },
            },
          },
        },
      ],
    },
  };
}
