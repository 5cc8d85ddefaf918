/** Puts the images into containerd. What is in it already, by the archive's hash, is not imported again. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tryRun } from "../exec.ts";
import { repository } from "../paths.ts";
import { step } from "../progress.ts";
import { safely } from "../safely.ts";
import { ctr } from "./containers.ts";
import { containerdRoot } from "./layout.ts";

/** Build name (`testbed/images/build.sh NAME`) → the name pods use. */
export const imageReferences: Readonly<Record<string, string>> = {
  "flink-1.20": "sluice.test/flink:1.20",
  "flink-2.2": "sluice.test/flink:2.2",
  "flink-2.3": "sluice.test/flink:2.3",
  sluice: "sluice.test/sluice:dev",
};

const minutes = 60_000;

const imageScript = join(repository, "testbed", "images", "build.sh");

/** Builds (or finds in the cache) the named image and imports it. */
export async function loadImage(dir: string, name: string): Promise<void> {
  const reference = imageReferences[name];
  if (reference === undefined)
    throw new Error(`no image ${name}: there are ${Object.keys(imageReferences).join(", ")}`);
  await importArchive(dir, await buildImage(name), reference);
}

/** The image's archive. The first time on a machine it downloads and packs for minutes. */
export async function buildImage(name: string): Promise<string> {
  return step(`image ${name}`, async () => {
    const { code, stdout, stderr } = await tryRun(imageScript, [name], { deadline: 40 * minutes });
    const archive = stdout.trim().split("\n").at(-1);
    if (code !== 0 || archive === undefined || !existsSync(archive)) {
      throw new Error(`building image ${name} failed (${imageScript} ${name}):\n${stderr.slice(-3000)}`);
    }
    return archive;
  });
}

type Records = Record<string, string>;

/** Imports an archive under a name, unless that was done before with the same archive. */
export async function importArchive(dir: string, archive: string, reference: string): Promise<void> {
  const recordFile = join(containerdRoot(), "sluice-imports.json");
  const records = safely(() => JSON.parse(readFileSync(recordFile, "utf8")) as Records) ?? {};
  const { size, mtimeMs } = statSync(archive);
  const fingerprint = `${archive} ${size} ${mtimeMs}`;
  if (records[reference] === fingerprint && (await imageNames(dir)).includes(reference)) return;
  await step(`importing ${reference}`, async () => {
    const before = await imageNames(dir);
    const output = await ctr(dir, ["images", "import", archive], 20 * minutes);
    const named = importedName(output) ?? (await imageNames(dir)).find((name) => !before.includes(name));
    if (named === undefined) throw new Error(`${archive} holds no named image:\n${output}`);
    if (named !== reference) await ctr(dir, ["images", "tag", "--force", named, reference]);
  });
  writeFileSync(recordFile, JSON.stringify({ ...records, [reference]: fingerprint }, null, 2));
}

/** The name in ctr's line "unpacking NAME (sha256:…)...done". */
export function importedName(output: string): string | undefined {
  return /^unpacking (\S+) \(sha256:/m.exec(output)?.[1];
}

async function imageNames(dir: string): Promise<string[]> {
  return (await ctr(dir, ["images", "ls", "--quiet"])).split("\n").filter((name) => name !== "");
}
