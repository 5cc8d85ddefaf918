import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../../testbed/lib/paths.ts";
import { commands } from "./commands.ts";
import { candidates, SCRIPTS } from "./completion.ts";

const words = (...line: string[]) => candidates(commands, line);

describe("what may come next", () => {
  it.each<[string, string[], object]>([
    ["commands", ["su"], { words: ["suspend"], names: false }],
    ["names of jobs", ["describe", ""], { words: [], names: true }],
    ["options", ["scale", "job", "--pa"], { words: ["--parallelism"], names: false }],
    ["values of an option", ["get", "-o", "j"], { words: ["json"], names: false }],
    ["any value of one that has no list", ["get", "-l", ""], { words: [], names: false, files: false }],
    ["files", ["apply", "-f", ""], { words: [], files: true }],
    ["nothing after what is unknown", ["nonsense", ""], { words: [], names: false }],
    ["names after a flag without a value", ["logs", "-f", ""], { names: true }],
  ])("%s", (_what, line, expected) => {
    expect(words(...line)).toMatchObject(expected);
  });

  it("every option of every command can be completed", () => {
    for (const command of commands)
      for (const { flags } of command.options)
        expect(words(command.name, "-").words, flags).toContain(
          /--[\w-]+/.exec(flags)?.[0] ?? flags.split(" ")[0],
        );
  });
});

describe("the script for bash", () => {
  const ask = (...line: string[]): string[] => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-completion-"));
    try {
      const script = join(folder, "completion.bash");
      writeFileSync(script, SCRIPTS["bash"] ?? "");
      const array = line.map((word) => `'${word}'`).join(" ");
      const program = `source ${script}; COMP_WORDS=(${array}); COMP_CWORD=${line.length - 1}; _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const PATH = `${join(repository, "bin")}:${process.env["PATH"]}`;
      const text = execFileSync("bash", ["-c", program], {
        env: { ...process.env, PATH },
        cwd: folder,
        encoding: "utf8",
      });
      return text
        .split("\n")
        .filter((word) => word !== "")
        .map((word) => word.trim());
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it("completes commands, options, values and files", () => {
    expect(ask("sluice", "res")).toEqual(["resume", "restart"]);
    expect(ask("sluice", "scale", "job", "--task")).toEqual(["--task-managers"]);
    expect(ask("sluice", "get", "-o", "y")).toEqual(["yaml"]);
    expect(ask("sluice", "apply", "-f", "compl")).toEqual(["completion.bash"]);
  });
});

/** What a shell prints for a program, with `bin/sluice` on its PATH; in a folder with the script, `sluice.sh`. */
function inShell(shell: "zsh" | "fish", flags: readonly string[], program: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "sluice-completion-"));
  try {
    writeFileSync(join(folder, "sluice.sh"), SCRIPTS[shell] ?? "");
    const PATH = `${join(repository, "bin")}:${process.env["PATH"]}`;
    const env = { ...process.env, PATH, HOME: folder, XDG_CONFIG_HOME: folder };
    const text = execFileSync(shell, [...flags, "-c", program], { env, cwd: folder, encoding: "utf8" });
    return text.split("\n").filter((line) => line !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function isMissing(shell: string): boolean {
  try {
    execFileSync(shell, ["--version"]);
    return false;
  } catch {
    return true;
  }
}

const CASES: readonly [string[], string[]][] = [
  [["res"], ["restart", "resume"]],
  [["scale", "job", "--task"], ["--task-managers"]],
  [["get", "-o", "y"], ["yaml"]],
  [["apply", "-f", "slui"], ["sluice.sh"]],
];

describe.skipIf(isMissing("fish"))("the script for fish", () => {
  it("completes commands, options, values and files", () => {
    for (const [line, expected] of CASES) {
      const found = inShell(
        "fish",
        ["--no-config"],
        `source sluice.sh; complete -C 'sluice ${line.join(" ")}'`,
      );
      expect(
        found.map((one) => one.split("\t")[0] ?? "").toSorted((a, b) => a.localeCompare(b)),
        line.join(" "),
      ).toEqual(expected);
    }
  });
});

describe.skipIf(isMissing("zsh"))("the script for zsh", () => {
  // Completion's own functions need a terminal: they are stood in for by what they are told.
  const STAND_INS =
    'compdef() { :; }; compadd() { shift; print -l -- "$@"; }; _files() { print -l -- ${words[CURRENT]}*(N); }';

  it("completes commands, options, values and files", () => {
    for (const [line, expected] of CASES) {
      const words = ["sluice", ...line].map((word) => `'${word}'`).join(" ");
      const program = `${STAND_INS}; source ./sluice.sh; words=(${words}); CURRENT=${line.length + 1}; _sluice`;
      expect(
        inShell("zsh", ["-f"], program).toSorted((a, b) => a.localeCompare(b)),
        line.join(" "),
      ).toEqual(expected);
    }
  });
});
