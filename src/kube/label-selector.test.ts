import { expect, test } from "vitest";
import { matchesLabels, selectorFor } from "./label-selector.ts";

const labels = { app: "basic", type: "flink-native-kubernetes", empty: "" };

test.each([
  ["", true],
  ["app=basic", true],
  ["app==basic", true],
  ["app = basic", true],
  ["app=other", false],
  ["app!=other", true],
  ["app!=basic", false],
  ["missing!=x", true],
  ["app", true],
  ["empty", true],
  ["empty=", true],
  ["missing", false],
  ["!missing", true],
  ["!app", false],
  ["app in (basic, other)", true],
  ["app in (other)", false],
  ["missing in (x)", false],
  ["app notin (other)", true],
  ["app notin (basic,other)", false],
  ["missing notin (x)", true],
  ["app=basic,type=flink-native-kubernetes", true],
  ["app in (a,basic),type=x", false],
])("%j matches: %s", (selector, expected) => expect(matchesLabels(selector, labels)).toBe(expected));

test.each([
  [{ app: "basic", component: "jobmanager" }, "app=basic,component=jobmanager"],
  [{ app: "a.b_C-9" }, "app=a.b_C-9"],
  [{ app: "x".repeat(63) }, `app=${"x".repeat(63)}`],
  [{ app: "x".repeat(64) }, undefined],
  [{ app: "s3://b" }, undefined],
  [{ app: "a,component=taskmanager" }, undefined],
  [{ app: "-a" }, undefined],
  [{ app: "a\n" }, undefined],
])("the selector of %j is %j", (labels, expected) => {
  expect(selectorFor(labels as Record<string, string>)).toBe(expected);
});
