/** What is said about values from Secrets, values that should be there, and jars that are fetched. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { Finding } from "./finding.ts";
import { validateFlinkDeployment } from "./flink-deployment.ts";

type Options = Record<string, string>;

const IMAGE = { "sluice.jar.fetcher.image": "sluice:1" };
const REMOTE = "https://example.com/job.jar";
const inOneLine = ({ severity, path, message }: Finding): string => `${severity} ${path}: ${message}`;

interface Given {
  readonly own?: Options;
  readonly operator?: Options;
  readonly jar?: string;
  readonly mode?: "standalone";
}

function validate({ own = {}, operator = {}, jar = "local:///opt/a.jar", mode }: Given): Finding[] {
  const resource: FlinkDeployment = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "job", namespace: "team" },
    spec: {
      flinkVersion: "v2_3",
      serviceAccount: "flink",
      ...(mode === undefined ? {} : { mode }),
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "2g" } },
      job: { jarURI: jar, parallelism: 1 },
      flinkConfiguration: own,
    },
  };
  return validateFlinkDeployment(resource, { ...operator, ...own }, undefined, operator);
}

const config = (key: string): string => `spec.flinkConfiguration[${JSON.stringify(key)}]`;

describe("values from Secrets", () => {
  it.each<[string, Options, string[]]>([
    ["a Secret and its key", { "sluice.secret.s3.secret-key": "s3.team/secret_KEY-1.x" }, []],
    [
      "a name that Flink does not hide",
      { "sluice.secret.s3.access-key": "s3/id" },
      [
        `warning ${config("sluice.secret.s3.access-key")}: Flink shows the value of s3.access-key in its logs and web interface: by its name it is no secret`,
      ],
    ],
    ...["geheim", "s3", "/key", "s3/", "S3/key", "a/b/c", ""].map((text): [string, Options, string[]] => [
      `no reference: ${JSON.stringify(text)}`,
      { "sluice.secret.s3.secret-key": text },
      [`error ${config("sluice.secret.s3.secret-key")}: must name a Secret and one of its keys`],
    ]),
    [
      "what is no option",
      { "sluice.secret.a b": "s/k" },
      [`error ${config("sluice.secret.a b")}: names no option of Flink's`],
    ],
    ...[
      "kubernetes.container.image.ref",
      "containerized.taskmanager.env.PASSWORD",
      "env.java.opts.all",
      "execution.checkpointing.dir",
      "high-availability",
      "taskmanager.memory.process.size",
      "sluice.jar.sha256",
    ].map((option): [string, Options, string[]] => [
      option,
      { [`sluice.secret.${option}`]: "s/k" },
      [
        `error ${config(`sluice.secret.${option}`)}: ${option} is read before its pods exist: its value cannot come from a Secret`,
      ],
    ]),
    [
      "both",
      { "sluice.secret.s3.secret-key": "s3/secret", "s3.secret-key": "geheim" },
      [
        `warning ${config("s3.secret-key")}: is not used: its value comes from a Secret (sluice.secret.s3.secret-key)`,
      ],
    ],
  ])("%s", (_, own, expected) => {
    const findings = validate({ own });
    expect(findings.map(inOneLine)).toEqual(expected);
    expect(JSON.stringify(findings)).not.toContain("geheim");
  });

  it.each([
    "s3.secret-key",
    "security.ssl.rest.key-password",
    "fs.azure.account.key.team.blob.core.windows.net",
    "metrics.reporter.dd.apikey",
    "flink.x.api-key",
    "s3.session-token",
    "security.kerberos.jaas.config",
    "user.artifacts.http-headers",
  ])("that are in plain text: %s", (option) => {
    const [found, ...others] = validate({ own: { [option]: "geheim" } });
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      severity: "warning",
      path: config(option),
      next: `put it into a Secret and write sluice.secret.${option}: <secret>/<key>`,
    });
    expect(JSON.stringify(found)).not.toContain("geheim");
  });

  it.each([
    "s3.access-key",
    "kubernetes.secrets",
    "kubernetes.env.secretKeyRef",
    "kubernetes.container.image.pull-secrets",
    "security.delegation.tokens.enabled",
    "sluice.jar.secret",
  ])("that only sound like it: %s", (option) => {
    const own = { [option]: "a:b" };
    expect(
      validate({ own, jar: REMOTE, operator: IMAGE }).filter(({ message }) => /plain/.test(message)),
    ).toEqual([]);
  });
});

describe("a remote jar", () => {
  it.each<[string, Given, string[]]>([
    ["natively", { jar: REMOTE, operator: IMAGE }, []],
    ["standalone, without its class", { jar: REMOTE, operator: IMAGE, mode: "standalone" }, []],
    ["from S3, standalone", { jar: "s3://b/job.jar", operator: IMAGE, mode: "standalone" }, []],
    ["from a host of the cluster", { jar: "http://minio.team.svc:9000/job.jar", operator: IMAGE }, []],
    ["from an address of the cluster", { jar: "http://10.0.0.1/job.jar", operator: IMAGE }, []],
    [
      "from where the administrator forbids",
      {
        jar: "http://10.0.0.1/job.jar",
        operator: { ...IMAGE, "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "true" },
      },
      ["error spec.job.jarURI: points to 10.0.0.1, an address of this machine or of a private network"],
    ],
    [
      "by a scheme that the administrator forbids",
      {
        jar: "http://example.com/job.jar",
        operator: { ...IMAGE, "kubernetes.operator.user.artifacts.allowed-schemes": "https" },
      },
      ["error spec.job.jarURI: scheme http is not allowed; allowed are https"],
    ],
    ["without a host", { jar: "https:///job.jar", operator: IMAGE }, []],
    [
      "with a digest that is none",
      { jar: REMOTE, operator: IMAGE, own: { "sluice.jar.sha256": "abc" } },
      [`error ${config("sluice.jar.sha256")}: must be 64 hexadecimal digits`],
    ],
    [
      "with a Secret that is none",
      { jar: REMOTE, operator: IMAGE, own: { "sluice.jar.secret": "Login/password" } },
      [`error ${config("sluice.jar.secret")}: must be the name of a Secret`],
    ],
    [
      "with a password in it",
      { jar: "https://flink:geheim@example.com/job.jar", operator: IMAGE },
      ["warning spec.job.jarURI: holds credentials, which everybody sees who sees the job"],
    ],
    ["that Flink fetches itself, as no image of Sluice is known", { jar: REMOTE }, []],
    [
      "with a Secret, but without an image of Sluice",
      { jar: REMOTE, own: { "sluice.jar.secret": "login" } },
      [`error ${config("sluice.jar.secret")}: needs sluice.jar.fetcher.image`],
    ],
    [
      "from S3 without an image of Sluice, standalone",
      { jar: "s3://b/job.jar", mode: "standalone" },
      ["error spec.job.jarURI: cannot be fetched from s3 with mode standalone"],
    ],
    [
      "that is none",
      { operator: IMAGE, own: { "sluice.jar.sha256": "0".repeat(64) } },
      [`warning ${config("sluice.jar.sha256")}: does nothing: spec.job.jarURI is not fetched by Sluice`],
    ],
  ])("%s", (_, given, expected) => {
    const findings = validate(given);
    expect(findings.map(inOneLine)).toEqual(expected);
    expect(JSON.stringify(findings)).not.toContain("geheim");
  });
});
