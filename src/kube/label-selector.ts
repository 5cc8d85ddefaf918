/** What the API server takes for the value of a label. */
const VALUE = /^([A-Za-z\d]([-\w.]{0,61}[A-Za-z\d])?)?$/;

/** Selects by these labels; undefined where a value is one that no label has, and the API server would refuse to be asked. */
export function selectorFor(labels: Readonly<Record<string, string>>): string | undefined {
  const terms = Object.entries(labels);
  if (!terms.every(([, value]) => VALUE.test(value))) return undefined;
  return terms.map(([name, value]) => `${name}=${value}`).join(",");
}

/** Label selectors as the API server reads them: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`. */
export function matchesLabels(selector: string, labels: Readonly<Record<string, string>> = {}): boolean {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== "")
    .every((term) => matchesTerm(term, labels));
}

function matchesTerm(term: string, labels: Readonly<Record<string, string>>): boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = "", operator, list = ""] = set;
    const value = labels[key];
    const contained = value !== undefined && list.split(",").some((item) => item.trim() === value);
    return operator === "in" ? contained : !contained;
  }
  const equality = /^([^\s=!]+)\s*(==|=|!=)\s*(.*)$/.exec(term);
  if (equality) {
    const [, key = "", operator, value] = equality;
    return operator === "!=" ? labels[key] !== value : labels[key] === value;
  }
  return term.startsWith("!") ? labels[term.slice(1).trim()] === undefined : labels[term] !== undefined;
}
