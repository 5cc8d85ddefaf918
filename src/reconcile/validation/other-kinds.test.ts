import { describe, expect, it } from "vitest";
import type { FlinkBlueGreenDeployment } from "../../api/flink-blue-green-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import type { Finding } from "./finding.ts";
import { validateFlinkBlueGreenDeployment } from "./flink-blue-green-deployment.ts";
import { validateFlinkSessionJob } from "./flink-session-job.ts";

type Loose = Record<string, unknown>;

const inOneLine = ({ severity, path, message }: Finding): string =>
  `${severity === "error" ? "" : "warning: "}${path}: ${message}`;
const header = { apiVersion: "flink.apache.org/v1beta1", metadata: { name: "it", namespace: "team" } };

describe("a FlinkSessionJob", () => {
  const valid = { deploymentName: "session", job: { jarURI: "https://example.com/job.jar", parallelism: 1 } };
  const withJar = (jarURI: string): Loose => ({ ...valid, job: { ...valid.job, jarURI } });

  it("cannot allow itself what only the operator may", () => {
    const resource = { ...header, kind: "FlinkSessionJob", spec: withJar("http://10.1.2.3/job.jar") };
    const effective = {
      "kubernetes.operator.user.artifacts.allowed-schemes": "http",
      "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "false",
    };
    const found = validateFlinkSessionJob(resource as unknown as FlinkSessionJob, {
      effective,
      operator: {},
    });
    expect(found.map(inOneLine)).toEqual(["spec.job.jarURI: scheme http is not allowed; allowed are https"]);
  });

  it("is redeployed from somewhere", () => {
    const spec = { ...valid, job: { ...valid.job, savepointRedeployNonce: 2 } };
    const resource = { ...header, kind: "FlinkSessionJob", spec } as unknown as FlinkSessionJob;
    const found = (nonce: number) =>
      validateFlinkSessionJob(resource, {
        effective: {},
        operator: {},
        lastReconciled: { spec: { ...valid, job: { ...valid.job, savepointRedeployNonce: nonce } } },
      }).map(({ path }) => path);
    expect([found(1), found(2)]).toEqual([["spec.job.initialSavepointPath"], []]);
  });

  it("stays in its cluster", () => {
    const resource = { ...header, kind: "FlinkSessionJob", spec: valid } as unknown as FlinkSessionJob;
    const last = { spec: { deploymentName: "before" } };
    const context = { effective: {}, operator: {}, lastReconciled: last };
    expect(validateFlinkSessionJob(resource, context).map(inOneLine)).toEqual([
      "spec.deploymentName: cannot change, was before",
    ]);
  });
});

const blueGreen = (spec: Loose, name = "it"): string[] => {
  const metadata = { ...header.metadata, name };
  const resource = {
    ...header,
    metadata,
    kind: "FlinkBlueGreenDeployment",
    spec,
  } as FlinkBlueGreenDeployment;
  return validateFlinkBlueGreenDeployment(resource, {}).map(inOneLine);
};

describe("a FlinkBlueGreenDeployment", () => {
  const child = {
    flinkVersion: "v1_20",
    serviceAccount: "flink",
    jobManager: { resource: { memory: "1g" } },
    taskManager: { resource: { memory: "2g" } },
    job: { parallelism: 1 },
  };
  it("is checked as the deployments it will make", () => {
    expect(blueGreen({ template: { spec: child } })).toEqual([]);
    expect(blueGreen({ template: { spec: { ...child, serviceAccount: null, mode: "nativ" } } })).toEqual([
      'spec.template.spec.mode: must be one of native, standalone; is the text "nativ"',
      "spec.template.spec.serviceAccount: is required",
    ]);
  });

  it("needs a template, a name with room for -green, and an ingress with a template", () => {
    expect(blueGreen({ ingress: {} }, "a".repeat(40))).toEqual([
      "metadata.name: must have at most 39 characters, has 40",
      "spec.ingress.template: is required",
      "spec.template.spec: is required",
    ]);
  });
});
