/** Opens the target that the options name, and gives its refusals their words and exit codes. */
import { KubernetesTarget } from "../targets/kubernetes/kubernetes-target.ts";
import { wayToFlink } from "../controller/flink-clients.ts";
import type { Surroundings } from "../targets/job.ts";
import { Refusal } from "../targets/target.ts";
import { type Cluster, withCluster } from "./cluster.ts";
import { type Streams, UserError } from "./command.ts";
import { EXIT_CODES } from "./exit-codes.ts";

const RIGHTS = "the rights in examples/orchestration-job/rights.yaml";

type Options = Readonly<Record<string, unknown>>;

/** The job's name: the argument, `--cluster-id`, or what the job file says. @throws UserError */
export function nameOf(argument: string | undefined, options: Options, inFile?: string): string {
  const name = argument ?? (options["clusterId"] as string | undefined) ?? inFile;
  if (name !== undefined && name !== "") return name;
  throw new UserError(
    "which job? Its name is missing",
    "Name it as the argument, or by SLUICE_CLUSTER_ID.",
    2,
  );
}

async function inKubernetes<T>(
  options: Options,
  streams: Streams,
  surroundings: Omit<Surroundings, "target">,
  work: (surroundings: Surroundings) => Promise<T>,
): Promise<T> {
  const { env } = streams;
  const kubeconfig = options["kubeconfig"] as string | undefined;
  const flinkRest = options["flinkRest"] as "direct" | "proxy" | undefined;
  const run = async ({ client, namespace }: Cluster): Promise<T> => {
    const way = wayToFlink({ env, kubeconfig: kubeconfig ?? env["KUBECONFIG"], flinkRest });
    const target = new KubernetesTarget({ client, namespace, flinkRest: way, env });
    try {
      return await work({ ...surroundings, target });
    } finally {
      await target.close();
    }
  };
  return withCluster(options, streams, run, RIGHTS);
}

async function onThisMachine<T>(
  options: Options,
  streams: Streams,
  surroundings: Omit<Surroundings, "target">,
  work: (surroundings: Surroundings) => Promise<T>,
): Promise<T> {
  const { LocalTarget } = await import("../targets/local/local-target.ts");
  const { parseMapping } = await import("./local-options.ts");
  const target = new LocalTarget({
    namespace: (options["namespace"] as string | undefined) ?? "default",
    stateDir: options["stateDir"] as string | undefined,
    flinkHome: options["flinkHome"] as string | undefined,
    mappings: ((options["map"] ?? []) as string[]).map(parseMapping),
    who: `sluice ${process.argv[2] ?? ""}`.trim(),
    shell: streams,
  });
  try {
    return await work({ ...surroundings, target });
  } finally {
    await target.close();
  }
}

/** Ctrl-C, and the end of a pod: the work ends at the next step, and what it holds is given back. */
async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    return await work(interrupted.signal);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

/** @throws UserError */
export async function withTarget<T>(
  options: Options,
  streams: Streams,
  timeoutMs: number,
  work: (surroundings: Surroundings) => Promise<T>,
): Promise<T> {
  const progress = (message: string): void => void streams.stderr.write(`${message}\n`);
  const open = options["target"] === "local" ? onThisMachine : inKubernetes;
  try {
    return await untilInterrupted((signal) => open(options, streams, { timeoutMs, signal, progress }, work));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new UserError(error.message, error.next, EXIT_CODES[error.kind]);
  }
}
