/** What validation says: one fact about one field, and what to do. Shared by operator, command line and webhook. */

export interface Finding {
  /** `spec.job.parallelism`; a key with dots is quoted: `spec.flinkConfiguration["state.savepoints.dir"]`. */
  readonly path: string;
  /** Follows the path and a colon in a sentence; no full stop. */
  readonly message: string;
  /** What would be right, where that is one value: the nearest known name, for example. */
  readonly expected?: string;
  /** What to do. */
  readonly next?: string;
  /** An error keeps the spec from being deployed; a warning does not. */
  readonly severity: "error" | "warning";
}

export function error(path: string, message: string, next?: string, expected?: string): Finding {
  return {
    path,
    message,
    severity: "error",
    ...(next === undefined ? {} : { next }),
    ...(expected === undefined ? {} : { expected }),
  };
}

export function warning(path: string, message: string, next?: string, expected?: string): Finding {
  return { ...error(path, message, next, expected), severity: "warning" };
}

/** The path of a Flink option in the spec. */
export function configPath(key: string): string {
  return joinPath("spec.flinkConfiguration", key);
}

export function joinPath(path: string, step: string | number): string {
  if (typeof step === "number") return `${path}[${step}]`;
  const plain = /^[\w-]+$/.test(step);
  if (path === "") return plain ? step : `[${JSON.stringify(step)}]`;
  return plain ? `${path}.${step}` : `${path}[${JSON.stringify(step)}]`;
}

/** The steps of a path made by joinPath. */
export function parsePath(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(
    ([, index, quoted, plain]) => {
      if (index !== undefined) return Number(index);
      return quoted === undefined ? (plain ?? "") : (JSON.parse(quoted) as string);
    },
  );
}

const STATUS_LIMIT = 1024;

/** One finding in one line: `spec.job.parallelism: must be at least 1, is 0 (next: …)`. */
function inOneLine({ path, message, next }: Finding): string {
  return `${path}: ${message}${next === undefined ? "" : ` (${next})`}`;
}

/**
 * All errors for `status.error` and the event, one a line, at most about 1 KiB. Warnings follow only where there is no
 * error.
 */
export function findingsToMessage(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === "error");
  const lines = (errors.length > 0 ? errors : findings).map(inOneLine);
  const kept: string[] = [];
  let length = 0;
  for (const line of lines) {
    if (length + line.length + 1 > STATUS_LIMIT && kept.length > 0) break;
    kept.push(line.length > STATUS_LIMIT ? `${line.slice(0, STATUS_LIMIT)}…` : line);
    length += line.length + 1;
  }
  if (kept.length < lines.length)
    kept.push(`and ${lines.length - kept.length} more; sluice validate shows all`);
  return kept.join("\n");
}
