import { describe, expect, it } from "vitest";
import { jobReference } from "./job-reference.ts";

describe("a resource with a job, as a user names it", () => {
  it.each([
    ["wordcount", "FlinkDeployment", "flinkdep/wordcount"],
    ["flinkdep/wordcount", "FlinkDeployment", "flinkdep/wordcount"],
    ["FlinkDeployment/wordcount", "FlinkDeployment", "flinkdep/wordcount"],
    ["flinkdeployments.flink.apache.org/wordcount", "FlinkDeployment", "flinkdep/wordcount"],
    ["sessionjob/wordcount", "FlinkSessionJob", "sessionjob/wordcount"],
    ["flinksessionjob/wordcount", "FlinkSessionJob", "sessionjob/wordcount"],
    ["flinksessionjobs.v1beta1.flink.apache.org/wordcount", "FlinkSessionJob", "sessionjob/wordcount"],
  ])("%s is a %s", (text, kind, short) => {
    expect(jobReference(text)).toMatchObject({ name: "wordcount", type: { kind }, short });
  });

  it.each(["flinksnp/x", "sessionjob/", "sessionjob/a/b", "sessionjob.apps/x", "/x"])(
    "%s is none",
    (text) => {
      expect(() => jobReference(text)).toThrow(/names no resource with a job/);
    },
  );
});
