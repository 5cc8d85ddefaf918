/** `sluice ui`: Flink's web UI of a job, through the API server, with nothing but the rights of the kubeconfig. */
import { clusterOptions } from "../cluster-options.ts";
import { type Command, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new UserError(`--port is a port from 0 to 65535, not "${text}"`, undefined, EXIT_CODES.usage);
}

/** Best effort: the address is printed as well. */
async function openBrowser(url: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const program = process.platform === "darwin" ? "open" : "xdg-open";
  spawn(program, [url], { stdio: "ignore", detached: true })
    .once("error", () => undefined)
    .unref();
}

export const ui: Command = {
  name: "ui",
  summary: "Open Flink's web UI of a job, through the API server",
  args: [{ name: "<name>", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: [
    "sluice ui my-job -n team",
    "sluice ui my-job --port 8081 --write     # also for uploads and cancelling",
  ],
  options: [
    ...clusterOptions,
    { flags: "--port <port>", description: "on this machine; 0 is a free one", default: "0" },
    { flags: "--write", description: "let the UI change something; without it, it only shows" },
    { flags: "--open", description: "open it in the browser" },
  ],
  async run([name = ""], options, streams) {
    const port = portOf(options["port"] as string);
    const { readJob, readReferenced, withCluster } = await import("../cluster.ts");
    const { serveUi } = await import("../ui-proxy.ts");
    const { FLINK_DEPLOYMENTS } = await import("../../kube/resource-type.ts");
    const { deployedRestPort } = await import("../../reconcile/deployment/rest-port.ts");
    return withCluster(options, streams, async (cluster) => {
      const { resource } = await readJob(cluster, name);
      const { deploymentName } = resource.spec as { deploymentName?: string };
      const owner =
        deploymentName === undefined
          ? resource
          : (await readReferenced(cluster, { type: FLINK_DEPLOYMENTS, name: deploymentName })).resource;
      const service = `${owner.metadata.name}-rest:${deployedRestPort(owner as never, {})}`;
      const place = { namespace: cluster.namespace, service, mayWrite: options["write"] === true };
      const { url, server } = await serveUi(cluster.client, place, port).catch((error: unknown) => {
        throw new UserError(
          `port ${port} cannot be used: ${(error as NodeJS.ErrnoException).code ?? ""}`,
          "Choose another with --port.",
        );
      });
      streams.stdout.write(`${url}\n`);
      streams.stderr.write("until Ctrl-C\n");
      if (options["open"] === true) await openBrowser(url);
      await new Promise<void>((resolve) => {
        process.once("SIGINT", resolve).once("SIGTERM", resolve);
      });
      server.close();
      server.closeAllConnections();
      return EXIT_CODES.done;
    });
  },
};
