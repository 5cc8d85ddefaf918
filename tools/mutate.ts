/**
 * How much the unit tests notice: makes one small change at a time (mutate/mutants.ts) in a copy of the repository, and
 * runs the tests that the file is related to.
 *
 *     npm run mutate -- PATH...                         a source, or a folder of sources
 *     npm run mutate -- PATH... --sample 100 --seed 1   so many of all changes, the same ones for the same seed
 *     npm run mutate -- PATH... --list                  only what would be changed
 *
 * A change that no test notices has survived; it is listed with its line. A second for each that is
 * noticed by the file's own tests, a minute for each survivor: nice -n 19 is a good idea.
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
import { parseArgs } from "node:util";
import { type Mutant, mutantsOf, sampleOf } from "./mutate/mutants.ts";

const repository = join(import.meta.dirname, "..");
/** Thorough, and slow: asked last. */
const SLOW = ["src/reconcile/deployment/crash.test.ts", "src/reconcile/deployment/any-situation.test.ts"];
/**
 * Seconds of processor time of one process, so that a busy machine is not taken for a loop; what takes longer goes round in
 * circles, which a test run would notice. The first run shows how long it takes when it does not.
 */
const LIMIT = 180;
let limit = 3600;

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
    const fixed = [
      "--run",
      "--project",
      "unit",
      "--project",
      "model",
      "--bail",
      "1",
      "--reporter=dot",
      "--maxWorkers=1",
    ];
    const limited = ["-c", `ulimit -t ${limit}; exec "$0" "$@"`, vitest];
    const child = spawn("bash", [...limited, ...args, ...fixed, "--passWithNoTests"], {
      cwd: folder,
      stdio: "ignore",
    });
    child.on("close", (code) => resolve(code !== 0));
  });
}

/** The file's own tests first, then its neighbours': they notice most, and soonest. */
async function isNoticed(folder: string, file: string): Promise<boolean> {
  const own = [".test.ts", ".table.test.ts"]
    .map((end) => file.replace(/\.ts$/, end))
    .filter((test) => existsSync(join(folder, test)));
  if (own.length > 0 && (await noticed(folder, ["run", ...own]))) return true;
  const others = SLOW.flatMap((slow) => ["--exclude", slow]);
  if (await noticed(folder, ["run", `${dirname(file)}/`, "--exclude", "**/*crash*.test.ts", ...others]))
    return true;
  if (await noticed(folder, ["related", file, ...others])) return true;
  return noticed(folder, ["run", ...SLOW]);
}

interface Plan {
  readonly file: string;
  readonly mutants: readonly Mutant[];
}

/** How many of them no test noticed. */
async function mutate(folder: string, { file, mutants }: Plan): Promise<number> {
  const target = join(folder, file);
  const original = readFileSync(target, "utf8");
  let survivors = 0;
  for (const mutant of mutants) {
    writeFileSync(target, mutant.source);
    if (await isNoticed(folder, file)) continue;
    survivors++;
    console.log(`${file}:${mutant.line}: ${show(mutant)}`);
  }
  writeFileSync(target, original);
  return survivors;
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

function planOf(files: readonly string[], sample: number | undefined, seed: number): readonly Plan[] {
  const plans = files.map((file) => ({
    file,
    mutants: mutantsOf(readFileSync(join(repository, file), "utf8")),
  }));
  if (sample === undefined) return plans;
  const all = plans.flatMap(({ file, mutants }) => mutants.map((mutant) => ({ file, mutant })));
  const chosen = new Set(sampleOf(all, sample, seed));
  console.log(`${chosen.size} of ${all.length} changes, seed ${seed}`);
  return plans
    .map(({ file }) => ({
      file,
      mutants: [...chosen].filter((one) => one.file === file).map(({ mutant }) => mutant),
    }))
    .filter(({ mutants }) => mutants.length > 0);
}

function report(what: string, all: number, survivors: number): void {
  const score = all === 0 ? 100 : (100 * (all - survivors)) / all;
  console.log(`${what}: ${all - survivors} of ${all} noticed, ${score.toFixed(0)} %`);
}

async function mutateAll(plans: readonly Plan[]): Promise<void> {
  const folder = copyRepository();
  try {
    const began = Date.now();
    if (await noticed(folder, ["related", ...plans.map(({ file }) => file)]))
      throw new Error("the tests fail as it is");
    limit = Math.max(LIMIT, Math.ceil((2 * (Date.now() - began)) / 1000));
    const total = { all: 0, survivors: 0 };
    for (const plan of plans) {
      const survivors = await mutate(folder, plan);
      report(plan.file, plan.mutants.length, survivors);
      total.all += plan.mutants.length;
      total.survivors += survivors;
    }
    report("together", total.all, total.survivors);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: "boolean" }, sample: { type: "string" }, seed: { type: "string", default: "1" } },
});
const sample = values.sample === undefined ? undefined : Number(values.sample);
const plans = planOf(sourcesOf(positionals), sample, Number(values.seed));
if (plans.length === 0) {
  console.error("Name at least one source file or folder: npm run mutate -- src/reconcile/upgrade-mode.ts");
  process.exitCode = 2;
} else if (values.list) {
  for (const { file, mutants } of plans)
    for (const mutant of mutants) console.log(`${file}:${mutant.line}: ${show(mutant)}`);
} else await mutateAll(plans);
