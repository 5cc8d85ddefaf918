/** The image: the same bytes each time, what is in it is listed, and the Dockerfile says the same as the builder. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../testbed/lib/exec.ts";
import { repository } from "../../testbed/lib/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-image-"));
const root = join(folder, "root");

async function build(name: string): Promise<string> {
  const script = join(repository, "testbed/images/build.sh");
  const env = { SLUICE_CACHE: join(folder, name) };
  return (await run(script, ["sluice"], { env, deadline: 280_000 })).trim().split("\n").at(-1) ?? "";
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}
interface Config {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
  readonly Env: readonly string[];
}

let archives: string[];
let config: Config;

beforeAll(async () => {
  archives = [await build("one"), await build("two")];
  const layout = join(folder, "layout");
  mkdirSync(layout);
  mkdirSync(root);
  execFileSync("tar", ["-xf", archives[0] ?? "", "-C", layout]);
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
  const index = read(join(layout, "index.json")) as { manifests: { digest: string }[] };
  const manifest = read(blob(index.manifests[0]?.digest ?? "")) as Manifest;
  for (const { digest } of manifest.layers) execFileSync("tar", ["-xf", blob(digest), "-C", root]);
  ({ config } = read(blob(manifest.config.digest)) as { config: Config });
});
afterAll(() => rmSync(folder, { recursive: true }));

test("twice built, it is the same", () => {
  const [one, two] = archives.map((path) => createHash("sha256").update(readFileSync(path)).digest("hex"));
  expect(one).toBe(two);
});

test.skipIf(process.getuid?.() !== 0)("it runs, with nothing but what is in it", () => {
  const [program = "", ...args] = config.Entrypoint;
  const said = execFileSync(
    "/usr/sbin/chroot",
    ["--userspec=65532:65532", root, program, ...args, "--version"],
    {
      encoding: "utf8",
      env: Object.fromEntries(config.Env.map((line) => line.split("=") as [string, string])),
    },
  );
  expect(said).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("the Dockerfile starts it the same way", () => {
  const lines = readFileSync(join(repository, "deploy/image/Dockerfile"), "utf8").split("\n");
  const last = (word: string): string =>
    lines.findLast((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? "";
  expect(config).toEqual({
    User: last("USER"),
    Entrypoint: JSON.parse(last("ENTRYPOINT")) as string[],
    WorkingDir: last("WORKDIR"),
    Env: last("ENV").split(" "),
  });
});

test("everything in it is listed, with its licence", () => {
  const app = join(root, "app");
  const bom = JSON.parse(readFileSync(join(app, "sbom.cdx.json"), "utf8")) as {
    bomFormat: string;
    components: { name: string; version: string; purl: string }[];
  };
  expect(bom.bomFormat).toBe("CycloneDX");
  const bundled = JSON.parse(readFileSync(join(app, "packages.json"), "utf8")) as {
    name: string;
    version: string;
  }[];
  expect(bundled.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["undici", "yaml", "commander", "pino"]),
  );
  const listed = bom.components.map(({ name, version }) => `${name} ${version}`);
  expect(listed).toEqual(expect.arrayContaining(bundled.map(({ name, version }) => `${name} ${version}`)));
  expect(bom.components.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["node", "libc6", "ca-certificates"]),
  );
  const notices = readFileSync(join(app, "NOTICES.txt"), "utf8");
  for (const { name, version } of bundled) expect(notices).toContain(`\n${name} ${version} (`);
  for (const file of ["app/LICENSE.txt", "usr/share/doc/node/LICENSE", "usr/share/doc/libc6/copyright"])
    expect(readFileSync(join(root, file), "utf8")).toMatch(/licen[cs]e/i);
});

test("development packages and sources are not in it", () => {
  const files = execFileSync("find", [join(root, "app"), "-type", "f"], { encoding: "utf8" });
  expect(files).not.toMatch(/\.ts$|node_modules|vitest|typescript/m);
});
