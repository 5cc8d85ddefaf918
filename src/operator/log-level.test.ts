import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { waitFor } from "../../testbed/lib/wait.ts";
import { createLogger } from "../telemetry/log.ts";
import { FollowedConfiguration } from "./configuration.ts";
import { followLogLevel } from "./log-level.ts";

test("the level follows the configuration, and without it is that of the start", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-log-level-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  const write = (options: object): Promise<void> =>
    writeFile(
      file,
      JSON.stringify({ "kubernetes.operator.dynamic.config.check.interval": "20 ms", ...options }),
    );
  const lines: string[] = [];
  const log = createLogger("warn", { write: (line) => void lines.push(line) });
  await write({ "sluice.log.level": "DEBUG" });
  const followed = await FollowedConfiguration.open(file, {}, log);
  onTestFinished(() => followed.close());
  followLogLevel(followed, log);
  log.debug({ n: 1 }, "seen");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ level: 20, n: 1, msg: "seen" });
  await write({ "sluice.log.level": "error" });
  await waitFor("less is logged", () => log.level === "error", { deadline: 10_000 });
  await write({ "sluice.log.level": "loud" });
  await waitFor("it is said", () => lines.at(-1)?.includes("no such level") === true, { deadline: 10_000 });
  expect(log.level).toBe("error");
  await write({});
  await waitFor("the level of the start", () => log.level === "warn", { deadline: 10_000 });
});
