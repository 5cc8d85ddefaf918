#!/usr/bin/env node
/** The command line. What it ends with: exit-codes.ts. */
import { setFlagsFromString } from "node:v8";
import { Command as Program, CommanderError, InvalidArgumentError, Option } from "commander";
import { type Command, type Streams, UserError } from "./command.ts";
import { commands } from "./commands.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { VERSION } from "../version.ts";

/**
 * The HTTP client's parser is WebAssembly. Compiled once, quickly, it is fast enough; V8's second, optimised copy of it costs a
 * short command a fifth of its memory. To be said before the client is loaded.
 */
const SMALLER = ["--liftoff-only", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...text.split("\n").filter((line) => line.trim() !== "")];
}

function among(choices: readonly string[], prefixes: readonly string[]): (text: string) => string {
  const isFit = (text: string): boolean =>
    choices.includes(text) || prefixes.some((prefix) => text.startsWith(prefix) && text !== prefix);
  return (text) => {
    if (isFit(text)) return text;
    throw new InvalidArgumentError(`Allowed choices are ${[...choices, ...prefixes].join(", ")}.`);
  };
}

function register(program: Program, command: Command, streams: Streams, done: (code: number) => void): void {
  const sub = program.command(command.name, { hidden: command.hidden === true }).description(command.summary);
  for (const { name, description } of command.args ?? []) sub.argument(name, description);
  for (const one of command.options) {
    const { flags, description, default: fallback, env, choices, prefixes, repeat, preset } = one;
    const option = new Option(flags, description);
    if (repeat !== undefined) option.argParser(collect);
    if (fallback !== undefined) option.default(fallback);
    // Empty is as good as unset: a manifest lists variables that only some jobs fill in.
    if (env !== undefined && (streams.env[env] ?? "") !== "") option.env(env);
    if (choices !== undefined) option.choices(choices);
    if (prefixes !== undefined) option.argParser(among(choices ?? [], prefixes));
    if (preset !== undefined) option.preset(preset);
    sub.addOption(option);
  }
  sub.usage("[options]" + (command.args ?? []).map(({ name }) => ` ${name}`).join(""));
  sub.addHelpText("before", `Examples:\n${command.examples.map((line) => `  ${line}`).join("\n")}\n`);
  sub.action(async (...received: unknown[]) => {
    const count = command.args?.length ?? 0;
    const args = received
      .slice(0, count)
      .flat()
      .filter((value): value is string => typeof value === "string");
    done(await command.run(args, received[count] as Record<string, unknown>, streams));
  });
}

/** Runs one command line; never throws, never exits the process. */
export async function main(argv: readonly string[], streams: Streams): Promise<number> {
  if (argv[0] === "__complete") {
    const { complete } = await import("./complete.ts");
    return complete(commands, argv.slice(1), streams);
  }
  let code: number = EXIT_CODES.done;
  const program = new Program("sluice")
    .description("Apache Flink on Kubernetes: one job file from localhost to a fleet.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
    });
  for (const command of commands) register(program, command, streams, (result) => (code = result));
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    if (error instanceof UserError) {
      streams.stderr.write(
        `error: ${error.message}\n${error.next === undefined ? "" : `next: ${error.next}\n`}`,
      );
      const command = commands.find(({ name }) => name === argv[0]);
      return error.code ?? command?.failureCode ?? EXIT_CODES.act;
    }
    streams.stderr.write(
      `defect in sluice, please report it:\n${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return EXIT_CODES.defect;
  }
}

if (import.meta.main) {
  for (const flag of SMALLER) setFlagsFromString(flag);
  process.exitCode = await main(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
  });
}
