import { type Command, UserError } from "../command.ts";

/** What the user can mend becomes a UserError; the rest stays a defect. */
function explained(error: unknown, port: string | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const { code, next } = error as { code?: string; next?: string };
  if (code === "EADDRINUSE")
    return new UserError(`port ${port} is in use`, "Choose another with --health-port (0 takes a free one).");
  if (code === "ENOENT" || code === "EACCES")
    return new UserError(error.message, "Check the path and its rights.");
  if (error.name === "TargetError") return new UserError(error.message);
  if (error.name === "KubeConfigError") return new UserError(error.message, next);
  if (error.name.startsWith("YAML"))
    return new UserError(`--config: ${error.message}`, "The file has to be YAML.");
  return error;
}

function wholeNumber(flag: string, text: string | undefined, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new UserError(`${flag} ${text} is no whole number from 0 to ${max}`);
}

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
      description: "least level that is logged",
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
        leaderElection: options["leaderElect"]
          ? { namespace: text("leaderElectNamespace") ?? "sluice-system", name: "sluice-operator" }
          : undefined,
        env: streams.env,
      },
      stop.signal,
    );
    await running.catch((error: unknown) => {
      throw explained(error, text("healthPort"));
    });
    return 0;
  },
};
