/** Negative: a is older. Versions are decimal numbers beyond what a double holds; others cannot be compared: 1. */
export function compareResourceVersions(a: string, b: string): number {
  if (a === b) return 0;
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return 1;
  return a.length === b.length ? (a < b ? -1 : 1) : a.length - b.length;
}
