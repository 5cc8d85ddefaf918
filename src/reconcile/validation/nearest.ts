/** The known word that a misspelt one most likely means. */

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other. */
function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length] ?? 0;
}

/** `jar-uri`, `jarUri` and `JARURI` are the same word here. */
const bare = (word: string): string => word.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** The nearest of `known`, or undefined when none is near: at most one edit in three letters. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const wanted = bare(word);
  let best: { readonly word: string; readonly edits: number } | undefined;
  for (const candidate of known) {
    const other = bare(candidate);
    const limit = Math.max(1, Math.floor(Math.min(wanted.length, other.length) / 3));
    if (Math.abs(wanted.length - other.length) > limit) continue;
    const edits = distance(wanted, other);
    if (edits <= limit && edits < (best?.edits ?? Infinity)) best = { word: candidate, edits };
  }
  return best?.word;
}
