import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../api/kube-object.ts";
import type { Finding } from "./finding.ts";
import { emptyFields, unknownFields, wrongValues } from "./schema-check.ts";

const resource = (spec: unknown, metadata: unknown = { name: "a" }): KubeObject =>
  ({ apiVersion: "flink.apache.org/v1beta1", kind: "FlinkDeployment", metadata, spec }) as KubeObject;
const inOneLine = ({ path, message, next }: Finding): string =>
  `${path}: ${message}${next === undefined ? "" : ` / ${next}`}`;

describe("wrong values", () => {
  it.each<[unknown, string]>([
    ["text", 'spec: must be a map, is the text "text"'],
    [{ job: [] }, "spec.job: must be a map, is a list"],
    [
      { job: { parallelism: "2" } },
      'spec.job.parallelism: must be a whole number, is the text "2" / write it without quotes: 2',
    ],
    [{ job: { parallelism: 1.5 } }, "spec.job.parallelism: must be a whole number, is the number 1.5"],
    [
      { job: { parallelism: 3_000_000_000 } },
      "spec.job.parallelism: must be at most 2147483647, is 3000000000",
    ],
    [
      { job: { allowNonRestoredState: "True" } },
      'spec.job.allowNonRestoredState: must be true or false, is the text "True" / write it without quotes: true',
    ],
    [{ job: { args: "--port 9000" } }, 'spec.job.args: must be a list, is the text "--port 9000"'],
    [{ job: { args: [true] } }, 'spec.job.args[0]: must be text, is true / put it in quotes: "true"'],
    [{ job: { args: [{ a: 1 }] } }, "spec.job.args[0]: must be text, is a map"],
    [
      { job: { upgradeMode: "last_state" } },
      'spec.job.upgradeMode: must be one of stateless, last-state, savepoint; is the text "last_state" / did you mean "last-state"?',
    ],
    [
      { jobManager: { resource: { cpu: "0.5" } } },
      'spec.jobManager.resource.cpu: must be a number, is the text "0.5" / write it without quotes: 0.5',
    ],
    [
      { jobManager: { resources: { limits: { cpu: 0.5 } } } },
      'spec.jobManager.resources.limits.cpu: must be a whole number or text, is the number 0.5 / put it in quotes: "0.5"',
    ],
    [
      { logConfiguration: { a: 1 } },
      'spec.logConfiguration.a: must be text, is the number 1 / put it in quotes: "1"',
    ],
    [{ podTemplate: { spec: { volumes: {} } } }, "spec.podTemplate.spec.volumes: must be a list, is a map"],
  ])("%j", (spec, expected) => {
    expect(wrongValues(resource(spec)).map(inOneLine)).toEqual([expected]);
  });

  it("are not looked for where anything goes, nor in what the operator writes", () => {
    const object = { ...resource({ flinkConfiguration: { a: [1, { b: true }] } }), status: { error: 5 } };
    expect(wrongValues(object)).toEqual([]);
    expect(unknownFields(object)).toEqual([]);
  });
});

describe("unknown fields", () => {
  it.each<[unknown, string]>([
    [{ job: { paralelism: 1 } }, "spec.job.paralelism: no such field / did you mean parallelism?"],
    [{ parallelism: 1 }, "spec.parallelism: no such field / did you mean spec.job.parallelism?"],
    [{ jarUri: "x" }, "spec.jarUri: no such field / did you mean spec.job.jarURI?"],
    [{ constructor: 1 }, "spec.constructor: no such field"],
    [{ somethingElse: 1 }, "spec.somethingElse: no such field"],
    [
      { podTemplate: { spec: { container: [] } } },
      "spec.podTemplate.spec.container: no such field / did you mean containers?",
    ],
    [{ ingress: { tls: [{ host: "a" }] } }, "spec.ingress.tls[0].host: no such field / did you mean hosts?"],
    [{ job: { "a.b": 1 } }, 'spec.job["a.b"]: no such field'],
  ])("%j", (spec, expected) => {
    expect(unknownFields(resource(spec)).map(inOneLine)).toEqual([expected]);
  });

  it("are found in the metadata and beside the spec", () => {
    const object = { ...resource({}, { name: "a", lables: {} }), job: {} };
    expect(unknownFields(object).map(inOneLine)).toEqual([
      "metadata.lables: no such field / did you mean labels?",
      "job: no such field / did you mean spec.job?",
    ]);
  });

  it("are warnings, as the API server drops them", () => {
    expect(unknownFields(resource({ x: 1 })).map(({ severity }) => severity)).toEqual(["warning"]);
  });
});

it("finds empty fields, which count as absent", () => {
  const object = resource({ job: null, taskManager: { resource: { memory: null } } });
  expect(emptyFields(object).map(({ path }) => path)).toEqual([
    "spec.job",
    "spec.taskManager.resource.memory",
  ]);
  expect(wrongValues(object)).toEqual([]);
});
