/** The flags of `sluice install` and `sluice upgrade`. */
import type { CommandOption } from "../command.ts";

export const DEFAULT_NAME = "sluice-operator";
export const DEFAULT_NAMESPACE = "sluice-system";

export const nameArgument = {
  name: "[name]",
  description: `name of the installation (default: ${DEFAULT_NAME})`,
} as const;

export const placeOptions: readonly CommandOption[] = [
  {
    flags: "-n, --namespace <name>",
    description: "namespace of the operator; made when it is not there",
    default: DEFAULT_NAMESPACE,
  },
  { flags: "--kubeconfig <file>", description: "kubeconfig to use (default: as kubectl finds it)" },
  { flags: "--context <name>", description: "context of the kubeconfig" },
  {
    flags: "--dry-run [strategy]",
    description: "change nothing: client only computes it, server has the API server check it",
    choices: ["none", "client", "server"],
    preset: "client",
    default: "none",
  },
];

export const valueOptions: readonly CommandOption[] = [
  { flags: "-f, --values <file...>", description: "values as for the Helm chart; later files win" },
  {
    flags: "--set <values>",
    description: "values as in Helm: image.tag=1.0,watchNamespaces={a,b}; may be repeated",
    repeat: true,
  },
  { flags: "--set-string <values>", description: "the same, all as text; may be repeated", repeat: true },
  {
    flags: "-o, --output <format>",
    description: "print the objects and touch no cluster",
    choices: ["yaml"],
  },
  {
    flags: "--take-ownership",
    description: "take over objects that are there already: of Helm, of kubectl, of another operator",
    default: false,
  },
  { flags: "--no-wait", description: "do not wait until CRDs are served and the operator is ready" },
  { flags: "--timeout <duration>", description: "of waiting, such as 90s or 10m", default: "5m" },
];
