import { existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { forgetJars, keepJar } from "./jar.ts";

test("a copy by content: the same stays the same, another is another, and what runs keeps its own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-jar-"));
  const jar = join(folder, "my job.jar");
  writeFileSync(jar, "one");
  const first = await keepJar(`local://${jar}`, folder);
  expect(await keepJar(pathToFileURL(jar).toString(), folder)).toBe(first);
  writeFileSync(jar, "two");
  const second = await keepJar(`file://${jar}`.replace(" ", "%20"), folder);
  expect(second).not.toBe(first);
  expect(existsSync(fileURLToPath(first))).toBe(true);
  expect(second).toMatch(/\/my%20job\.jar$/);
  forgetJars(folder, [`{"jarURI":"${second}"}`]);
  expect(readdirSync(join(folder, "jars"))).toHaveLength(1);
  expect(existsSync(fileURLToPath(second))).toBe(true);
});

test("one that Flink fetches is left to it; one that is not here is said with the way out", async () => {
  expect(await keepJar("https://host/job.jar", "/nowhere")).toBe("https://host/job.jar");
  const missing = await keepJar("local:///opt/flink/usrlib/job.jar", "/nowhere").catch(
    (error: unknown) => error,
  );
  expect(missing).toMatchObject({
    message: "spec.job.jarURI: /opt/flink/usrlib/job.jar is not on this machine",
    next: "Say where the files of the image are here: --map local:///opt/flink/usrlib=FOLDER",
  });
});
