import { describe, expect, it } from "vitest";
import { jobManagerMemory, taskManagerMemory } from "./memory-model.ts";
import { formatBytes } from "./memory-reader.ts";

const MIB = 1024 ** 2;

describe("the memory model (the figures themselves are held against Flink in test/differential)", () => {
  it("divides a process", () => {
    expect(jobManagerMemory({ "jobmanager.memory.process.size": "1600m" }, "v2_3").memory).toEqual({
      heap: 1024 * MIB,
      offHeap: 128 * MIB,
      metaspace: 256 * MIB,
      overhead: 192 * MIB,
      totalFlink: 1152 * MIB,
      totalProcess: 1600 * MIB,
    });
  });

  it("caps the network memory before 1.17, and counts buffers before 2.0", () => {
    const large = { "taskmanager.memory.process.size": "64g" };
    expect(taskManagerMemory(large, "v1_16").memory?.network).toBe(1024 * MIB);
    expect(taskManagerMemory(large, "v1_17").memory?.network).toBeGreaterThan(6000 * MIB);
    const buffers = { ...large, "taskmanager.network.numberOfBuffers": "4096" };
    expect(taskManagerMemory(buffers, "v1_20").memory?.network).toBe(128 * MIB);
    expect(taskManagerMemory(buffers, "v2_0").memory?.network).toBeGreaterThan(6000 * MIB);
  });

  it("takes the oldest options for the container's size before 2.0, where nothing newer is given", () => {
    expect(jobManagerMemory({ "jobmanager.heap.size": "1g" }, "v1_20").memory?.totalProcess).toBe(1024 * MIB);
    expect(taskManagerMemory({ "taskmanager.heap.mb": "1728" }, "v1_20").memory?.totalProcess).toBe(
      1728 * MIB,
    );
    const both = { "jobmanager.heap.size": "1g", "jobmanager.memory.process.size": "2g" };
    expect(jobManagerMemory(both, "v1_20").memory?.totalProcess).toBe(2048 * MIB);
    expect(jobManagerMemory({ "jobmanager.heap.size": "1g" }, "v2_0").problem?.option).toBe(
      "jobmanager.memory.process.size",
    );
  });

  it.each([
    ["300m", "500m"],
    ["100m", "512m"],
    ["2g", "16m"],
  ])("names the least size that works: metaspace %s, overhead %s", (metaspace, overhead) => {
    const config = {
      "taskmanager.memory.process.size": "200m",
      "taskmanager.memory.jvm-metaspace.size": metaspace,
      "taskmanager.memory.jvm-overhead.min": overhead,
    };
    const { problem } = taskManagerMemory(config, "v2_3");
    const least = problem?.atLeast ?? 0;
    const at = (bytes: number): unknown =>
      taskManagerMemory({ ...config, "taskmanager.memory.process.size": `${bytes}` }, "v2_3").problem;
    expect(least % MIB).toBe(0);
    expect(at(least)).toBeUndefined();
    expect(at(least - MIB)).toBeDefined();
    expect(problem?.next).toBe(`set taskmanager.memory.process.size to at least ${least / MIB}m`);
  });

  it("names no size where none would do", () => {
    const config = { "taskmanager.memory.process.size": "1g", "taskmanager.memory.managed.fraction": "0.95" };
    expect(taskManagerMemory(config, "v2_3").problem).toMatchObject({
      option: "taskmanager.memory.process.size",
      next: "lower the parts, or raise taskmanager.memory.process.size",
    });
  });
});

it.each([
  [0, "0 MiB"],
  [512, "512 bytes"],
  [64 * MIB, "64 MiB"],
  [21810381, "20.8 MiB"],
  [Infinity, "no limit"],
])("%d bytes read as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
