import { describe, expect, it } from "vitest";
import type { FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { specChanges } from "./spec-changes.ts";

function container(image: string, ...env: { name: string; value?: string }[]): FlinkDeploymentSpec {
  const containers = [
    { name: "sidecar", image: "s" },
    { name: "flink-main-container", image, env },
  ];
  return { podTemplate: { spec: { containers } } };
}

describe("a change of the spec in words", () => {
  it.each<[string, FlinkDeploymentSpec, FlinkDeploymentSpec, string[]]>([
    ["a field", { image: "a" }, { image: "b" }, ["image: a -> b"]],
    [
      "a field that comes and one that goes",
      { image: "a" },
      { job: { parallelism: 2 } },
      [
        "image: a -> (not set)",
        "job.parallelism: (not set) -> 2",
        "job.args: (not set) -> []",
        "job.state: (not set) -> running",
        "job.upgradeMode: (not set) -> stateless",
      ],
    ],
    [
      "configuration",
      { flinkConfiguration: { a: { b: 1 } } },
      { flinkConfiguration: { "a.b": 2 } },
      ["flinkConfiguration.a.b: 1 -> 2"],
    ],
    [
      "a list",
      { job: { args: ["--a", "1"] } },
      { job: { args: ["--a", "2"] } },
      ['job.args: ["--a","1"] -> ["--a","2"]'],
    ],
    [
      "something deep down in a template",
      container("a"),
      container("b"),
      ["podTemplate.spec.containers[flink-main-container].image: a -> b"],
    ],
    [
      "a variable that holds a credential",
      container("a", { name: "DB_PASSWORD", value: "x" }),
      container("a", { name: "DB_PASSWORD", value: "y" }),
      ["podTemplate.spec.containers[flink-main-container].env[DB_PASSWORD].value: *** -> ***"],
    ],
    [
      "an option that holds a credential",
      { flinkConfiguration: { "s3.secret-key": "x" } },
      { flinkConfiguration: {} },
      ["flinkConfiguration.s3.secret-key: *** -> ***"],
    ],
    [
      "a text of many lines",
      { logConfiguration: { f: "a\nb\n" } },
      { logConfiguration: { f: "a\nb\nc\n" } },
      ["logConfiguration.f: (2 lines) -> (3 lines)"],
    ],
    ["a long text", { image: "a" }, { image: "b".repeat(200) }, [`image: a -> ${"b".repeat(100)}...`]],
    [
      "nothing but another order",
      container("a", { name: "A" }, { name: "B" }),
      container("a", { name: "B" }, { name: "A" }),
      [],
    ],
  ])("%s", (_what, from, to, lines) => {
    expect(specChanges(from, to)).toBe(lines.map((line) => `  ${line}\n`).join(""));
  });
});
