// `npm run generate` writes every generated file; with --check it fails when one is out of date.
import { readFile, writeFile } from "node:fs/promises";

/** Path to content. Each generator adds its files here. */
const files: Record<string, () => Promise<string>> = {};

const check = process.argv.includes("--check");
let stale = 0;
for (const [path, make] of Object.entries(files)) {
  const wanted = await make();
  const found = await readFile(path, "utf8").catch(() => "");
  if (wanted === found) continue;
  stale++;
  if (check) console.log(`${path} is out of date: run npm run generate`);
  else await writeFile(path, wanted);
}
process.exitCode = check && stale > 0 ? 1 : 0;
