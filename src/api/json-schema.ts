/**
 * JSON Schema in the subset that Kubernetes calls structural, as plain data. TypeBox values have this shape. One
 * keyword is Sluice's: `x-sluice-kubernetes-type` names a definition of api/k8s (this file resolves it).
 */
import { definitions } from "./k8s/kubernetes.generated.ts";

export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-sluice-kubernetes-type"?: string;
}

/** The schema itself, or the Kubernetes type that it names. Throws on a name that was not extracted. */
export function resolveSchema(schema: JsonSchema): JsonSchema {
  const name = schema["x-sluice-kubernetes-type"];
  if (name === undefined) return schema;
  const definition = definitions[name];
  if (definition === undefined) throw new Error(`api/k8s has no type ${name}; see tools/generate`);
  return definition;
}
