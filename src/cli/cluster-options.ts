/** The flags of commands that talk to a cluster. Light: the help loads this for every command. */
import type { CommandOption, Streams } from "./command.ts";

export const clusterOptions: readonly CommandOption[] = [
  { flags: "-n, --namespace <name>", description: "namespace (default: the context's)" },
  { flags: "--kubeconfig <file>", description: "kubeconfig to use (default: as kubectl finds it)" },
  { flags: "--context <name>", description: "context of the kubeconfig" },
  { flags: "--as <user>", description: "act as this user, where your own may" },
  { flags: "--as-group <group>", description: "and as one of this group; may be repeated", repeat: true },
  {
    flags: "--request-timeout <duration>",
    description: "for each call to the API server, such as 1s or 2m (default: 15s)",
  },
];

/** Of commands that change something. */
export const changeOptions: readonly CommandOption[] = [
  ...clusterOptions,
  {
    flags: "--dry-run [strategy]",
    description: "change nothing: client only computes it, server has the API server check it",
    choices: ["none", "client", "server"],
    preset: "client",
    default: "none",
  },
  {
    flags: "-o, --output <format>",
    description: "print the name, or the resource, instead of what was done",
    choices: ["name", "json", "yaml"],
  },
];

/** Of changes that take time to have their effect. */
export const waitOptions: readonly CommandOption[] = [
  { flags: "--wait", description: "until the resource is Ready; progress goes to stderr" },
  { flags: "--timeout <duration>", description: "of --wait, such as 90s or 10m", default: "10m" },
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
