/** The flags of commands that talk to a cluster. Light: the help loads this for every command. */
import type { CommandOption, Streams } from "./command.ts";

export const clusterOptions: readonly CommandOption[] = [
  { flags: "-n, --namespace <name>", description: "namespace (default: the context's)" },
  { flags: "--kubeconfig <file>", description: "kubeconfig to use (default: as kubectl finds it)" },
  { flags: "--context <name>", description: "context of the kubeconfig" },
];

/** Undefined when the flag is absent; "malformed", and said so, when it is no number of a revision. */
export function revisionOption(
  flag: string,
  text: string | undefined,
  { stderr }: Streams,
): number | "malformed" | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  stderr.write(`error: ${flag} is the number of a revision, not "${text}"\n`);
  return "malformed";
}
