/** `{ [key]: value }`, or nothing when the value is empty: manifests without empty fields are easier to read. */
export function nonEmpty<K extends string, T extends object>(key: K, value: T): { [key in K]?: T } {
  return (Object.keys(value).length > 0 ? { [key]: value } : {}) as { [key in K]?: T };
}
