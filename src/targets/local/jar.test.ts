import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { forgetJars, type JarPlace, keepJar } from "./jar.ts";

const place = (folder: string): JarPlace => ({ folder, configuration: {}, env: {} });

test("a copy by content: the same stays the same, another is another, and what runs keeps its own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-jar-"));
  const jar = join(folder, "my job.jar");
  writeFileSync(jar, "one");
  const first = await keepJar(`local://${jar}`, place(folder));
  expect(await keepJar(pathToFileURL(jar).toString(), place(folder))).toBe(first);
  writeFileSync(jar, "two");
  const second = await keepJar(`file://${jar}`.replace(" ", "%20"), place(folder));
  expect(second).not.toBe(first);
  expect(existsSync(fileURLToPath(first))).toBe(true);
  expect(second).toMatch(/\/my%20job\.jar$/);
  forgetJars(folder, [`{"jarURI":"${second}"}`]);
  expect(readdirSync(join(folder, "jars"))).toHaveLength(1);
  expect(existsSync(fileURLToPath(second))).toBe(true);
});

test("one on a web server is fetched, checked and kept like any other", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-jar-"));
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/my.jar" ? 200 : 404;
    response.end("PK\u0003\u0004jar");
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const uri = await keepJar(`${base}/my.jar`, place(folder));
  expect(uri).toMatch(/\/jars\/[0-9a-f]{16}\/my\.jar$/);
  expect(readFileSync(fileURLToPath(uri), "utf8")).toBe("PK\u0003\u0004jar");
  const other = { ...place(folder), configuration: { "sluice.jar.sha256": "0".repeat(64) } };
  await expect(keepJar(`${base}/my.jar`, other)).rejects.toThrow(
    /another file than sluice\.jar\.sha256 says/,
  );
  await expect(keepJar(`${base}/gone.jar`, place(folder))).rejects.toThrow(/^spec\.job\.jarURI: .*404/);
  expect(readdirSync(join(folder, "jars"))).toHaveLength(1);
  server.close();
});

test("one that is not here is said with the way out", async () => {
  const missing = await keepJar("local:///opt/flink/usrlib/job.jar", place("/nowhere")).catch(
    (error: unknown) => error,
  );
  expect(missing).toMatchObject({
    message: "spec.job.jarURI: /opt/flink/usrlib/job.jar is not on this machine",
    next: "Say where the files of the image are here: --map local:///opt/flink/usrlib=FOLDER",
  });
});
