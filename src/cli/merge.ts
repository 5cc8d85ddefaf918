/** JSON merge patches (RFC 7386), and the three-way merge by which `apply` finds its patch. Pure. */

type Fields = Record<string, unknown>;

/** Where kubectl, and so Sluice, keeps what was applied last. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

const isMap = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `target` with the patch: null takes a field away, a list replaces a list. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result: Fields = isMap(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

function isSame(a: unknown, b: unknown): boolean {
  if (isMap(a) && isMap(b)) {
    const names = Object.keys(a);
    return names.length === Object.keys(b).length && names.every((name) => isSame(a[name], b[name]));
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  return a === b;
}

/**
 * The patch that makes `live` what `wanted` says: what it names is set, what was applied before and is not named any
 * more is taken away, what others have set stays. Undefined when nothing is to be changed.
 */
export function threeWayPatch(lastApplied: unknown, live: unknown, wanted: unknown): Fields | undefined {
  const [before, now, then] = [lastApplied, live, wanted].map((one) => (isMap(one) ? one : {})) as [
    Fields,
    Fields,
    Fields,
  ];
  const patch: Fields = {};
  for (const name of Object.keys(before)) if (!(name in then) && name in now) patch[name] = null;
  for (const [name, value] of Object.entries(then)) {
    if (value === null || value === undefined) {
      if (now[name] !== undefined && now[name] !== null) patch[name] = null;
    } else if (isMap(value) && isMap(now[name])) {
      const inner = threeWayPatch(before[name], now[name], value);
      if (inner !== undefined) patch[name] = inner;
    } else if (!isSame(value, now[name])) patch[name] = value;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
