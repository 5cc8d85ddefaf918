/** Holding an object against what is asked of it, and the JSON merge patch (RFC 7386) that brings it there. */

type JsonMap = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether all of `wanted` is in `found`, which may have more; members of a list at any place. */
export function includes(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && wanted.every((one) => found.some((other) => includes(other, one)));
  }
  if (!isMap(wanted)) return found === wanted;
  return isMap(found) && Object.entries(wanted).every(([key, child]) => includes(found[key], child));
}

/** Whether `found` still has something that `before` asked for and `wanted` does not. */
export function hasLeftover(found: unknown, before: unknown, wanted: unknown): boolean {
  if (Array.isArray(before) && Array.isArray(found)) {
    const kept = Array.isArray(wanted) ? wanted : [];
    return before.some(
      (one) => !kept.some((other) => includes(other, one)) && found.some((other) => includes(other, one)),
    );
  }
  if (!isMap(before) || !isMap(found)) return wanted === undefined && found !== undefined;
  const kept = isMap(wanted) ? wanted : {};
  return Object.entries(before).some(
    ([key, child]) => found[key] !== undefined && hasLeftover(found[key], child, kept[key]),
  );
}

/** What is wanted, and null in place of each value that was asked for before and is not any more. */
export function mergePatch(before: unknown, wanted: unknown): unknown {
  if (!isMap(wanted) && (wanted !== undefined || !isMap(before))) return wanted ?? null;
  const [old, next] = [isMap(before) ? before : {}, isMap(wanted) ? wanted : {}];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(next)])];
  return Object.fromEntries(keys.map((key) => [key, mergePatch(old[key], next[key])]));
}

/** A JSON merge patch as the API server applies it (RFC 7386). */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isMap = typeof target === "object" && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isMap ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}
