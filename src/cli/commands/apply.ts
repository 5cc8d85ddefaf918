/** `sluice apply`: job files are checked, applied as `kubectl apply` does, and waited for. */
import { changeOptions, waitOptions } from "../cluster-options.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

async function apply(options: Readonly<Record<string, unknown>>, streams: Streams): Promise<number> {
  const { applyObject } = await import("../apply.ts");
  const { checkJobFiles, operatorConfiguration } = await import("../job-file-check.ts");
  const { readJobFiles } = await import("../job-file.ts");
  const { printFindings } = await import("../output/findings.ts");
  const { withCluster } = await import("../cluster.ts");
  const { announceChange, gitOpsWarning } = await import("../change.ts");
  const { printResource } = await import("../output/resources.ts");
  const { JOB_TYPES } = await import("../reference.ts");
  const { timeoutOf } = await import("../target-options.ts");
  const { waitUntilReady } = await import("../wait.ts");
  const names = options["filename"] as string[] | undefined;
  if (names === undefined)
    throw new UserError("name the files: sluice apply -f FILE...", undefined, EXIT_CODES.usage);
  const dryRun = options["dryRun"] as "none" | "client" | "server";
  const timeoutMs = await timeoutOf(options, streams);
  if (timeoutMs === undefined) return EXIT_CODES.usage;
  const files = await readJobFiles(names, options["recursive"] === true, streams.stdin);
  const defaults = options["operatorConfig"] as string | undefined;
  const operator = defaults === undefined ? {} : await operatorConfiguration(defaults, streams.stdin);
  const report = checkJobFiles(files, operator);
  const errors = report.findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    printFindings({ ...report, findings: errors }, "text", { ...streams, stdout: streams.stderr });
    throw new UserError(
      "nothing was applied: the files have errors",
      "Mend them, and look with `sluice validate`.",
    );
  }
  return withCluster(options, streams, async (cluster) => {
    const waitedFor: (() => Promise<void>)[] = [];
    for (const { value } of files.flatMap(({ documents }) => documents)) {
      const { type, resource, verb } = await applyObject(cluster, value, dryRun);
      if (verb === "configured") streams.stderr.write(gitOpsWarning(resource));
      const line = announceChange(type, resource.metadata.name, verb, dryRun);
      printResource(type, resource, options["output"], line, streams);
      const place = { ...cluster, namespace: resource.metadata.namespace ?? cluster.namespace };
      if (JOB_TYPES.includes(type))
        waitedFor.push(() => waitUntilReady(place, type, resource as never, timeoutMs, streams));
    }
    if (options["wait"] === true && dryRun === "none") for (const wait of waitedFor) await wait();
    return 0;
  });
}

export const applyCommand: Command = {
  name: "apply",
  summary: "Check job files, apply them as kubectl apply does, and wait for their jobs",
  examples: [
    "sluice apply -f job.yaml -n team --wait",
    "sluice apply -f jobs/ -R --dry-run=server",
    "sluice plan -f job.yaml && echo unchanged || sluice apply -f job.yaml --wait --timeout 15m",
  ],
  options: [
    { flags: "-f, --filename <file...>", description: "files, folders, or - for standard input" },
    { flags: "-R, --recursive", description: "also the folders below" },
    {
      flags: "--operator-config <file>",
      description: "the operator's config.yaml, whose defaults the check takes into account",
    },
    ...changeOptions,
    ...waitOptions,
  ],
  run: (_, options, streams) => apply(options, streams),
};
