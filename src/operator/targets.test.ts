import { describe, expect, it } from "vitest";
import { targetsOf } from "./targets.ts";

const WATCHED = "kubernetes.operator.watched.namespaces";

function namespaces(inputs: {
  flag?: string;
  env?: string;
  configured?: string;
}): readonly string[] | undefined {
  const { flag, env, configured } = inputs;
  return targetsOf({
    flag,
    env: env === undefined ? {} : { WATCH_NAMESPACES: env },
    configuration: configured === undefined ? {} : { [WATCHED]: configured },
    current: "own",
  }).namespaces;
}

describe("the namespaces to watch", () => {
  it.each<[string, Parameters<typeof namespaces>[0], readonly string[] | undefined]>([
    ["are all of them without a word", {}, undefined],
    ["are those of the configuration", { configured: "b, a" }, ["a", "b"]],
    ["are each counted once", { configured: "a,a,,b," }, ["a", "b"]],
    ["may be written as a list", { configured: "a;b" }, ["a", "b"]],
    ["are those of the environment first", { env: "a", configured: "b" }, ["a"]],
    ["are those of the flag before either", { flag: "c", env: "a", configured: "b" }, ["c"]],
    ["are not those of an empty environment", { env: "", configured: "b" }, ["b"]],
    ["are all of them for that word", { configured: "JOSDK_ALL_NAMESPACES" }, undefined],
    ["are the operator's own for that word", { configured: "JOSDK_WATCH_CURRENT" }, ["own"]],
  ])("%s", (_, inputs, expected) => {
    expect(namespaces(inputs)).toEqual(expected);
  });

  it.each([
    [{ flag: "Not-One" }, '--namespace: "Not-One" is no name of a namespace'],
    [{ env: "a,b_c" }, 'WATCH_NAMESPACES: "b_c"'],
    [{ configured: "a b" }, `${WATCHED}: "a b"`],
  ])("%j is refused", (inputs, message) => {
    expect(() => namespaces(inputs)).toThrow(message);
  });
});

it.each([
  [undefined, undefined],
  [" ", undefined],
  ["team=blue", "team=blue"],
])("the label selector %j", (text, expected) => {
  const configuration = text === undefined ? {} : { "kubernetes.operator.label.selector": text };
  expect(targetsOf({ flag: undefined, env: {}, configuration, current: "own" }).labelSelector).toBe(expected);
});
