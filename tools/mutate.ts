/**
 * How much the unit tests notice: makes one small change at a time (mutate/mutants.ts) in a copy of the repository, and
 * runs the tests that the file is related to.
 *
 *     npm run mutate -- PATH...        a source, or a folder of sources
 *     npm run mutate -- PATH --list    only what would be changed
 *
 * A change that no test notices has survived; it is listed with its line. A second for each that is
 * noticed by the file's own tests, half a minute for each survivor: nice -n 19 is a good idea.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { type Mutant, mutantsOf } from "./mutate/mutants.ts";

const repository = join(import.meta.dirname, "..");
/** Thorough, and slow: asked last. */
const SLOW = ["src/reconcile/deployment/crash.test.ts", "src/reconcile/deployment/any-situation.test.ts"];
/** Milliseconds; what takes longer goes round in circles, which a test run would notice. */
const LIMIT_MS = 180_000;

function tracked(...patterns: string[]): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...patterns];
  const listed = execFileSync("git", args, { cwd: repository, encoding: "utf8" }).split("\n");
  return listed.filter(
    (file) => file !== "" && file !== "node_modules" && existsSync(join(repository, file)),
  );
}

function copyRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-mutate-"));
  for (const file of tracked()) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(repository, file), join(folder, file));
  }
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Whether the tests fail. */
function noticed(folder: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const vitest = join(folder, "node_modules", ".bin", "vitest");
    const fixed = ["--run", "--project", "unit", "--bail", "1", "--reporter=dot", "--maxWorkers=1"];
    const child = spawn(vitest, [...args, ...fixed, "--passWithNoTests"], { cwd: folder, stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve(code !== 0);
    });
  });
}

/** The file's own tests first: they notice most, and soonest. */
async function isNoticed(folder: string, file: string): Promise<boolean> {
  const own = [".test.ts", ".table.test.ts"]
    .map((end) => file.replace(/\.ts$/, end))
    .filter((test) => existsSync(join(folder, test)));
  if (own.length > 0 && (await noticed(folder, ["run", ...own]))) return true;
  const others = SLOW.flatMap((slow) => ["--exclude", slow]);
  if (await noticed(folder, ["related", file, ...others])) return true;
  return noticed(folder, ["run", ...SLOW]);
}

async function mutate(folder: string, file: string): Promise<{ all: number; survivors: readonly Mutant[] }> {
  const target = join(folder, file);
  const original = readFileSync(target, "utf8");
  const mutants = mutantsOf(original);
  const survivors: Mutant[] = [];
  for (const mutant of mutants) {
    writeFileSync(target, mutant.source);
    if (await isNoticed(folder, file)) continue;
    survivors.push(mutant);
    console.log(`${file}:${mutant.line}: ${show(mutant)}`);
  }
  writeFileSync(target, original);
  return { all: mutants.length, survivors };
}

function show({ before, after }: Mutant): string {
  const text = before.replaceAll(/\s+/g, " ");
  return `${text.length > 80 ? `${text.slice(0, 77)}...` : text}  ->  ${after}`;
}

function sourcesOf(paths: readonly string[]): string[] {
  const found = paths.flatMap((path) => {
    if (!existsSync(path)) throw new Error(`${path} does not exist; name a source file or a folder of them`);
    const inside = relative(repository, path);
    return statSync(path).isDirectory() ? tracked(`${inside}/*.ts`) : [inside];
  });
  return found.filter((file) => !file.endsWith(".test.ts") && !file.endsWith(".generated.ts"));
}

const flags = process.argv.slice(2);
const files = sourcesOf(flags.filter((one) => one !== "--list"));
if (files.length === 0) {
  console.error("Name at least one source file or folder: npm run mutate -- src/reconcile/upgrade-mode.ts");
  process.exitCode = 2;
} else if (flags.includes("--list")) {
  for (const file of files)
    for (const mutant of mutantsOf(readFileSync(join(repository, file), "utf8")))
      console.log(`${file}:${mutant.line}: ${show(mutant)}`);
} else {
  const folder = copyRepository();
  try {
    for (const file of files) {
      if (await noticed(folder, ["related", file])) throw new Error(`the tests of ${file} fail as it is`);
      const { all, survivors } = await mutate(folder, file);
      const score = all === 0 ? 100 : (100 * (all - survivors.length)) / all;
      console.log(`${file}: ${all - survivors.length} of ${all} noticed, ${score.toFixed(0)} %`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
