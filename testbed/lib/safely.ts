/** For looking at files of /proc and the like: what is looked at may vanish while looking. */
export function safely<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
