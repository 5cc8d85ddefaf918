import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { waitFor } from "../../testbed/lib/wait.ts";
import { createLogger } from "../telemetry/log.ts";
import { FollowedConfiguration } from "./configuration.ts";

const log = createLogger("silent");
const OFTEN = { "kubernetes.operator.dynamic.config.check.interval": "20 ms" };

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-configuration-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

async function open(file: string): Promise<FollowedConfiguration> {
  const followed = await FollowedConfiguration.open(file, {}, log);
  onTestFinished(() => followed.close());
  return followed;
}

test.each<[string, string]>([
  ["config.yaml", 'rest: { port: 9000 }\na.b: "1"\n'],
  ["config.yaml", "rest.port: 9000\na:\n  b: 1\n"],
  ["flink-conf.yaml", "rest.port: 9000\na.b: 1 # one\n"],
])("%s is read: %j", async (name, text) => {
  const folder = await folderWith({ [name]: text });
  const { configuration, logConfiguration } = (await open(join(folder, name))).current;
  expect(configuration).toEqual({ "rest.port": "9000", "a.b": "1" });
  expect(logConfiguration).toBeUndefined();
});

test("log files beside it are the clusters' default", async () => {
  const folder = await folderWith({ "config.yaml": "", "log4j-console.properties": "x", "other.xml": "y" });
  const { current } = await open(join(folder, "config.yaml"));
  expect(current.logConfiguration).toEqual({ "log4j-console.properties": "x" });
});

test("a change is followed and told; what cannot be read leaves the last good one", async () => {
  const folder = await folderWith({ "config.yaml": JSON.stringify({ ...OFTEN, a: "1" }) });
  const file = join(folder, "config.yaml");
  const followed = await open(file);
  const told: (string | undefined)[] = [];
  followed.onChange(({ configuration }) => told.push(configuration["a"]));
  await writeFile(file, "a: [");
  await writeFile(file, JSON.stringify({ ...OFTEN, a: "2" }));
  await waitFor("the change", () => followed.current.configuration["a"] === "2", { deadline: 10_000 });
  expect(told.at(-1)).toBe("2");
  await rm(file);
  await writeFile(file, JSON.stringify({ a: "3" }));
  await waitFor("the next", () => followed.current.configuration["a"] === "3", { deadline: 10_000 });
});

test("it is not followed where that is switched off", async () => {
  const off = { ...OFTEN, "kubernetes.operator.dynamic.config.enabled": "false", a: "1" };
  const folder = await folderWith({
    "off.yaml": JSON.stringify(off),
    "on.yaml": JSON.stringify({ ...OFTEN, a: "1" }),
  });
  const [still, followed] = [await open(join(folder, "off.yaml")), await open(join(folder, "on.yaml"))];
  await writeFile(join(folder, "off.yaml"), JSON.stringify({ ...off, a: "2" }));
  await writeFile(join(folder, "on.yaml"), JSON.stringify({ ...OFTEN, a: "2" }));
  // The other looks as often.
  await waitFor("the other's change", () => followed.current.configuration["a"] === "2", {
    deadline: 10_000,
  });
  expect(still.current.configuration["a"]).toBe("1");
});
