/** `sluice validate`: everything that is wrong with job files, at once, before a cluster sees them. */
import type { Command } from "../command.ts";

export const validate: Command = {
  name: "validate",
  summary: "Check job files: every finding at once, with file, line and field",
  examples: [
    "sluice validate -f job.yaml",
    "sluice validate -R -f deploy/",
    "kustomize build . | sluice validate -f - -o json",
  ],
  options: [
    { flags: "-f, --filename <file...>", description: "files, folders, or - for standard input" },
    { flags: "-R, --recursive", description: "also the folders below" },
    {
      flags: "-o, --output <format>",
      description: "how to print the findings",
      choices: ["text", "json"],
      default: "text",
    },
    {
      flags: "--operator-config <file>",
      description: "the operator's config.yaml, whose defaults the resources inherit",
    },
  ],
  async run(_, options, streams) {
    const names = options["filename"] as string[] | undefined;
    if (names === undefined) {
      streams.stderr.write("error: name the files: sluice validate -f FILE...\n");
      return 2;
    }
    const { readJobFiles } = await import("../job-file.ts");
    const { checkJobFiles, operatorConfiguration } = await import("../job-file-check.ts");
    const { printFindings } = await import("../output/findings.ts");
    const operatorFile = options["operatorConfig"] as string | undefined;
    const { FETCHER_IMAGE } = await import("../../flink/jar-fetch.ts");
    // An operator knows its own image, which nobody else does.
    const defaults =
      operatorFile === undefined
        ? { [FETCHER_IMAGE.key]: "sluice" }
        : await operatorConfiguration(operatorFile, streams.stdin);
    const files = await readJobFiles(names, options["recursive"] === true, streams.stdin);
    const report = checkJobFiles(files, defaults);
    printFindings(report, options["output"] === "json" ? "json" : "text", streams);
    return report.findings.some(({ severity }) => severity === "error") ? 1 : 0;
  },
};
