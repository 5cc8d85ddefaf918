// Bundles the command line into files that need nothing but Node: `node tools/bundle.ts [FOLDER]`, then
// `node FOLDER/sluice.mjs`. What commands load on demand stays in files of its own: as one file, everything would be
// parsed and kept at every start, which doubles the operator's memory. Beside them: the licences of what is bundled
// (NOTICES.txt), and its names and versions (packages.json).
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { rolldown } from "rolldown";
import { bundledPackages, notices } from "./notices.ts";

const repository = path.join(import.meta.dirname, "..");

/** Writes the bundle into a folder, which is emptied first, and answers the path of the file to run. */
export async function bundle(folder: string = path.join(repository, "dist", "bundle")): Promise<string> {
  const built = await rolldown({
    cwd: repository,
    input: { sluice: "src/cli/main.ts" },
    platform: "node",
    tsconfig: "tsconfig.json",
  });
  rmSync(folder, { recursive: true, force: true });
  const { output } = await built.write({
    dir: folder,
    format: "esm",
    minify: true,
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name]-[hash].mjs",
  });
  await built.close();
  const modules = output.flatMap((one) => (one.type === "chunk" ? one.moduleIds : []));
  const packages = bundledPackages(modules);
  writeFileSync(path.join(folder, "NOTICES.txt"), notices(packages));
  const names = packages.map(({ name, version }) => ({ name, version }));
  writeFileSync(path.join(folder, "packages.json"), `${JSON.stringify(names, null, 1)}\n`);
  return path.join(folder, "sluice.mjs");
}

if (import.meta.main) console.log(await bundle(process.argv[2]));
