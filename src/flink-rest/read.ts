/**
 * Reading of foreign JSON: what Sluice does not use is ignored and what is missing or null is absent, but a field that
 * is used and has the wrong type throws `Garbage`.
 */

export type Json = Readonly<Record<string, unknown>>;

/** Not what Flink documents. The message names the field, never the value. */
export class Garbage extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Garbage";
  }
}

export function object(value: unknown, what: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Garbage(`${what} is no object`);
  }
  return value as Json;
}

export function list<T>(value: unknown, what: string, read: (item: Json) => T): readonly T[] {
  if (!Array.isArray(value)) throw new Garbage(`${what} is no list`);
  return value.map((item) => read(object(item, `an item of ${what}`)));
}

export function optionalText(from: Json, field: string): string | undefined {
  const value = from[field] ?? undefined;
  if (value !== undefined && typeof value !== "string") throw new Garbage(`${field} is no text`);
  return value;
}

export function text(from: Json, field: string): string {
  const value = optionalText(from, field);
  if (value === undefined) throw new Garbage(`${field} is missing`);
  return value;
}

export function optionalNumber(from: Json, field: string): number | undefined {
  const value = from[field] ?? undefined;
  if (value !== undefined && typeof value !== "number") throw new Garbage(`${field} is no number`);
  return value;
}

export function number(from: Json, field: string): number {
  const value = optionalNumber(from, field);
  if (value === undefined) throw new Garbage(`${field} is missing`);
  return value;
}

export function optionalFlag(from: Json, field: string): boolean | undefined {
  const value = from[field] ?? undefined;
  if (value !== undefined && typeof value !== "boolean")
    throw new Garbage(`${field} is neither true nor false`);
  return value;
}

/** One out of a fixed list. */
export function word<const T extends string>(from: Json, field: string, known: readonly T[]): T {
  const value = text(from, field);
  const found = known.find((one) => one === value);
  if (found === undefined) throw new Garbage(`${field} is none of ${known.join(", ")}`);
  return found;
}

/** Without the undefined ones. */
export function defined<T extends object>(
  value: T,
): { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
