import { defineConfig } from "vitest/config";

const common = { environment: "node" as const };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "unit",
          include: ["src/**/*.test.ts", "testbed/**/*.test.ts", "tools/**/*.test.ts"],
        },
      },
      {
        test: {
          ...common,
          name: "integration",
          include: ["test/{integration,compat,differential}/**/*.test.ts"],
          globalSetup: ["test/support/api-testbed.ts"],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...common,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/support/node-testbed.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
