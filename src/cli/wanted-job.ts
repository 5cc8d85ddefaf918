/** The job that a command is to run: one FlinkDeployment of a file, and what the command line changes of it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FlinkDeployment, FlinkDeploymentSpec, FlinkVersion } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { FETCHER_IMAGE } from "../flink/jar-fetch.ts";
import { CHECKPOINTS_DIR, SAVEPOINTS_DIR } from "../flink/options.ts";
import { type StartFrom, withOptions, withSavepointDirectory } from "../targets/wanted.ts";
import { type Streams, UserError } from "./command.ts";
import { readJobFiles } from "./job-file.ts";
import { checkJobFiles, operatorConfiguration } from "./job-file-check.ts";
import { printFindings } from "./output/findings.ts";

type Options = Readonly<Record<string, unknown>>;

export interface WantedJob {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly spec: FlinkDeploymentSpec;
}

/** On this machine a job has folders for its state without being told. */
const LOCAL_FOLDERS = {
  [CHECKPOINTS_DIR.key]: "file:///checkpoints",
  [SAVEPOINTS_DIR.key]: "file:///savepoints",
};

function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** @throws UserError, after every finding was printed */
async function readDeploymentFile(
  file: string,
  options: Options,
  streams: Streams,
): Promise<FlinkDeployment> {
  const files = await readJobFiles([file], false, streams.stdin);
  const report = checkJobFiles(files, options["target"] === "local" ? LOCAL_FOLDERS : {});
  const findings = report.findings.filter(({ severity }) => severity === "error");
  if (findings.length > 0) {
    printFindings({ ...report, findings }, "text", { ...streams, stdout: streams.stderr });
    throw new UserError("the job file is not valid; nothing was done", `See \`sluice validate -f ${file}\`.`);
  }
  const found = files
    .flatMap(({ documents }) => documents.map(({ value }) => value as FlinkDeployment))
    .filter(({ kind }) => kind === "FlinkDeployment");
  const [deployment] = found;
  if (deployment === undefined || found.length > 1) {
    throw new UserError(
      `${file} holds ${found.length} FlinkDeployments; it has to be one`,
      "Give each job a file of its own.",
    );
  }
  if (deployment.spec.job === undefined) {
    throw new UserError(
      `${file}: spec.job is missing: this would be a session cluster, and jobs are started here`,
      "Add spec.job with the jarURI; or leave session clusters to the operator.",
    );
  }
  return deployment;
}

/** `key=value` texts. @throws UserError */
function pairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((one) => {
      const at = one.indexOf("=");
      if (at > 0) return [one.slice(0, at).trim(), one.slice(at + 1)] as const;
      throw new UserError(
        `-D is key=value, not "${one}"`,
        "For example -D taskmanager.numberOfTaskSlots=2.",
        2,
      );
    }),
  );
}

async function logFilesIn(folder: string): Promise<Record<string, string>> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    // A mounted ConfigMap has folders of its own, and links to the files in them.
    const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith(".."));
    return Object.fromEntries(
      await Promise.all(
        files.map(async ({ name }) => [name, await readFile(join(folder, name), "utf8")] as const),
      ),
    );
  } catch (error) {
    throw new UserError(`--log-config ${folder} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function withDefaults(spec: FlinkDeploymentSpec, defaults: FlinkConfiguration): FlinkDeploymentSpec {
  return { ...spec, flinkConfiguration: { ...defaults, ...flattenConfiguration(spec.flinkConfiguration) } };
}

async function withFiles(
  spec: FlinkDeploymentSpec,
  options: Options,
  streams: Streams,
): Promise<FlinkDeploymentSpec> {
  const config = text(options, "flinkConfig");
  const logs = text(options, "logConfig");
  const configured =
    config === undefined ? spec : withDefaults(spec, await operatorConfiguration(config, streams.stdin));
  if (logs === undefined) return configured;
  return { ...configured, logConfiguration: { ...spec.logConfiguration, ...(await logFilesIn(logs)) } };
}

function parallelismOf(options: Options): number | undefined {
  const given = text(options, "parallelism");
  if (given === undefined) return undefined;
  const number = Number(given);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UserError(`--parallelism is a number from 1, not "${given}"`, undefined, 2);
}

function withFlags(spec: FlinkDeploymentSpec, options: Options, streams: Streams): FlinkDeploymentSpec {
  const image = text(options, "image");
  const version = text(options, "flinkVersion") as FlinkVersion | undefined;
  const mode = text(options, "mode") as "native" | "standalone" | undefined;
  const parallelism = parallelismOf(options);
  const args = options["arg"] as string[] | undefined;
  // A session cluster has none, and stays one.
  const job = spec.job && {
    ...spec.job,
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(args === undefined ? {} : { args: [...args] }),
  };
  const { jarURI = "" } = job ?? {};
  const own = streams.env["SLUICE_IMAGE"] ?? "";
  // A pod of the pipeline knows which image can fetch a jar for Flink's pods: its own.
  const based =
    own === "" || jarURI.startsWith("local:") ? spec : withDefaults(spec, { [FETCHER_IMAGE.key]: own });
  const changed = {
    ...based,
    ...(job === undefined ? {} : { job }),
    ...(image === undefined ? {} : { image }),
    ...(version === undefined ? {} : { flinkVersion: version }),
    ...(mode === undefined ? {} : { mode }),
  };
  const configured = withOptions(changed, pairs((options["D"] as string[] | undefined) ?? []));
  return withSavepointDirectory(configured, text(options, "savepointDir"));
}

/** What the command line and its files change of a job file's spec. @throws UserError */
export async function withJobFlags(
  spec: FlinkDeploymentSpec,
  options: Options,
  streams: Streams,
): Promise<FlinkDeploymentSpec> {
  return withFlags(await withFiles(spec, options, streams), options, streams);
}

/** @throws UserError */
export async function wantedJob(options: Options, streams: Streams): Promise<WantedJob> {
  const file = text(options, "filename");
  if (file === undefined) throw new UserError("name the job file: -f FILE", "Or set SLUICE_JOB_FILE.", 2);
  const { metadata, spec } = await readDeploymentFile(file, options, streams);
  return {
    name: metadata?.name,
    namespace: metadata?.namespace,
    spec: await withJobFlags(spec, options, streams),
  };
}

/** @throws UserError */
export function startFrom(options: Options): StartFrom | undefined {
  const path = text(options, "fromSavepoint");
  const scratch = options["fromScratch"] === true;
  if (path !== undefined && scratch)
    throw new UserError("--from-savepoint and --from-scratch exclude each other", undefined, 2);
  if (scratch) return { kind: "scratch" };
  return path === undefined ? undefined : { kind: "savepoint", path };
}
