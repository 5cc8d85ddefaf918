/** `sluice doctor`: why a job is not well, with the evidence, and what to do. */
import type { Evidence } from "../../reconcile/diagnosis/evidence.ts";
import { clusterOptions } from "../cluster-options.ts";
import { type Command, type Streams, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

async function saved(file: string): Promise<Evidence> {
  const { readFile } = await import("node:fs/promises");
  try {
    return JSON.parse(await readFile(file, "utf8")) as Evidence;
  } catch {
    throw new UserError(`${file} is no file that \`sluice doctor --save\` has written`);
  }
}

async function gathered(
  name: string | undefined,
  options: Readonly<Record<string, unknown>>,
  streams: Streams,
): Promise<Evidence> {
  const { readJob, withCluster } = await import("../cluster.ts");
  const { gatherEvidence } = await import("../evidence.ts");
  if (name === undefined)
    throw new UserError("name the job: sluice doctor NAME", undefined, EXIT_CODES.usage);
  return withCluster(options, streams, async (cluster) => {
    const { resource } = await readJob(cluster, name);
    return gatherEvidence(cluster, resource);
  });
}

export const doctor: Command = {
  name: "doctor",
  summary: "Say why a job is not well, by which evidence, and what to do",
  args: [{ name: "[name]", description: "name of the FlinkDeployment or FlinkSessionJob, or TYPE/NAME" }],
  examples: [
    "sluice doctor my-job -n team",
    "sluice doctor my-job -o json | jq -r '.causes[0].id'",
    "sluice doctor my-job --save evidence.json     # for a report; credentials are left out",
    "sluice doctor --from evidence.json",
  ],
  options: [
    ...clusterOptions,
    { flags: "--save <file>", description: "also write down everything that was looked at" },
    { flags: "--from <file>", description: "judge what was saved, instead of looking" },
    {
      flags: "-o, --output <format>",
      description: "how to print it",
      choices: ["text", "json", "yaml"],
      default: "text",
    },
  ],
  async run([name], options, streams) {
    const { diagnose } = await import("../../reconcile/diagnosis/diagnose.ts");
    const { diagnosisText } = await import("../output/diagnosis.ts");
    const { printData } = await import("../output/resources.ts");
    const from = options["from"] as string | undefined;
    const evidence = from === undefined ? await gathered(name, options, streams) : await saved(from);
    const to = options["save"] as string | undefined;
    if (to !== undefined) {
      const { writeFile } = await import("node:fs/promises");
      await writeFile(to, `${JSON.stringify(evidence, null, 2)}\n`);
    }
    const diagnosis = diagnose(evidence);
    const format = options["output"] as "text" | "json" | "yaml";
    if (format === "text") streams.stdout.write(diagnosisText(evidence, diagnosis));
    else printData({ name: evidence.resource.metadata.name, ...diagnosis }, format, streams);
    return diagnosis.troubled ? EXIT_CODES.act : EXIT_CODES.done;
  },
};
