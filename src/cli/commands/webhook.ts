import { explained, wholeNumber } from "../server-options.ts";
import type { Command } from "../command.ts";

export const webhook: Command = {
  name: "webhook",
  summary:
    "Run the admission webhook: refuse job files that the operator would refuse, when they are applied.",
  options: [
    { flags: "--kubeconfig <file>", description: "kubeconfig to use (in a pod: its service account)" },
    { flags: "--context <name>", description: "context of the kubeconfig" },
    {
      flags: "--config <file>",
      description: "the operator's configuration, by whose defaults job files are judged (YAML)",
      env: "SLUICE_CONFIG",
    },
    {
      flags: "--port <port>",
      description: "port of /validate and /mutate, HTTPS",
      default: "9443",
      env: "WEBHOOK_SERVER_PORT",
    },
    { flags: "--health-port <port>", description: "port of /healthz, /readyz and /metrics", default: "8085" },
    {
      flags: "-n, --namespace <name>",
      description: "namespace of the Service and the Secret",
      default: "sluice-system",
      env: "SLUICE_POD_NAMESPACE",
    },
    {
      flags: "--service <name>",
      description: "Service by which the API server calls",
      default: "sluice-operator-webhook-service",
    },
    {
      flags: "--secret <name>",
      description: "Secret that keeps the certificates it makes",
      default: "sluice-operator-webhook-certificates",
    },
    {
      flags: "--configuration <name>",
      description: "webhook configurations that are told of them",
      default: "sluice-operator-webhook",
    },
    {
      flags: "--certificates <folder>",
      description: "use tls.crt and tls.key of this folder, made by cert-manager for example, and make none",
    },
    {
      flags: "--log-level <level>",
      description: "least level that is logged (sluice.log.level in --config goes before it, and may change)",
      choices: ["debug", "info", "warn", "error"],
      default: "info",
    },
  ],
  examples: [
    "sluice webhook                               # in a pod, with certificates of its own",
    "sluice webhook --certificates /etc/webhook   # with those of a mounted Secret",
  ],
  run: async (_args, options, streams) => {
    const { runWebhook } = await import("../../webhook/run.ts");
    const stop = new AbortController();
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
    const text = (name: string): string | undefined => options[name] as string | undefined;
    const running = runWebhook(
      {
        kubeconfig: text("kubeconfig"),
        context: text("context"),
        configFile: text("config"),
        port: wholeNumber("--port", text("port"), 65_535),
        healthPort: wholeNumber("--health-port", text("healthPort"), 65_535),
        namespace: text("namespace") ?? "",
        service: text("service") ?? "",
        secret: text("secret") ?? "",
        configuration: text("configuration") ?? "",
        certificates: text("certificates"),
        logLevel: text("logLevel") ?? "info",
        env: streams.env,
      },
      stop.signal,
    );
    await running.catch((error: unknown) => {
      throw explained(
        error,
        "a port is in use",
        "Choose others with --port and --health-port (0 takes a free one).",
      );
    });
    return 0;
  },
};
