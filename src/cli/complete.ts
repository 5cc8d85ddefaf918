/** Answers a shell that asks what may come next: one candidate a line; `:files` stands for file names. */
import type { Command, Streams } from "./command.ts";
import { candidates } from "./completion.ts";

/** A shell waits for the answer, and its user for the shell. */
const NAMES_MS = 2000;

/** Flags of the line typed so far that say which cluster. */
function placeOf(words: readonly string[]): Record<string, unknown> {
  const place: Record<string, unknown> = {};
  for (const [nth, word] of words.entries()) {
    const [flag = "", value = words[nth + 1]] = word.split("=");
    const name = {
      "-n": "namespace",
      "--namespace": "namespace",
      "--kubeconfig": "kubeconfig",
      "--context": "context",
    }[flag];
    if (name !== undefined) place[name] = value;
  }
  return place;
}

async function names(words: readonly string[], streams: Streams): Promise<string[]> {
  const { withCluster } = await import("./cluster.ts");
  const { JOB_TYPES } = await import("./reference.ts");
  return withCluster(placeOf(words), streams, async ({ client, namespace }) => {
    const lists = JOB_TYPES.map((type) => client.list(type, { namespace }, { deadlineMs: NAMES_MS }));
    return (await Promise.all(lists)).flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
  });
}

/** Never fails: whoever cannot complete, completes nothing. */
export async function complete(
  commands: readonly Command[],
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const found = candidates(commands, words);
  const typed = words.at(-1) ?? "";
  const ofCluster = found.names ? await names(words, streams).catch(() => []) : [];
  const all = [
    ...found.words,
    ...ofCluster.filter((name) => name.startsWith(typed)),
    ...(found.files ? [":files"] : []),
  ];
  streams.stdout.write(all.map((line) => `${line}\n`).join(""));
  return 0;
}
