// `node tools/sbom.ts FOLDER < DEBIAN`: writes FOLDER/sbom.cdx.json (CycloneDX), everything that is in the image: the npm
// packages that FOLDER/packages.json names, as npm describes them, Node, and Debian packages, given as lines of name,
// version and architecture. Without times and random numbers, so that the same image has the same file.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";

const repository = path.join(import.meta.dirname, "..");

interface Component {
  readonly "bom-ref": string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}
interface Bom {
  readonly $schema: string;
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly components: readonly Component[];
}
interface Named {
  readonly name: string;
  readonly version: string;
}

// Without --omit=dev, which leaves out what a development package needs as well; only what is bundled is taken from it.
function npmBom(): Bom {
  const args = ["sbom", "--package-lock-only", "--sbom-format=cyclonedx"];
  const limit = 64 * 1024 * 1024;
  return JSON.parse(
    execFileSync("npm", args, { cwd: repository, encoding: "utf8", maxBuffer: limit, timeout: 60_000 }),
  ) as Bom;
}

function debianComponent(line: string): Component {
  const [name = "", version = "", architecture = ""] = line.split(" ");
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { "bom-ref": purl, type: "library", name, version, purl };
}

function nodeComponent(): Component {
  const version = process.versions.node;
  const purl = `pkg:generic/node@${version}`;
  const licenses = [{ license: { id: "MIT" } }];
  return { "bom-ref": purl, type: "platform", name: "node", version, purl, licenses };
}

export function sbom(packages: readonly Named[], debian: readonly string[]): object {
  const { name, version } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as Named;
  const { $schema, bomFormat, specVersion, components } = npmBom();
  const bundled = packages.map((one) => {
    const found = components.find(
      (component) => component.name === one.name && component.version === one.version,
    );
    if (found === undefined)
      throw new Error(`${one.name} ${one.version} is bundled, and package-lock.json does not have it`);
    return found;
  });
  const component = { "bom-ref": `sluice@${version}`, type: "application", name, version };
  return {
    $schema,
    bomFormat,
    specVersion,
    version: 1,
    metadata: { component, licenses: [{ license: { id: "Apache-2.0" } }] },
    components: [...bundled, nodeComponent(), ...debian.map(debianComponent)],
  };
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined) throw new Error("usage: node tools/sbom.ts FOLDER < DEBIAN");
  const packages = JSON.parse(readFileSync(path.join(folder, "packages.json"), "utf8")) as Named[];
  const debian = (await text(process.stdin)).split("\n").filter((line) => line !== "");
  writeFileSync(path.join(folder, "sbom.cdx.json"), `${JSON.stringify(sbom(packages, debian), null, 1)}\n`);
}
