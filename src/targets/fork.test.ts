import { expect, it } from "vitest";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import { sharedBetween } from "./fork.ts";

const spec = (...args: string[]): FlinkDeploymentSpec => ({ job: { args } });

it.each<[string, string[], string[], string[]]>([
  ["an output", ["--output", "s3://b/x"], ["--output", "s3://b/x"], ["--output"]],
  ["another spelling", ["--output=s3://b/x"], ["--output", "s3://b/x"], ["--output"]],
  ["a consumer group", ["--kafka.group.id", "g"], ["--kafka.group.id", "g"], ["--kafka.group.id"]],
  ["a place without a name", ["s3://b/x"], ["s3://b/x"], ["argument 1"]],
  ["different values", ["--output", "s3://b/x"], ["--output", "s3://b/y"], []],
  ["what may well be the same", ["--rate", "200", "--keys", "8"], ["--rate", "200", "--keys", "8"], []],
  ["a flag", ["--fail"], ["--fail"], []],
  ["nothing", [], ["--output", "s3://b/x"], []],
])("two jobs share %s", (_, one, other, shared) => {
  expect(sharedBetween(spec(...one), spec(...other))).toEqual(shared);
});

it("values are not told: they may be secrets", () => {
  expect(sharedBetween(spec("--password-path", "hunter2"), spec("--password-path", "hunter2"))).toEqual([
    "--password-path",
  ]);
});
