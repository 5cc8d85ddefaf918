// `npm run check`: everything that needs no cluster, in parallel, with one line a step. Exit 1 if any step fails.
import { spawn } from "node:child_process";

const steps: Record<string, string[]> = {
  format: ["oxfmt", "--check", "."],
  lint: ["oxlint", "--type-aware", "--deny-warnings"],
  types: ["tsc", "--noEmit"],
  unused: ["knip", "--no-progress"],
  generated: ["node", "tools/generate.ts", "--check"],
  unit: ["vitest", "run", "--project", "unit", "--reporter=default", "--silent"],
};

interface Outcome {
  readonly name: string;
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

function run(name: string, [command = "", ...args]: string[]): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...process.env, FORCE_COLOR: "0" } });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error) => (output += error.message));
    child.on("close", (code) =>
      resolve({ name, code: code ?? 1, output, seconds: (performance.now() - started) / 1000 }),
    );
  });
}

const wanted = process.argv.slice(2);
const chosen = Object.entries(steps).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const outcomes = await Promise.all(
  chosen.map(async ([name, command]) => {
    const outcome = await run(name, command);
    console.log(`${outcome.code === 0 ? "ok  " : "FAIL"} ${name} (${outcome.seconds.toFixed(1)} s)`);
    return outcome;
  }),
);
for (const { name, output } of outcomes.filter((outcome) => outcome.code !== 0)) {
  console.log(`\n--- ${name} ---\n${output.trimEnd()}`);
}
process.exitCode = outcomes.some((outcome) => outcome.code !== 0) ? 1 : 0;
