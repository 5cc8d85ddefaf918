import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const common = { environment: "node" as const };

/** A Flink of the tests lives for minutes: what a JVM spends on becoming fast is wasted (a third of its processor time). */
const shortLivedJava = { JAVA_TOOL_OPTIONS: "-XX:TieredStopAtLevel=1" };

const onNode = {
  globalSetup: ["test/support/node-testbed.ts"],
  testTimeout: 600_000,
  hookTimeout: 900_000,
};

/** Decisions cut anywhere, against a model of Kubernetes and Flink: the larger half of the time of all tests without I/O. */
const onModel = ["src/**/*crash.test.ts", "src/**/crash-points.test.ts", "src/**/any-situation.test.ts"];

/**
 * Files that are named for a version of Flink are small and tell the longest stories: by size, as vitest sorts, they come
 * last, when there is nothing left to do beside them.
 */
class StoriesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isStory = ({ moduleId }: TestSpecification): boolean =>
      /-\d\.\d+\.(full\.)?test\.ts$/.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isStory), ...sorted.filter((file) => !isStory(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: StoriesFirst },
    projects: [
      {
        test: {
          ...common,
          name: "unit",
          include: ["src/**/*.test.ts", "testbed/**/*.test.ts", "tools/**/*.test.ts"],
          exclude: onModel,
          // Nothing here changes what others see: one loading of the sources serves them all, at half the processor time.
          isolate: false,
          maxWorkers: 2,
          // For a property of many runs on a busy machine; how long a test takes is not what it tests.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...common,
          name: "model",
          include: onModel,
          maxWorkers: 2,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...common,
          name: "integration",
          include: ["test/{integration,compat,differential}/**/*.test.ts"],
          globalSetup: ["test/support/api-testbed.ts"],
          env: shortLivedJava,
          // A real Flink starts in some of them, which takes a busy machine a minute.
          testTimeout: 180_000,
          hookTimeout: 300_000,
          // They share one API server, each file in namespaces of its own; much of it is waiting.
          maxWorkers: 3,
        },
      },
      {
        test: {
          ...common,
          name: "integration-full",
          include: ["test/integration/operator/{any-resource,fail-over}.test.ts"],
          globalSetup: ["test/support/api-testbed.ts"],
          env: { SLUICE_TEST_OFTEN: "1" },
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          ...common,
          name: "local",
          // Real Flink as processes of this machine: no root, no testbed.
          include: ["test/local/*.test.ts"],
          env: shortLivedJava,
          testTimeout: 600_000,
          hookTimeout: 900_000,
          // Most of it is waiting for processes to start; two files at a time keep two cores busy.
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...common,
          name: "e2e",
          ...onNode,
          include: ["test/e2e/*.test.ts"],
          exclude: ["test/e2e/*.full.test.ts"],
          // Most of an end-to-end test is waiting; three files at a time keep two cores busy.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: "e2e-full",
          ...onNode,
          // More modes and versions than make test has the time for.
          include: ["test/e2e/*.full.test.ts"],
          maxWorkers: 3,
          // What doctor names are jobs that crash again and again, beside two other files.
          maxConcurrency: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: "e2e-other",
          ...onNode,
          // Of e2e, the tests that name neither version nor mode, with the other ones.
          include: [
            "test/e2e/{bad-input,batch.full,delete-namespace,in-place.full,retained,snapshots}.test.ts",
          ],
          env: { SLUICE_TEST_FLINK: "1.20", SLUICE_TEST_MODE: "standalone" },
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: "outages",
          ...onNode,
          // They take the API server away from everybody, so they run alone.
          include: ["test/e2e/outages/*.test.ts"],
          exclude: ["test/e2e/outages/*.full.test.ts"],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...common,
          name: "outages-full",
          ...onNode,
          // The operator is theirs alone.
          include: ["test/e2e/outages/*.full.test.ts"],
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
