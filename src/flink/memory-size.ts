/** Flink's memory sizes ("1g", "1600 mb") and Kubernetes quantities ("2Gi"). Unit here: bytes. */

const FLINK_UNITS: Record<string, number> = {};
for (const [exponent, names] of [
  [0, ["", "b", "bytes"]],
  [1, ["k", "kb", "kibibytes"]],
  [2, ["m", "mb", "mebibytes"]],
  [3, ["g", "gb", "gibibytes"]],
  [4, ["t", "tb", "tebibytes"]],
] as const) {
  for (const name of names) FLINK_UNITS[name] = 1024 ** exponent;
}

/** Bytes by Flink's grammar: case-insensitive, all units binary (`2G` is 2 GiB). Undefined when it is none. */
export function parseFlinkMemory(text: string): number | undefined {
  const match = /^(\d+)\s*(\D*)$/.exec(text.trim());
  if (!match) return undefined;
  const factor = FLINK_UNITS[(match[2] ?? "").trim().toLowerCase()];
  return factor === undefined ? undefined : Number(match[1]) * factor;
}

const QUANTITY_UNITS: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
};

/** The value of a Kubernetes quantity ("500m" is 0.5, "2Gi" is 2147483648). Undefined when it is none. */
export function parseQuantity(text: string | number): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([a-zA-Z]*))$/.exec(String(text).trim());
  if (!match) return undefined;
  if (match[2] !== undefined) return Number(match[1] + match[2]);
  const factor = QUANTITY_UNITS[match[3] ?? ""];
  return factor === undefined ? undefined : Number(match[1]) * factor;
}

/**
 * A memory field of the job file, in bytes: Flink's syntax first (`2g`, `2G` and `2gb` are 2 GiB), then a Kubernetes
 * quantity (`2Gi`, `2GiB`, `1.5Gi`), case-insensitive, as the Apache operator reads it.
 */
export function parseMemory(text: string): number | undefined {
  const flink = parseFlinkMemory(text);
  if (flink !== undefined) return flink;
  const upper = text.trim().toUpperCase().replace(/B$/, "");
  const quantity = parseQuantity(upper.replace(/([KMGTPE])I$/, "$1i").replace(/K$/, "k"));
  return quantity === undefined || quantity < 0 ? undefined : Math.ceil(quantity);
}

/** Bytes as Flink itself writes them: the largest unit without a remainder ("2 gb", "1600 mb", "1000 bytes"). */
export function formatFlinkMemory(bytes: number): string {
  const units = ["tb", "gb", "mb", "kb"];
  for (const [index, unit] of units.entries()) {
    const factor = 1024 ** (units.length - index);
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return `${bytes} bytes`;
}
