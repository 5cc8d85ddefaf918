import { describe, expect, it } from "vitest";
import { isAbout } from "./job-events.ts";
import { parseReference, parseSelection } from "./reference.ts";

describe("a reference", () => {
  it.each<[string, string | undefined, string]>([
    ["job", undefined, "job"],
    ["flinkdep/job", "FlinkDeployment", "job"],
    ["FlinkDeployments/job", "FlinkDeployment", "job"],
    ["flinkdeployment.flink.apache.org/job", "FlinkDeployment", "job"],
    ["sessionjob/job", "FlinkSessionJob", "job"],
    ["flinksnp/one", "FlinkStateSnapshot", "one"],
  ])("%s", (text, kind, name) => {
    const found = parseReference(text);
    expect([found.type?.kind, found.name]).toEqual([kind, name]);
  });

  it.each(["pod/x", "flinkdep/", "/x"])("refuses %s", (text) => {
    expect(() => parseReference(text)).toThrow(/names no Flink resource/);
  });

  it("in a selection has a type before names, or each its own", () => {
    const kindsOf = (...words: string[]) => {
      const { types, references } = parseSelection(words);
      return [
        types.map(({ kind }) => kind),
        references.map(({ type, name }) => `${type?.kind ?? "any"}/${name}`),
      ];
    };
    expect(kindsOf()).toEqual([["FlinkDeployment", "FlinkSessionJob"], []]);
    expect(kindsOf("flinksnp")).toEqual([["FlinkStateSnapshot"], []]);
    expect(kindsOf("flinkdep", "a", "b")[1]).toEqual(["FlinkDeployment/a", "FlinkDeployment/b"]);
    expect(kindsOf("a", "sessionjob/b")[1]).toEqual(["any/a", "FlinkSessionJob/b"]);
  });
});

describe("events of a job", () => {
  it.each<[string, string, boolean]>([
    ["FlinkDeployment", "job", true],
    ["FlinkDeployment", "job-two", false],
    ["Deployment", "job", true],
    ["Deployment", "job-taskmanager", true],
    ["ReplicaSet", "job-5d8f7c9b4", true],
    ["Pod", "job-5d8f7c9b4-x2x7k", true],
    ["Pod", "job-taskmanager-1-12", true],
    ["Pod", "job-taskmanager-7b7d69f4c9-abcde", true],
    ["Service", "job-rest", true],
    ["Pod", "job-two-5d8f7c9b4-x2x7k", false],
    ["Pod", "another", false],
    ["ConfigMap", "job", false],
  ])("%s %s", (kind, name, expected) => {
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "e" },
      involvedObject: { kind, name },
    };
    expect(isAbout(event, "FlinkDeployment", "job")).toBe(expected);
  });
});
