import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "../version.ts";
import { defaultValues, ignoredValues, mergeValues, readValues } from "./read-values.ts";

test("maps are merged key by key, lists and texts as a whole, and null takes away", () => {
  const below = { a: { b: 1, c: [1, 2] }, d: "x", e: { f: 1 } };
  expect(mergeValues(below, { a: { c: [3] }, d: null, e: "text" })).toEqual({
    a: { b: 1, c: [3] },
    e: "text",
  });
});

test("later layers win over earlier ones, and all over the defaults", () => {
  const { values, findings } = readValues([{ image: { tag: "1", digest: "a" } }, { image: { tag: "2" } }]);
  expect(findings).toEqual([]);
  expect(values.image).toEqual({ ...defaultValues().image, tag: "2", digest: "a" });
});

test("null makes a value empty, and gives a number its default", () => {
  const { values, findings } = readValues([
    { replicas: null, operatorPod: { resources: null, env: null }, crds: { keep: null }, image: null },
  ]);
  expect(findings).toEqual([]);
  expect(values.replicas).toBe(1);
  expect(values.operatorPod).toMatchObject({ resources: {}, env: [] });
  expect(values.crds.keep).toBe(false);
  expect(values.image).toEqual(defaultValues().image);
});

test("every mistake is named with its field and what to do", () => {
  const { findings } = readValues([
    { watchNamespace: ["a"], replicas: "2", image: { pullPolicy: "ifnotpresent" } },
  ]);
  expect(findings).toEqual([
    {
      path: "image.pullPolicy",
      severity: "error",
      message: 'must be one of Always, IfNotPresent, Never; is the text "ifnotpresent"',
      expected: "IfNotPresent",
      next: 'did you mean "IfNotPresent"?',
    },
    {
      path: "replicas",
      severity: "error",
      message: 'must be a whole number, is the text "2"',
      next: "write it without quotes: 2",
    },
    {
      path: "watchNamespace",
      severity: "error",
      message: "no such field",
      next: "did you mean watchNamespaces?",
    },
  ]);
});

test("what has no effect is named, where it was changed", () => {
  const { values } = readValues([{ jvmArgs: { operator: "-Xmx1g" }, tls: { create: false } }]);
  expect(ignoredValues(values)).toEqual(["jvmArgs.operator"]);
  expect(ignoredValues(defaultValues())).toEqual([]);
});

test("the version is the package's", () => {
  const file = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
  expect((JSON.parse(file) as { version: string }).version).toBe(VERSION);
});
