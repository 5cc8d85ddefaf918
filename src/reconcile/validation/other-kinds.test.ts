import { describe, expect, it } from "vitest";
import type { FlinkBlueGreenDeployment } from "../../api/flink-blue-green-deployment.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { Finding } from "./finding.ts";
import { validateFlinkBlueGreenDeployment } from "./flink-blue-green-deployment.ts";
import { validateFlinkSessionJob } from "./flink-session-job.ts";
import { validateFlinkStateSnapshot } from "./flink-state-snapshot.ts";

type Loose = Record<string, unknown>;

const inOneLine = ({ severity, path, message }: Finding): string =>
  `${severity === "error" ? "" : "warning: "}${path}: ${message}`;
const header = { apiVersion: "flink.apache.org/v1beta1", metadata: { name: "it", namespace: "team" } };

describe("a FlinkSessionJob", () => {
  const session = {
    ...header,
    kind: "FlinkDeployment",
    metadata: { name: "session" },
    spec: {},
  } as FlinkDeployment;
  const application = { ...session, spec: { job: { parallelism: 1 } } } as FlinkDeployment;
  const valid = { deploymentName: "session", job: { jarURI: "https://example.com/job.jar", parallelism: 1 } };
  const withJar = (jarURI: string): Loose => ({ ...valid, job: { ...valid.job, jarURI } });

  it.each<[string, Loose, Loose, FlinkDeployment | undefined, string[]]>([
    ["valid", valid, {}, session, []],
    [
      "valid without a known cluster, where the job's rules wait",
      { deploymentName: "session", job: { entryClass: "Main" } },
      {},
      undefined,
      [],
    ],
    ["empty", {}, {}, undefined, ["spec.deploymentName: is required", "spec.job: is required"]],
    [
      "in an application cluster",
      valid,
      {},
      application,
      ["spec.deploymentName: session is an application cluster: it takes no session jobs"],
    ],
    [
      "in another cluster",
      { ...valid, deploymentName: "other" },
      {},
      session,
      ["spec.deploymentName: is not the name of the session cluster, session"],
    ],
    [
      "with the job's own rules",
      { deploymentName: "session", job: { entryClass: "Main", upgradeMode: "last-state" } },
      {},
      session,
      [
        'spec.flinkConfiguration["state.checkpoints.dir"]: is required with upgradeMode last-state',
        "spec.job.parallelism: must be at least 1, is 0",
      ],
    ],
    [
      "a jar without a scheme",
      withJar("/job.jar"),
      {},
      session,
      ['spec.job.jarURI: has no scheme: "/job.jar"'],
    ],
    [
      "a jar by another scheme",
      withJar("s3://b/job.jar"),
      {},
      session,
      ["spec.job.jarURI: scheme s3 is not allowed; allowed are https"],
    ],
    [
      "a jar by another scheme that is allowed",
      withJar("S3://b/job.jar"),
      { "kubernetes.operator.user.artifacts.allowed-schemes": "https;s3" },
      session,
      [],
    ],
    ["a jar without a host", withJar("https://"), {}, session, ['spec.job.jarURI: has no host: "https://"']],
    ...[
      "localhost",
      "127.0.0.1",
      "10.1.2.3",
      "172.20.0.1",
      "192.168.1.1",
      "169.254.169.254",
      "0.0.0.0",
      "224.0.0.1",
      "[::1]",
      "[fd00::1]",
      "[fe80::1]",
      "[::ffff:a00:1]",
    ].map((host): [string, Loose, Loose, FlinkDeployment, string[]] => [
      `a jar on ${host}`,
      withJar(`https://${host}/job.jar`),
      {},
      session,
      [`spec.job.jarURI: points to ${host}, an address of this machine or of a private network`],
    ]),
    [
      "a jar on a private host where that is allowed",
      withJar("https://10.1.2.3/job.jar"),
      { "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "false" },
      session,
      [],
    ],
    ["a public address", withJar("https://172.32.0.1/job.jar"), {}, session, []],
    [
      "neither jar nor class",
      { ...valid, job: { parallelism: 1 } },
      {},
      session,
      ["spec.job.entryClass: is required without a jarURI"],
    ],
    [
      "what only a cluster can have",
      { ...valid, flinkConfiguration: { "sluice.secret.a.password": "s/k", "sluice.jar.secret": "login" } },
      {},
      session,
      [
        'warning: spec.flinkConfiguration["sluice.secret.a.password"]: does nothing in a FlinkSessionJob',
        'warning: spec.flinkConfiguration["sluice.jar.secret"]: does nothing in a FlinkSessionJob',
      ],
    ],
    [
      "a misspelt option",
      { ...valid, flinkConfiguration: { "kubernetes.operator.savepoint.format.tpye": "NATIVE" } },
      {},
      session,
      [
        'warning: spec.flinkConfiguration["kubernetes.operator.savepoint.format.tpye"]: no such option, so it does nothing',
      ],
    ],
    [
      "a wrong enum",
      { ...valid, job: { ...valid.job, state: "stopped" } },
      {},
      session,
      ['spec.job.state: must be one of running, suspended; is the text "stopped"'],
    ],
  ])("%s", (_, spec, config, cluster, expected) => {
    const resource = { ...header, kind: "FlinkSessionJob", spec } as FlinkSessionJob;
    const operator = config as Record<string, string>;
    const context = { effective: operator, operator, session: cluster };
    expect(validateFlinkSessionJob(resource, context).map(inOneLine)).toEqual(expected);
  });

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

describe("a FlinkStateSnapshot", () => {
  const jobReference = { kind: "FlinkDeployment", name: "job" };

  it.each<[string, Loose, Loose | undefined, boolean | undefined, string[]]>([
    ["a savepoint", { jobReference, savepoint: {} }, undefined, true, []],
    [
      "a checkpoint of a job that nobody can look for",
      { jobReference, checkpoint: {} },
      undefined,
      undefined,
      [],
    ],
    ["neither", { jobReference }, undefined, true, ["spec: needs either savepoint or checkpoint"]],
    [
      "both",
      { jobReference, savepoint: {}, checkpoint: {} },
      undefined,
      true,
      ["spec.checkpoint: cannot stand beside spec.savepoint"],
    ],
    ["no job", { savepoint: {} }, undefined, undefined, ["spec.jobReference: is required"]],
    [
      "half a job",
      { jobReference: { name: "job" }, savepoint: {} },
      undefined,
      undefined,
      ["spec.jobReference.kind: is required"],
    ],
    [
      "a savepoint that exists already, of no job",
      { savepoint: { alreadyExists: true, path: "s3://old", formatType: "UNKNOWN" } },
      undefined,
      false,
      [],
    ],
    [
      "a savepoint that exists already, nobody knows where",
      { savepoint: { alreadyExists: true } },
      undefined,
      false,
      ["warning: spec.savepoint.path: is missing, so there is nothing to restore from"],
    ],
    [
      "a format that is none",
      { jobReference, savepoint: { formatType: "UNKNOWN" } },
      undefined,
      true,
      ["spec.savepoint.formatType: must be CANONICAL or NATIVE: Flink takes no savepoint of format UNKNOWN"],
    ],
    [
      "a job that does not exist",
      { jobReference, savepoint: {} },
      undefined,
      false,
      ["spec.jobReference: FlinkDeployment job does not exist in the snapshot's namespace"],
    ],
    [
      "a job that does not exist any more",
      { jobReference, savepoint: {} },
      { state: "COMPLETED" },
      false,
      [],
    ],
    [
      "another kind of job",
      { jobReference: { kind: "Job", name: "a" }, savepoint: {} },
      undefined,
      undefined,
      ['spec.jobReference.kind: must be one of FlinkDeployment, FlinkSessionJob; is the text "Job"'],
    ],
  ])("%s", (_, spec, status, exists, expected) => {
    const resource = { ...header, kind: "FlinkStateSnapshot", spec, status } as unknown as FlinkStateSnapshot;
    expect(validateFlinkStateSnapshot(resource, exists).map(inOneLine)).toEqual(expected);
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
