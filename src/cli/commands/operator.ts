import { explained, wholeNumber } from "../server-options.ts";
import type { Command } from "../command.ts";

export const operator: Command = {
  name: "operator",
  summary: "Run the operator: keep every FlinkDeployment as its spec says.",
  options: [
    { flags: "--kubeconfig <file>", description: "kubeconfig to use (in a pod: its service account)" },
    { flags: "--context <name>", description: "context of the kubeconfig" },
    {
      flags: "-n, --namespace <names>",
      description:
        "watch these namespaces only, parted by commas (default: as WATCH_NAMESPACES and --config say)",
      env: "SLUICE_NAMESPACE",
    },
    {
      flags: "--config <file>",
      description: "operator configuration: Flink defaults and kubernetes.operator.* options (YAML)",
      env: "SLUICE_CONFIG",
    },
    {
      flags: "--flink-rest <way>",
      description: "how to reach JobManagers: direct in a pod, through the API server's proxy elsewhere",
      choices: ["direct", "proxy"],
    },
    { flags: "--health-port <port>", description: "port of /healthz, /readyz and /metrics", default: "8085" },
    { flags: "--workers <count>", description: "resources handled at the same time", default: "200" },
    {
      flags: "--leader-elect",
      description: "with several operators: act only while holding the Lease sluice-operator",
      default: false,
    },
    {
      flags: "--leader-elect-namespace <name>",
      description: "namespace of that Lease",
      default: "sluice-system",
      env: "SLUICE_POD_NAMESPACE",
    },
    {
      flags: "--log-level <level>",
      description: "least level that is logged (sluice.log.level in --config goes before it, and may change)",
      choices: ["debug", "info", "warn", "error"],
      default: "info",
    },
  ],
  examples: [
    "sluice operator                                   # in a pod, all namespaces",
    "sluice operator --kubeconfig ~/.kube/config -n dev   # on your screen, one namespace",
  ],
  run: async (_args, options, streams) => {
    const { runOperator } = await import("../../operator/run.ts");
    const stop = new AbortController();
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
    const text = (name: string): string | undefined => options[name] as string | undefined;
    const running = runOperator(
      {
        kubeconfig: text("kubeconfig"),
        context: text("context"),
        namespace: text("namespace"),
        configFile: text("config"),
        flinkRest: text("flinkRest") as "direct" | "proxy" | undefined,
        healthPort: wholeNumber("--health-port", text("healthPort"), 65_535),
        workers: Math.max(1, wholeNumber("--workers", text("workers"), 10_000)),
        logLevel: text("logLevel") ?? "info",
        leaderElection: {
          isAskedFor: options["leaderElect"] === true,
          namespace: text("leaderElectNamespace") ?? "sluice-system",
        },
        env: streams.env,
      },
      stop.signal,
    );
    await running.catch((error: unknown) => {
      throw explained(
        error,
        `port ${text("healthPort")} is in use`,
        "Choose another with --health-port (0 takes a free one).",
      );
    });
    return 0;
  },
};
