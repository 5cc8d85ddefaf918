import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseJobFile, readJobFiles } from "./job-file.ts";

const position = (text: string, path: string, what?: "key" | "value"): string => {
  const at = parseJobFile("f", text).documents[0]?.locate(path, what);
  return `${at?.line}:${at?.column}`;
};

describe("the place of a path", () => {
  const text = [
    "kind: X",
    "spec:",
    "  job:",
    "    parallelism: 0",
    "    args: [--port, 9000]",
    "  flinkConfiguration:",
    "    state.checkpoints.dir: s3://a",
    "    state:",
    "      savepoints:",
    "        dir: s3://b",
    "  image:",
  ].join("\n");

  it.each<[string, ("key" | "value") | undefined, string]>([
    ["kind", undefined, "1:7"],
    ["kind", "key", "1:1"],
    ["spec", undefined, "2:1"],
    ["spec.job.parallelism", undefined, "4:18"],
    ["spec.job.parallelism", "key", "4:5"],
    ["spec.job.args[1]", undefined, "5:20"],
    ["spec.job.args[7]", undefined, "5:5"],
    ["spec.job.upgradeMode", undefined, "3:3"],
    ["spec.nothing.at.all", undefined, "2:1"],
    ['spec.flinkConfiguration["state.checkpoints.dir"]', undefined, "7:28"],
    ['spec.flinkConfiguration["state.savepoints.dir"]', undefined, "10:14"],
    ['spec.flinkConfiguration["kubernetes.cluster-id"]', undefined, "6:3"],
    ["spec.image", undefined, "11:3"],
    ["", undefined, "1:1"],
  ])("%s (%s) is %s", (path, what, expected) => {
    expect(position(text, path, what)).toBe(expected);
  });

  it("is found through aliases, in JSON and in later documents", () => {
    expect(position("a: &x\n  b: 1\nc: *x\n", "c.b")).toBe("2:6");
    expect(position('{\n  "a": {"b": 1}\n}', "a.b")).toBe("2:14");
    const [, second] = parseJobFile("f", "a: 1\n---\n# c\nb: 2\n").documents;
    expect(second?.locate("b")).toEqual({ line: 4, column: 4 });
  });

  it("is found in the items of a list", () => {
    const list = "kind: List\nitems:\n- kind: A\n  spec: {x: 1}\n- kind: B\n  spec: {x: 2}\n";
    const { documents } = parseJobFile("f", list);
    expect(documents.map(({ value }) => (value as { kind: string }).kind)).toEqual(["A", "B"]);
    expect(documents.map(({ locate }) => locate("spec.x").line)).toEqual([4, 6]);
  });
});

describe("values are read as kubectl reads them", () => {
  it.each<[string, unknown]>([
    ["yes", true],
    ["Off", false],
    ["y", "y"],
    ["0644", 420],
    ["0o644", 420],
    ["12:30:00", "12:30:00"],
    ["2026-01-02", "2026-01-02"],
    ["1e3", 1000],
    ['"yes"', "yes"],
    ["~", null],
  ])("%s", (text, expected) => {
    expect(parseJobFile("f", `a: ${text}`).documents[0]?.value).toEqual({ a: expected });
  });

  it("with merge keys", () => {
    const { documents, problems } = parseJobFile("f", "a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n");
    expect(documents[0]?.value).toEqual({ a: { x: 1 }, b: { x: 1, y: 2 } });
    expect(problems).toEqual([]);
  });
});

it("goes on after a document that does not parse", () => {
  const { documents, problems } = parseJobFile("f", "a: [\n---\nb: 1\n---\n---\nc: 1\nc: 2\n");
  expect(documents.map(({ value }) => value)).toEqual([{ b: 1 }, { c: 2 }]);
  expect(problems.map(({ line }) => line)).toEqual([2, 7]);
});

describe("files", () => {
  it("are read from folders, sorted, with and without those below", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-files-"));
    try {
      await mkdir(join(folder, "below"));
      await Promise.all(
        ["b.yaml", "a.yml", "c.json", "read.me", "below/d.yaml"].map((name) =>
          writeFile(join(folder, name), "a: 1"),
        ),
      );
      const stdin: AsyncIterable<string> = { async *[Symbol.asyncIterator]() {} };
      const names = async (recursive: boolean): Promise<string[]> =>
        (await readJobFiles([folder], recursive, stdin)).map(({ file }) => file.slice(folder.length + 1));
      expect(await names(false)).toEqual(["a.yml", "b.yaml", "c.json"]);
      expect(await names(true)).toEqual(["a.yml", "b.yaml", "below/d.yaml", "c.json"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("come from standard input in pieces that cut characters", async () => {
    const bytes = new TextEncoder().encode("a: é");
    async function* stdin(): AsyncGenerator<Uint8Array> {
      for (const byte of bytes) yield Uint8Array.of(byte);
    }
    const [file] = await readJobFiles(["-"], false, stdin());
    expect(file?.documents[0]?.value).toEqual({ a: "é" });
    expect(file?.file).toBe("stdin");
  });

  it("that do not exist are named", async () => {
    const read = readJobFiles(["/no/such/file"], false, new ReadableStream());
    await expect(read).rejects.toThrow("cannot read /no/such/file: no such file or folder");
  });
});
