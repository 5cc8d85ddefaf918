/**
 * The memory model against the class that Flink's own start scripts ask (`bin/config.sh` runs it for every JobManager
 * and TaskManager): same sizes to the byte, and the same set-ups refused.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FlinkVersion } from "../../src/api/flink-deployment.ts";
import { jobManagerMemory, taskManagerMemory } from "../../src/flink/memory-model.ts";

type Side = "jobmanager" | "taskmanager";
type Options = Record<string, string>;
interface Row {
  readonly side: Side;
  readonly options: Options;
}

/** Set-ups by name; keys are without `<side>.memory.`, except those with a leading "/", which are whole. */
const setUps: [name: string, side: Side, options: Options, valid?: false][] = [
  ["the default size", "jobmanager", { "process.size": "1600m" }],
  ["a large process, whose overhead is capped", "jobmanager", { "process.size": "20g" }],
  ["an odd number of bytes", "jobmanager", { "process.size": "1777777777" }],
  ["Flink's total", "jobmanager", { "flink.size": "1200m" }],
  ["a heap", "jobmanager", { "heap.size": "1g" }],
  ["heap and total that agree", "jobmanager", { "heap.size": "1g", "flink.size": "1152m" }],
  ["heap and process", "jobmanager", { "heap.size": "1g", "process.size": "1600m" }],
  ["total and process", "jobmanager", { "flink.size": "1g", "process.size": "1500m" }],
  ["no overhead", "jobmanager", { "process.size": "1g", "jvm-overhead.min": "0", "jvm-overhead.max": "0" }],
  [
    "other off-heap and metaspace",
    "jobmanager",
    { "process.size": "2g", "off-heap.size": "300m", "jvm-metaspace.size": "512mb" },
  ],
  [
    "a fraction of the overhead",
    "jobmanager",
    { "process.size": "4g", "jvm-overhead.fraction": "0.2", "jvm-overhead.max": "8g" },
  ],
  ["a heap that is the whole total", "jobmanager", { "heap.size": "1g", "flink.size": "1g" }],
  ["a heap above the total", "jobmanager", { "heap.size": "1g", "flink.size": "1000m" }, false],
  [
    "heap, off-heap and total that disagree",
    "jobmanager",
    { "heap.size": "1g", "flink.size": "2g", "off-heap.size": "128m" },
    false,
  ],
  ["nothing", "jobmanager", {}, false],
  ["less than the JVM takes", "jobmanager", { "process.size": "400m" }, false],
  ["nothing left for the heap", "jobmanager", { "process.size": "576m" }, false],
  ["one MiB left for the heap", "jobmanager", { "process.size": "577m" }],
  ["a total below the off-heap size", "jobmanager", { "flink.size": "128m" }, false],
  ["an overhead out of range", "jobmanager", { "flink.size": "1g", "process.size": "4g" }, false],
  ["an overhead below zero", "jobmanager", { "flink.size": "2g", "process.size": "1g" }, false],
  ["text for a size", "jobmanager", { "process.size": "lots" }, false],
  ["a Kubernetes quantity, which Flink does not know", "jobmanager", { "process.size": "2Gi" }, false],
  ["a fraction of one", "jobmanager", { "process.size": "2g", "jvm-overhead.fraction": "1" }, false],
  ["a minimum above the maximum", "jobmanager", { "process.size": "2g", "jvm-overhead.min": "2g" }, false],
  ["the default size", "taskmanager", { "process.size": "1728m" }],
  ["a large process", "taskmanager", { "process.size": "24g" }],
  ["Flink's total", "taskmanager", { "flink.size": "1280m" }],
  ["task heap and managed memory", "taskmanager", { "task.heap.size": "512m", "managed.size": "256m" }],
  [
    "task heap, managed and total",
    "taskmanager",
    { "task.heap.size": "512m", "managed.size": "256m", "flink.size": "1152m" },
  ],
  [
    "task heap and total",
    "taskmanager",
    { "task.heap.size": "300m", "flink.size": "1g", "managed.fraction": "0.3" },
  ],
  ["task heap and process", "taskmanager", { "task.heap.size": "400m", "process.size": "1728m" }],
  ["no managed memory", "taskmanager", { "process.size": "1g", "managed.size": "0" }],
  [
    "managed memory by its old name",
    "taskmanager",
    { "process.size": "2g", "/taskmanager.memory.size": "100m" },
  ],
  [
    "fractions",
    "taskmanager",
    { "process.size": "3g", "managed.fraction": "0.13", "network.fraction": "0.07" },
  ],
  [
    "network by its old names",
    "taskmanager",
    {
      "process.size": "3g",
      "/taskmanager.network.memory.fraction": "0.3",
      "/taskmanager.network.memory.max": "256m",
    },
  ],
  ["network without a limit", "taskmanager", { "process.size": "64g" }],
  [
    "fixed network, off-heap and framework sizes",
    "taskmanager",
    {
      "process.size": "2g",
      "network.min": "100m",
      "network.max": "100m",
      "task.off-heap.size": "50m",
      "framework.heap.size": "200m",
      "framework.off-heap.size": "64m",
    },
  ],
  [
    "a number of buffers, which counts before 2.0",
    "taskmanager",
    { "process.size": "2g", "/taskmanager.network.numberOfBuffers": "4096" },
  ],
  ["nothing", "taskmanager", {}, false],
  ["less than the JVM takes", "taskmanager", { "process.size": "300m" }, false],
  ["less than Flink's parts", "taskmanager", { "process.size": "500m" }, false],
  ["managed memory above the total", "taskmanager", { "flink.size": "1g", "managed.size": "2g" }, false],
  ["a heap that leaves no network", "taskmanager", { "flink.size": "1g", "task.heap.size": "1g" }, false],
  [
    "a heap that leaves too much network",
    "taskmanager",
    { "flink.size": "4g", "task.heap.size": "100m", "managed.size": "0", "network.max": "1g" },
    false,
  ],
  ["a negative fraction", "taskmanager", { "process.size": "2g", "managed.fraction": "-0.1" }, false],
  ["text for a fraction", "taskmanager", { "process.size": "2g", "network.fraction": "a third" }, false],
];

const full = (side: Side, options: Options): Options =>
  Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.startsWith("/") ? key.slice(1) : `${side}.memory.${key}`,
      value,
    ]),
  );

/** Random set-ups around the edges between valid and not. */
function randomRows(side: Side, count: number): Row[] {
  const size = fc.integer({ min: 0, max: 4096 }).map((mebibytes) => `${mebibytes}m`);
  const bytes = fc.integer({ min: 0, max: 6 * 1024 ** 3 }).map(String);
  const fraction = fc.integer({ min: 0, max: 100 }).map((hundredths) => String(hundredths / 100));
  const small = fc.integer({ min: 0, max: 400 }).map((mebibytes) => `${mebibytes}m`);
  const common = {
    "process.size": fc.oneof(size, bytes),
    "flink.size": size,
    "jvm-metaspace.size": small,
    "jvm-overhead.min": small,
    "jvm-overhead.max": size,
    "jvm-overhead.fraction": fraction,
  };
  const own =
    side === "jobmanager"
      ? { "heap.size": size, "off-heap.size": small }
      : {
          "task.heap.size": size,
          "task.off-heap.size": small,
          "framework.heap.size": small,
          "framework.off-heap.size": small,
          "managed.size": size,
          "managed.fraction": fraction,
          "network.min": small,
          "network.max": size,
          "network.fraction": fraction,
        };
  const values: Record<string, fc.Arbitrary<string>> = { ...common, ...own };
  const options = fc
    .tuple(
      fc.constantFrom("process.size", "process.size", "flink.size", "jvm-overhead.fraction"),
      fc.shuffledSubarray(Object.keys(values), { maxLength: 4 }),
    )
    .chain(([base, others]) =>
      fc.record<Record<string, string>>(
        Object.fromEntries([base, ...others].map((key) => [key, values[key] ?? size])),
      ),
    );
  return fc
    .sample(options, { numRuns: count, seed: 3 })
    .map((given) => ({ side, options: full(side, given) }));
}

/** The sizes under the names of Flink's options, as the start scripts pass them on; undefined for an invalid set-up. */
type Sizes = Record<string, number> | undefined;

function ours({ side, options }: Row, version: FlinkVersion): Sizes {
  if (side === "jobmanager") {
    const { memory } = jobManagerMemory(options, version);
    return (
      memory && {
        "heap.size": memory.heap,
        "off-heap.size": memory.offHeap,
        "jvm-metaspace.size": memory.metaspace,
        "jvm-overhead.min": memory.overhead,
      }
    );
  }
  const { memory } = taskManagerMemory(options, version);
  return (
    memory && {
      "framework.heap.size": memory.frameworkHeap,
      "framework.off-heap.size": memory.frameworkOffHeap,
      "task.heap.size": memory.taskHeap,
      "task.off-heap.size": memory.taskOffHeap,
      "network.min": memory.network,
      "managed.size": memory.managed,
      "jvm-metaspace.size": memory.metaspace,
      "jvm-overhead.min": memory.overhead,
    }
  );
}

async function askFlink(home: string, rows: readonly Row[]): Promise<Sizes[]> {
  const conf = await mkdtemp(join(tmpdir(), "sluice-conf-"));
  try {
    await writeFile(join(conf, "config.yaml"), "");
    await writeFile(join(conf, "flink-conf.yaml"), "");
    const dist = (await readdir(join(home, "lib"))).find((name) => name.startsWith("flink-dist")) ?? "";
    const classPath = [join(home, "lib", dist), join(home, "bin", "bash-java-utils.jar")].join(":");
    const driver = join(import.meta.dirname, "MemoryModelDriver.java");
    const java = spawn("java", ["-cp", classPath, driver], { timeout: 120_000 });
    const errors = text(java.stderr);
    for (const { side, options } of rows) {
      const command = side === "jobmanager" ? "GET_JM_RESOURCE_PARAMS" : "GET_TM_RESOURCE_PARAMS";
      const dynamic = Object.entries(options).flatMap(([key, value]) => ["-D", `${key}=${value}`]);
      java.stdin.write(`${[command, "--configDir", conf, ...dynamic].join("\t")}\n`);
    }
    java.stdin.end();
    const answers = (await text(java.stdout)).split(/^SLUICE_END:/m);
    if (answers.length !== rows.length + 1) throw new Error(await errors);
    return rows.map(({ side }, index) => {
      if (!answers[index + 1]?.startsWith("ok")) return undefined;
      return sizesIn(answers[index] ?? "", side);
    });
  } finally {
    await rm(conf, { recursive: true });
  }
}

/** `-D jobmanager.memory.heap.size=1073741824b` and so on; a minimum stands for its equal maximum. */
function sizesIn(output: string, side: Side): Sizes {
  const pattern = new RegExp(`-D ${side}\\.memory\\.([a-z.-]+)=(\\d+)b`, "g");
  const found = [...output.matchAll(pattern)].filter(([, key]) => !key?.endsWith(".max"));
  return Object.fromEntries(found.map(([, key, bytes]) => [key, Number(bytes)]));
}

async function distribution(version: string): Promise<string> {
  const script = join(import.meta.dirname, "../../testbed/images/distribution.sh");
  const { stdout } = await promisify(execFile)(script, [version], { timeout: 1_200_000 });
  return stdout.trim();
}

describe.each<[string, FlinkVersion]>([
  ["1.20", "v1_20"],
  ["2.3", "v2_3"],
])("the memory of Flink %s", (name, version) => {
  it("is divided as by Flink's own start scripts", { timeout: 1_500_000 }, async () => {
    const named = setUps.map(([label, side, options, valid = true]) => ({
      label: `${side}: ${label}`,
      side,
      options: full(side, options),
      valid,
    }));
    const random = [...randomRows("jobmanager", 100), ...randomRows("taskmanager", 200)];
    const flink = await askFlink(await distribution(name), [...named, ...random]);

    const described = named.map(({ label, valid }) => [label, valid]);
    expect(named.map(({ label }, index) => [label, flink[index] !== undefined])).toEqual(described);
    expect(named.map((row) => [row.label, ours(row, version)])).toEqual(
      named.map(({ label }, index) => [label, flink[index]]),
    );
    const answers = flink.slice(named.length);
    expect(answers.filter((sizes) => sizes !== undefined).length).toBeGreaterThan(40);
    expect(random.map((row) => [row.options, ours(row, version)])).toEqual(
      random.map(({ options }, index) => [options, answers[index]]),
    );
  });
});
