/** `sluice fetch-jar`: what runs in a job's pods before Flink, where its jar is a remote one. */
import { type Command, UserError } from "../command.ts";

/** Names of the variables that an init container gets from the jar's Secret begin with this. */
const VARIABLES = "SLUICE_JAR_";
const SIGNALS = ["SIGTERM", "SIGINT"] as const;
const DEADLINE_MS = 600_000;

export const fetchJar: Command = {
  name: "fetch-jar",
  summary: "Fetch a remote jar into a file: what a pod does before Flink starts in it",
  args: [{ name: "<uri>", description: "https://, http:// or s3://" }],
  examples: ["sluice fetch-jar https://repository.example.com/job-1.7.jar --to job.jar"],
  options: [
    { flags: "--to <file>", description: "where it goes; nothing is there before it is complete" },
    { flags: "--sha256 <digits>", description: "what it has to be" },
    {
      flags: "--flink-conf <folder>",
      description: "Flink's configuration: its s3.* options and user.artifacts.http-headers are used",
    },
  ],
  async run([uri = ""], options, streams) {
    const text = (name: string): string | undefined => options[name] as string | undefined;
    const to = text("to");
    if (to === undefined) {
      streams.stderr.write("error: name the file: sluice fetch-jar URI --to FILE\n");
      return 2;
    }
    const jars = await import("../../jars/fetch-jar.ts");
    const { JarError } = await import("../../jars/jar-error.ts");
    const stop = new AbortController();
    const end = (): void => stop.abort();
    // The first program in a container ends at a signal only if it says so.
    for (const name of SIGNALS) process.on(name, end);
    const folder = text("flinkConf");
    try {
      const digest = await jars.fetchJar({
        uri,
        to,
        sha256: text("sha256"),
        configuration: folder === undefined ? {} : await jars.readFlinkConfiguration(folder),
        credentials: Object.fromEntries(
          Object.entries(streams.env)
            .filter(([name]) => name.startsWith(VARIABLES))
            .map(([name, value]) => [name.slice(VARIABLES.length), value]),
        ),
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(DEADLINE_MS)]),
      });
      streams.stdout.write(`${digest}  ${to}\n`);
      return 0;
    } catch (error) {
      // In one line: its end is what Kubernetes, and with it the job's status, has to say of it.
      if (error instanceof JarError) throw new UserError(error.message);
      throw error;
    } finally {
      for (const name of SIGNALS) process.off(name, end);
    }
  },
};
