/** Takes out of a recorded answer what differs from machine to machine and from run to run. Keeps its shape. */

export interface Context {
  /** What the recorder and Flink made, to what stands for it. */
  readonly names: ReadonlyMap<string, string>;
  /** Epoch milliseconds when the recording began. */
  readonly began: number;
  /** Lists of jobs, applications and jars are cut down to these: a session has others. */
  readonly ids: ReadonlySet<string>;
}

const EPOCH = 1_700_000_000_000;
const FRAMES = 3;
const HISTORY = 3;

/** Keeps the messages, and a few frames below each. */
function shortTrace(text: string): string {
  let frames = 0;
  return text
    .split("\n")
    .filter((line) => {
      frames = /^\s+(at |\.\.\. )/.test(line) ? frames + 1 : 0;
      return frames <= FRAMES;
    })
    .join("\n");
}

function normaliseText(text: string, { names }: Context): string {
  let result = text;
  for (const [real, name] of names) result = result.replaceAll(real, name);
  result = result
    .replaceAll(/savepoint-[0-9a-f]{6}-[0-9a-f]{12}/g, "savepoint-000000-00000000000e")
    .replaceAll(/\/tmp\/flink-web-[0-9a-f-]{36}/g, "/flink/web")
    .replaceAll(/(127\.0\.0\.1|localhost):\d+(-[0-9a-f]{6})?/g, "$1:6122")
    .replaceAll(/OperationKey@[0-9a-f]+/g, "OperationKey@1f");
  return result.includes("\n\tat ") ? shortTrace(result) : result;
}

function concerns(item: unknown, ids: ReadonlySet<string>): boolean {
  const { jid, id } = item as { jid?: string; id?: string };
  return ids.has(jid ?? id ?? "");
}

/** `key` is the field that holds the value. */
export function normalise(value: unknown, context: Context, key = ""): unknown {
  const { began, ids } = context;
  if (key === "serialized-throwable") return "";
  if (key === "dataPort") return 6121;
  if (typeof value === "string") return normaliseText(value, context);
  // Milliseconds since 1970 of these years; memory sizes are smaller.
  if (typeof value === "number" && value > 1.7e12 && value < 1e13) return value - began + EPOCH;
  if (Array.isArray(value)) {
    const all = value as unknown[];
    const kept = key === "history" ? all.slice(0, HISTORY) : all;
    const several = ["jobs", "applications", "files"].includes(key);
    const items = several ? kept.filter((item) => concerns(item, ids)) : kept;
    return items.map((item) => normalise(item, context));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, child]) => [
      normaliseText(field, context),
      normalise(child, context, field),
    ]),
  );
}
