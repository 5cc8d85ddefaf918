/** `sluice render`: the Kubernetes objects that a job file stands for. */
import { createHash } from "node:crypto";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import type { JobFile } from "../job-file.ts";

interface Wishes {
  readonly namespace: string | undefined;
  readonly jobId: string | undefined;
  readonly operator: FlinkConfiguration;
}

/** 32 hexadecimal digits, the same for the same text. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function deployments(files: readonly JobFile[], stderr: Streams["stderr"]): FlinkDeployment[] {
  const found: FlinkDeployment[] = [];
  for (const { value } of files.flatMap(({ documents }) => documents)) {
    const { kind, metadata } = (value ?? {}) as Partial<KubeObject>;
    if (kind === "FlinkDeployment") found.push(value as FlinkDeployment);
    else if (kind !== undefined) stderr.write(`not rendered: ${kind} ${metadata?.name ?? ""}\n`);
  }
  if (found.length === 0) throw new UserError("there is no FlinkDeployment in these files");
  return found;
}

/** Prints the errors and answers false when there are any. */
async function areValid(
  files: readonly JobFile[],
  operator: FlinkConfiguration,
  streams: Streams,
): Promise<boolean> {
  const { checkJobFiles } = await import("../job-file-check.ts");
  const { printFindings } = await import("../output/findings.ts");
  const report = checkJobFiles(files, operator);
  const errors = report.findings.filter(({ severity }) => severity === "error");
  // Standard output is for the manifests.
  if (errors.length > 0) {
    printFindings({ ...report, findings: errors }, "text", { ...streams, stdout: streams.stderr });
  }
  return errors.length === 0;
}

async function objectsOf(resource: FlinkDeployment, wishes: Wishes): Promise<KubeObject[]> {
  const { renderCluster } = await import("../../resources/cluster.ts");
  const { deployConfiguration } = await import("../../resources/native-cluster.ts");
  const { renderMonitors } = await import("../../resources/monitors.ts");
  const { withSpecDefaults } = await import("../../api/defaults.ts");
  const { renderIngress } = await import("../../resources/ingress.ts");
  const { InvalidClusterError } = await import("../../resources/invalid-cluster.ts");
  const { defaultsFor } = await import("../../flink/operator-defaults.ts");
  const { spec, metadata } = resource;
  const name = metadata.name;
  const namespace = wishes.namespace ?? metadata.namespace ?? "default";
  const savepoint = spec.job?.initialSavepointPath ?? "";
  const owner = { name, namespace, uid: "" };
  const inputs = {
    owner,
    spec,
    generation: metadata.generation ?? 1,
    jobId: wishes.jobId ?? digest(`${namespace}/${name}`),
    restore: savepoint === "" ? { kind: "none" as const } : { kind: "savepoint" as const, path: savepoint },
    // The same manifest stays the same; a changed one is a new attempt.
    attemptId: digest(JSON.stringify(spec)),
    defaults: defaultsFor(wishes.operator, namespace, spec.flinkVersion),
  };
  try {
    const { deployment, owned } = renderCluster(inputs);
    const monitors = renderMonitors({ owner, spec: withSpecDefaults(spec), defaults: inputs.defaults });
    const ingress = renderIngress(owner, spec.ingress, deployConfiguration(inputs));
    return [...owned, deployment, ...(ingress === undefined ? [] : [ingress]), ...monitors];
  } catch (error) {
    if (error instanceof InvalidClusterError) throw new UserError(`${name}: ${error.message}`);
    throw error;
  }
}

export const render: Command = {
  name: "render",
  summary: "Print the Kubernetes objects of a job file's clusters",
  examples: [
    "sluice render -f job.yaml | kubectl apply -f -",
    "sluice render -f job.yaml | kubectl diff -f -",
    "sluice render -f job.yaml | kubectl delete -f -",
  ],
  options: [
    { flags: "-f, --filename <file...>", description: "files, folders, or - for standard input" },
    { flags: "-R, --recursive", description: "also the folders below" },
    { flags: "-n, --namespace <name>", description: "instead of the file's own" },
    {
      flags: "--operator-config <file>",
      description: "the operator's config.yaml, whose defaults the clusters inherit",
    },
    {
      flags: "--job-id <id>",
      description: "32 hexadecimal digits (default: derived from namespace and name, so always the same)",
    },
  ],
  async run(_, options, streams) {
    const names = options["filename"] as string[] | undefined;
    if (names === undefined) {
      streams.stderr.write("error: name the files: sluice render -f FILE...\n");
      return 2;
    }
    const jobId = options["jobId"] as string | undefined;
    if (jobId !== undefined && !/^[0-9a-f]{32}$/i.test(jobId)) {
      streams.stderr.write(`error: --job-id is 32 hexadecimal digits, not "${jobId}"\n`);
      return 2;
    }
    const { readJobFiles } = await import("../job-file.ts");
    const { operatorConfiguration } = await import("../job-file-check.ts");
    const { manifests } = await import("../output/manifests.ts");
    const defaultsFile = options["operatorConfig"] as string | undefined;
    const operator =
      defaultsFile === undefined ? {} : await operatorConfiguration(defaultsFile, streams.stdin);
    const files = await readJobFiles(names, options["recursive"] === true, streams.stdin);
    if (!(await areValid(files, operator, streams))) return 1;
    const wishes = { namespace: options["namespace"] as string | undefined, jobId, operator };
    const objects: KubeObject[] = [];
    for (const resource of deployments(files, streams.stderr)) {
      objects.push(...(await objectsOf(resource, wishes)));
    }
    streams.stdout.write(manifests(objects));
    return 0;
  },
};
