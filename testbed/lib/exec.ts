/** One program run to its end. */
import { spawn } from "node:child_process";

export interface RunOptions {
  readonly stdin?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds until the program is killed. Default: one minute. */
  readonly deadline?: number;
  /** Also show what the program writes to stderr while it runs. */
  readonly showErrors?: boolean;
}

export interface RunResult {
  /** null: killed by a signal, mostly for its deadline. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program and answers whatever its exit code. Throws only when it cannot be started. */
export function tryRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.deadline ?? 60_000,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
      if (options.showErrors === true) process.stderr.write(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    // A program that does not read its input closes the pipe early; its exit code tells the story.
    child.stdin.on("error", () => {});
    child.stdin.end(options.stdin ?? "");
  });
}

/** Runs a program and answers its stdout. Throws with its stderr when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryRun(command, args, options);
  if (code === 0) return stdout;
  const how = code === null ? "was killed (deadline?)" : `exited with ${code}`;
  throw new Error(
    `${command} ${args.join(" ")} ${how}\n${stderr.trim().slice(-2000) || stdout.trim().slice(-2000)}`,
  );
}
