/**
 * What a run of vitest came to, as tools/test.ts sums it up: written to the file that SLUICE_TEST_REPORT names. vitest's own
 * JSON leaves out the errors that belong to no test, for which a run fails all the same.
 */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface Failure {
  /** The test's full name, or the file, or what kind of error it is where none of them is to blame. */
  readonly name: string;
  readonly messages: readonly string[];
}

export interface TestReport {
  readonly passed: number;
  readonly failed: readonly Failure[];
  readonly skipped: readonly string[];
  /** Files that could not be loaded, set-ups that failed, promises that nobody waited for. */
  readonly errors: readonly Failure[];
}

interface Said {
  readonly message: string;
  readonly stack?: string | undefined;
}

function text({ message, stack = "" }: Said): string {
  return stack.includes(message) ? stack : `${message}\n${stack}`;
}

function reportOf(modules: readonly TestModule[], unhandled: readonly Said[]): TestReport {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  const broken = suites.filter((suite) => suite.errors().length > 0);
  return {
    passed: inState("passed").length,
    failed: inState("failed").map((test) => ({
      name: test.fullName,
      messages: (test.result().errors ?? []).map(text),
    })),
    skipped: [...inState("skipped"), ...inState("pending")].map((test) => test.fullName),
    errors: [
      ...broken.map((suite) => ({
        name: suite.type === "module" ? suite.moduleId : suite.fullName,
        messages: suite.errors().map(text),
      })),
      ...unhandled.map((error) => ({ name: "an error that belongs to no test", messages: [text(error)] })),
    ],
  };
}

export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly Said[]): void {
    const file = process.env["SLUICE_TEST_REPORT"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(reportOf(modules, unhandled)));
  }
}
