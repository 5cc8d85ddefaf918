/**
 * `make test`: the checks and the tests of the named vitest projects one after another, then one line with the sums.
 * Whatever cannot run here is named and skipped; with SLUICE_NOTHING_SKIPPED=1 a skip is a failure.
 *   node tools/test.ts unit integration e2e
 * `selftest` beside these names is the testbed's own test.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare } from "../testbed/prepare.ts";
import { nodeObstacle } from "../testbed/node.ts";
import type { TestReport } from "./test-report.ts";

interface Sum {
  passed: number;
  failed: number;
  readonly skipped: string[];
  /** Names of what failed, for the end of the output: the cause is further up. */
  readonly failures: string[];
}

const hour = 3_600_000;
/** Projects of vitest.config.ts that run together, where they are not the name itself. */
const PROJECTS: Readonly<Record<string, readonly string[]>> = {
  unit: ["unit", "model"],
  "integration-full": ["integration", "integration-full"],
  e2e: ["e2e", "outages"],
  "e2e-full": ["e2e", "e2e-full", "e2e-other", "outages", "outages-full"],
};
const onNode: Readonly<Record<string, string>> = {
  e2e: "e2e: every end-to-end test on real Flink",
  "e2e-full": "e2e-full: every end-to-end test on real Flink, with each of its versions",
  selftest: "the testbed's own test",
};
const sum: Sum = { passed: 0, failed: 0, skipped: [], failures: [] };
const strict = process.env["SLUICE_NOTHING_SKIPPED"] === "1";

/** Runs a program with its output shown. Answers whether it succeeded within `deadline` milliseconds. */
function show(
  command: string,
  args: readonly string[],
  deadline: number,
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: "inherit",
      timeout: deadline,
      killSignal: "SIGTERM",
      env: { ...process.env, ...env },
    });
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
}

async function section(title: string, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  console.log(`\n=== ${title}`);
  await work();
  console.log(`=== ${title}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

async function staticChecks(): Promise<void> {
  const steps = ["format", "lint", "types", "unused", "generated"];
  const good = await show(process.execPath, ["tools/check.ts", ...steps], hour / 6);
  if (!good) {
    sum.failed += 1;
    sum.failures.push("checks (they count as one)");
  }
}

async function selftest(): Promise<void> {
  const good = await show(process.execPath, ["testbed/selftest.ts"], hour);
  sum[good ? "passed" : "failed"] += 1;
  if (!good) sum.failures.push("the testbed's own test");
}

async function project(name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const file = join(folder, "report.json");
  // An end-to-end test takes minutes: each is shown as it ends.
  const shown = onNode[name] === undefined && name !== "local" ? "default" : "verbose";
  const reporters = [`--reporter=${shown}`, "--reporter=./tools/test-report.ts"];
  const projects = (PROJECTS[name] ?? [name]).flatMap((one) => ["--project", one]);
  const good = await show("vitest", ["run", ...projects, "--passWithNoTests", ...reporters], hour, {
    SLUICE_TEST_REPORT: file,
  });
  add(name, good, file);
  rmSync(folder, { recursive: true, force: true });
}

function add(name: string, good: boolean, file: string): void {
  let errors = 0;
  const failure = (title: string, messages: readonly string[]): void => {
    errors += 1;
    sum.failures.push(`${name}: ${title}\n${excerpt(messages.join("\n"))}`);
  };
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as TestReport;
    sum.passed += report.passed;
    for (const failed of [...report.failed, ...report.errors]) failure(failed.name, failed.messages);
    for (const skipped of report.skipped) sum.skipped.push(`${name}: ${skipped}`);
    if (report.passed === 0 && errors === 0) sum.skipped.push(`${name}: no tests`);
  } catch (error) {
    failure("no report, so its set-up failed", [String(error)]);
  }
  if (errors === 0 && !good) failure("vitest failed, and no test or file did", []);
  sum.failed += errors;
}

/** The beginning of an error message, indented: enough to know it again, a counterexample's seed included. */
function excerpt(message: string): string {
  const lines = message.split("\n").slice(0, 12);
  return lines.map((line) => `    ${line.slice(0, 400)}`).join("\n");
}

/** Why the tests of this name cannot run here. */
function obstacleTo(name: string): string | undefined {
  if (onNode[name] !== undefined) return nodeObstacle();
  const needsJava = name === "local" && spawnSync("java", ["-version"], { timeout: 60_000 }).status !== 0;
  return needsJava ? "they run Flink as processes of this machine, and there is no Java" : undefined;
}

const wanted = process.argv.slice(2);
const started = performance.now();
const runnable = wanted.filter((name) => obstacleTo(name) === undefined);
for (const name of wanted) {
  if (!runnable.includes(name)) sum.skipped.push(`${onNode[name] ?? name} (${obstacleTo(name)})`);
}

await section("preparing", async () => {
  await prepare({
    api: runnable.some((name) => name.startsWith("integration")),
    node: runnable.some((name) => name.startsWith("e2e")),
    full: runnable.includes("e2e-full"),
  });
}).catch((error: unknown) => {
  sum.failed += 1;
  sum.failures.push(`preparing: ${error instanceof Error ? error.message : String(error)}`);
});
await section("checks", staticChecks);
for (const name of runnable) {
  if (name === "selftest") await section("the testbed's own test", selftest);
  else await section(`${name} tests`, () => project(name));
}

for (const line of sum.failures) console.log(`failed: ${line}`);
for (const line of sum.skipped) console.log(`skipped: ${line}`);
if (strict && sum.skipped.length > 0) {
  sum.failed += sum.skipped.length;
  console.log("nothing may be skipped here (SLUICE_NOTHING_SKIPPED=1): each skip counts as a failure");
}
console.log(`total ${((performance.now() - started) / 60_000).toFixed(1)} min`);
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 ? 0 : 1;
