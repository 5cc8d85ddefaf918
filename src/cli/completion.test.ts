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
