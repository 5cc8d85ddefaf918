/** The Java that Flink is started with: `JAVA_HOME`, or `java` of the PATH, as Flink's own scripts choose it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FlinkVersion } from "../../api/flink-deployment.ts";
import { isAtLeast } from "../../flink/flink-version.ts";
import { Refusal } from "../target.ts";

const run = promisify(execFile);
const DEADLINE_MS = 20_000;

/** `openjdk version "17.0.15"`, `java version "1.8.0_392"`. */
export function majorVersion(text: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  if (first === undefined) return undefined;
  return Number(first === "1" ? second : first);
}

/** What Flink's versions run on; the flags of its configuration need 11 at least. */
export function javaRange(version: FlinkVersion): { readonly min: number; readonly max: number } {
  return { min: 11, max: isAtLeast(version, 1, 19) ? 21 : 17 };
}

/** @throws Refusal when there is none, or one that Flink does not run on */
export async function requireJava(
  version: FlinkVersion,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { min, max } = javaRange(version);
  const home = env["JAVA_HOME"];
  const program = home === undefined || home === "" ? "java" : join(home, "bin", "java");
  const where = program === "java" ? "java of the PATH" : `JAVA_HOME (${program})`;
  const remedy = `Install a JRE of version ${min} to ${max} (17 is a good choice), or set JAVA_HOME to one.`;
  let text: string;
  try {
    const { stderr, stdout } = await run(program, ["-version"], { timeout: DEADLINE_MS, env });
    text = stderr + stdout;
  } catch {
    throw new Refusal("act", `Flink needs Java, and ${where} cannot be started`, remedy);
  }
  const major = majorVersion(text);
  if (major === undefined || (major >= min && major <= max)) return;
  const flink = version.slice(1).replace("_", ".");
  throw new Refusal(
    "act",
    `Flink ${flink} runs on Java ${min} to ${max}, and ${where} is version ${major}`,
    remedy,
  );
}
