/** The licences of what is bundled: of the packages whose modules are in the bundle, not of all that are installed. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  readonly text: string;
}

/** Terms under which code may be passed on with a notice. Others need a decision. */
const GOOD = new Set(["MIT", "Apache-2.0", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Unlicense"]);

/** The folder of the package that a module belongs to; undefined for a module of this repository. */
function packageFolder(module: string): string | undefined {
  const marker = `${path.sep}node_modules${path.sep}`;
  const at = module.lastIndexOf(marker);
  if (at < 0) return undefined;
  const [first = "", second = ""] = module.slice(at + marker.length).split(path.sep);
  const name = first.startsWith("@") ? path.join(first, second) : first;
  return path.join(module.slice(0, at + marker.length), name);
}

function licenceText(folder: string): string {
  const files = readdirSync(folder).filter((name) =>
    /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i.test(name),
  );
  return files.map((name) => readFileSync(path.join(folder, name), "utf8").trim()).join("\n\n");
}

function readPackage(folder: string): BundledPackage {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
    author?: string | { name: string };
  };
  const { name, version, license = "", author } = manifest;
  if (!GOOD.has(license))
    throw new Error(`${name} ${version} is under "${license}": may it be bundled? (tools/notices.ts)`);
  const by = typeof author === "string" ? author : author?.name;
  const text = licenceText(folder);
  return {
    name,
    version,
    license,
    text: text === "" ? `${license}${by === undefined ? "" : `, ${by}`}` : text,
  };
}

/** By name. @throws for a licence that was not thought of */
export function bundledPackages(modules: readonly string[]): BundledPackage[] {
  const folders = new Set(modules.map(packageFolder).filter((folder) => folder !== undefined));
  return [...folders]
    .filter((folder) => existsSync(path.join(folder, "package.json")))
    .map(readPackage)
    .toSorted((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

export function notices(packages: readonly BundledPackage[]): string {
  const rule = "-".repeat(80);
  const parts = packages.map(
    ({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text}\n`,
  );
  return `Sluice is under the Apache License 2.0. It contains these packages:\n\n${parts.join(`\n${rule}\n\n`)}`;
}
