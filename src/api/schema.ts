/** The few schema forms TypeBox lacks and a structural Kubernetes schema needs. */
import { type TAddOptional, Type, type TSchema, type TUnsafe } from "typebox";

/** A string out of a fixed list, as `type: string` with `enum`. */
export function StringEnum<const T extends string>(...values: T[]): TUnsafe<T> {
  return Type.Unsafe<T>({ type: "string", enum: values });
}

export const StringMap = Type.Unsafe<Record<string, string>>({
  type: "object",
  additionalProperties: { type: "string" },
});

/** 64-bit integers travel as JSON numbers. */
export const Int64 = Type.Unsafe<number>({ type: "integer", format: "int64" });
export const Int32 = Type.Unsafe<number>({ type: "integer", format: "int32" });

/** Any JSON value, kept as it is. */
export const FreeForm = Type.Unsafe<unknown>({ "x-kubernetes-preserve-unknown-fields": true });

/** An object of a shape that is spliced in by name when the CRD is generated (api/k8s). */
export function KubernetesType<T>(name: string): TUnsafe<T> {
  return Type.Unsafe<T>({ "x-sluice-kubernetes-type": name });
}

/** An optional field with its description, which `kubectl explain` and the reference page show. */
export function field<T extends TSchema>(schema: T, description: string): TAddOptional<T> {
  // A copy: the schema may be shared. TypeBox keeps what it needs in hidden properties.
  const copy: T & { description?: string } = Object.defineProperties(
    { ...schema },
    Object.getOwnPropertyDescriptors(schema),
  );
  copy.description = description;
  return Type.Optional<T>(copy);
}
