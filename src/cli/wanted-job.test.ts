import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { flattenConfiguration } from "../flink/configuration.ts";
import { flinkDeployment, withConfiguration, withJob } from "../../testbed/gen/flink-deployment.ts";
import type { Streams } from "./command.ts";
import { startFrom, wantedJob } from "./wanted-job.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-wanted-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, "job.yaml");
writeFileSync(file, stringify(flinkDeployment(withConfiguration({ own: "file" }), withJob({ args: ["a"] }))));

async function* nothing(): AsyncGenerator<string> {}

function streams(env: Streams["env"] = {}): Streams {
  const silent = { write: () => true };
  return { stdout: silent, stderr: silent, stdin: nothing(), env };
}

const wanted = (options: object, env?: Streams["env"]) =>
  wantedJob({ filename: file, ...options }, streams(env));

describe("the command line changes the job file", () => {
  it("in what it names, and in nothing else", async () => {
    const plain = await wanted({});
    expect(plain).toMatchObject({ name: "job", namespace: "default", spec: { image: "flink:2.3" } });
    const { spec } = await wanted({
      image: "job:2",
      flinkVersion: "v2_2",
      parallelism: "7",
      mode: "standalone",
      arg: ["--output", "s3://b"],
      D: ["own=flag", "other= x=y"],
      savepointDir: "s3://savepoints",
    });
    expect(spec).toMatchObject({
      image: "job:2",
      flinkVersion: "v2_2",
      mode: "standalone",
      job: { ...plain.spec.job, parallelism: 7, args: ["--output", "s3://b"] },
    });
    const { "state.savepoints.dir": _, ...others } = flattenConfiguration(plain.spec.flinkConfiguration);
    expect(flattenConfiguration(spec.flinkConfiguration)).toEqual({
      ...others,
      own: "flag",
      other: " x=y",
      "execution.checkpointing.savepoint-dir": "s3://savepoints",
    });
  });

  it("by mounted files, under what the job file says itself", async () => {
    const config = join(folder, "config.yaml");
    writeFileSync(config, "own: shared\nshared: { by: all }\n");
    const logs = join(folder, "logs");
    mkdirSync(join(logs, "..data"), { recursive: true });
    writeFileSync(join(logs, "log4j-console.properties"), "rootLogger.level = DEBUG\n");
    const { spec } = await wanted({ flinkConfig: config, logConfig: logs });
    expect(flattenConfiguration(spec.flinkConfiguration)).toMatchObject({ own: "file", "shared.by": "all" });
    expect(spec.logConfiguration).toEqual({ "log4j-console.properties": "rootLogger.level = DEBUG\n" });
  });

  it("by the image that can fetch a jar, for a job whose jar is elsewhere", async () => {
    const env = { SLUICE_IMAGE: "sluice:1" };
    const options = async (spec: Promise<{ spec: { flinkConfiguration?: unknown } }>) =>
      flattenConfiguration((await spec).spec.flinkConfiguration)["sluice.jar.fetcher.image"];
    expect(await options(wanted({}, env))).toBeUndefined();
    const remote = join(folder, "remote.yaml");
    writeFileSync(remote, stringify(flinkDeployment(withJob({ jarURI: "https://jars/job.jar" }))));
    expect(await options(wanted({ filename: remote }, env))).toBe("sluice:1");
  });
});

it.each<[string, object, RegExp, number | undefined]>([
  ["no file", { filename: "" }, /name the job file/, 2],
  ["an option that is none", { D: ["=x"] }, /-D is key=value/, 2],
  ["a parallelism that is none", { parallelism: "many" }, /--parallelism is a number/, 2],
  ["log files that are not there", { logConfig: join(folder, "none") }, /cannot be read: ENOENT/, undefined],
])("%s is said", async (_, options, message, code) => {
  await expect(wanted(options)).rejects.toMatchObject({ message: expect.stringMatching(message), code });
});

it("a session cluster, and more than one job, are not for these commands", async () => {
  const write = (name: string, ...resources: object[]): string => {
    const path = join(folder, name);
    writeFileSync(path, resources.map((one) => stringify(one)).join("---\n"));
    return path;
  };
  const { job: _, ...session } = flinkDeployment().spec;
  const cases = [
    [write("session.yaml", { ...flinkDeployment(), spec: session }), /spec\.job is missing/],
    [write("two.yaml", flinkDeployment(), flinkDeployment()), /holds 2 FlinkDeployments/],
    [write("bad.yaml", flinkDeployment(withJob({ parallelism: -1 }))), /not valid; nothing was done/],
  ] as const;
  for (const [filename, message] of cases) await expect(wanted({ filename })).rejects.toThrow(message);
});

it("where from is one thing or the other", () => {
  expect(startFrom({})).toBeUndefined();
  expect(startFrom({ fromScratch: true })).toEqual({ kind: "scratch" });
  expect(startFrom({ fromSavepoint: "s3://x" })).toEqual({ kind: "savepoint", path: "s3://x" });
  expect(() => startFrom({ fromSavepoint: "s3://x", fromScratch: true })).toThrow(/exclude each other/);
});
