/**
 * Marked secrets go in wherever a user may put one; nothing that is said has a mark. The running operator, with its logs,
 * events, status and metrics: test/integration/operator/no-secrets.test.ts.
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { countedPass, deployment } from "../testbed/model/play.ts";
import { World } from "../testbed/model/world.ts";
import type { FlinkDeployment } from "./api/flink-deployment.ts";
import type { FlinkSessionJob } from "./api/flink-session-job.ts";
import { main } from "./cli/main.ts";
import { flattenConfiguration } from "./flink/configuration.ts";
import { FlinkRestClient } from "./flink-rest/client.ts";
import type { FlinkTransport } from "./flink-rest/transport.ts";
import { openJar } from "./jars/open-jar.ts";
import { EventRecorder } from "./kube/event-recorder.ts";
import { KubeClient } from "./kube/client.ts";
import { loadKubeConfig } from "./kube/config.ts";
import { localServer } from "./kube/test-support/local-server.ts";
import { FollowedConfiguration } from "./operator/configuration.ts";
import type { EventRecord } from "./reconcile/decision.ts";
import { validateFlinkDeployment } from "./reconcile/validation/flink-deployment.ts";
import { validateFlinkSessionJob } from "./reconcile/validation/flink-session-job.ts";
import { unknownFields, wrongValues } from "./reconcile/validation/schema-check.ts";
import { StateStorages } from "./state-storage/state-storage.ts";
import { createLogger } from "./telemetry/log.ts";
import { validateAdmission } from "./webhook/admission.ts";

const MARK = "SECRET-";
let count = 0;
const secret = (): string => `${MARK}${++count}-a1b2`;

/** Everything that was said, and that it was something. */
function expectNoMark(said: readonly unknown[]): void {
  const text = said
    .map((one) => (one instanceof Error ? `${one.message} ${String(one.stack)}` : JSON.stringify(one)))
    .join("\n");
  expect(text.length).toBeGreaterThan(20);
  expect(text.match(new RegExp(`.{0,80}${MARK}.{0,40}`, "g")) ?? []).toEqual([]);
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => error,
  );
}

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "sluice-no-secrets-"));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

/** Options that Flink hides by their names, and Sluice's own for headers. */
const configurationOf = (): Record<string, string> => ({
  "s3.secret-key": secret(),
  "fs.azure.account.key.store.blob.core.windows.net": secret(),
  "security.ssl.internal.keystore-password": secret(),
  "user.artifacts.http-headers": `Authorization: Basic ${secret()}`,
  "kubernetes.operator.user.artifacts.http.header": `Authorization: Bearer ${secret()}`,
  "env.java.opts.all": `-Djavax.net.ssl.trustStorePassword=${secret()}`,
  "metrics.reporter.dghttp.apikey": secret(),
  "security.kerberos.jaas.config": secret(),
});

const podTemplate = (): object => ({
  spec: {
    containers: [
      {
        name: "flink-main-container",
        env: [
          { name: "DB_PASSWORD", value: secret() },
          { name: "PROXY", value: `http://user:${secret()}@proxy:3128` },
        ],
      },
    ],
  },
});

function marked({ spec, ...rest }: FlinkDeployment): FlinkDeployment {
  return {
    ...rest,
    spec: {
      ...spec,
      flinkConfiguration: { ...(spec.flinkConfiguration as object), ...configurationOf() },
      podTemplate: podTemplate() as NonNullable<typeof spec.podTemplate>,
      job: {
        ...spec.job,
        jarURI: `https://user:${secret()}@jars.example.org/job.jar?X-Amz-Signature=${secret()}`,
        args: [`--password=${secret()}`, "--jdbc", `jdbc:mysql://user:${secret()}@db/x`],
      },
    },
  };
}

const job = (): FlinkDeployment => deployment("savepoint", true);

/** What was wrong with each is said; where the value is meant to be shown, it is no secret. */
const WRONG: readonly [string, (spec: FlinkDeployment["spec"]) => unknown][] = [
  ["good", (spec) => spec],
  ["options as one text", (spec) => ({ ...spec, flinkConfiguration: `s3.secret-key: ${secret()}` })],
  [
    "an option in two shapes",
    (spec) => ({
      ...spec,
      flinkConfiguration: { "s3.secret-key": secret(), s3: { "secret-key": secret() } },
    }),
  ],
  [
    "headers that are no map",
    (spec) => ({
      ...spec,
      flinkConfiguration: {
        "kubernetes.operator.user.artifacts.http.header": `Bearer ${secret()} "x" y`,
        "sluice.secret": `s3.secret-key ${secret()}`,
        "sluice.secret.s3.secret-key": secret(),
        "sluice.jar.secret": secret(),
        "sluice.jar.sha256": secret(),
      },
    }),
  ],
  [
    "variables of wrong types",
    (spec) => ({
      ...spec,
      podTemplate: {
        spec: {
          containers: [{ name: "a", env: [{ name: "PIN", value: 4711 }] }, { env: `P=password ${secret()}` }],
        },
      },
    }),
  ],
  ["arguments as one text", (spec) => ({ ...spec, job: { ...spec.job, args: `--password ${secret()}` } })],
  ["a jar without a host", (spec) => ({ ...spec, job: { ...spec.job, jarURI: `https://u:${secret()}@` } })],
  ["a jar without a scheme", (spec) => ({ ...spec, job: { ...spec.job, jarURI: `//u:${secret()}@host/j` } })],
];

test.each(WRONG)("validation: %s", (_, change) => {
  const resource = marked(job());
  const wrong = { ...resource, spec: change(resource.spec) } as FlinkDeployment;
  const config = flattenConfiguration(wrong.spec.flinkConfiguration);
  const findings = [
    ...wrongValues(wrong),
    ...unknownFields(wrong),
    ...(typeof wrong.spec.flinkConfiguration === "string"
      ? []
      : validateFlinkDeployment(wrong, config, undefined, {})),
  ];
  expectNoMark(["what validation says:", ...findings]);
  expect(JSON.stringify(findings)).not.toContain("4711");
});

test.each(["https://", "http://", "local://", "//", ""])("validation: a session job's jar, %s", (scheme) => {
  const jarURI = `${scheme}user:${secret()}@127.0.0.1/job.jar?token=${secret()}`;
  const resource: FlinkSessionJob = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkSessionJob",
    metadata: { name: "job", namespace: "team" },
    spec: { deploymentName: "session", job: { jarURI, parallelism: 1 } },
  };
  const context = { effective: {}, operator: {}, session: undefined, lastReconciled: undefined };
  const said = validateFlinkSessionJob(resource, context);
  expect(said.length).toBeGreaterThan(0);
  expectNoMark(["what validation says:", ...said]);
});

/** Copies of the spec, readable by whoever may read the resource: docs/security.md. */
const COPIES = new Set(["lastReconciledSpec", "lastStableSpec", "spec", "jarURI"]);
const withoutCopies = (status: unknown): unknown =>
  JSON.parse(JSON.stringify(status, (key, value: unknown) => (COPIES.has(key) ? undefined : value)));

/** As the API server gets them. */
async function eventsOf(records: readonly EventRecord[]): Promise<unknown[]> {
  const written: unknown[] = [];
  const create = (_: unknown, event: unknown): Promise<void> => Promise.resolve(void written.push(event));
  const patch = (...[, , , event]: unknown[]): Promise<void> => Promise.resolve(void written.push(event));
  const recorder = new EventRecorder({ create, patch } as unknown as KubeClient, { burst: 1000 });
  for (const record of records) await recorder.record(job(), record);
  expect(written).toHaveLength(records.length);
  return written;
}

test("decisions: events and status, of a start, a change, a refused spec and a failed savepoint", async () => {
  const world = new World(marked(job()));
  const said: unknown[] = [];
  const records: EventRecord[] = [];
  const play = (passes: number): void => {
    for (let nth = 0; nth < passes; nth++) {
      records.push(...countedPass(world).events);
      said.push(withoutCopies(world.resource.status));
      world.tick();
    }
  };
  play(12);
  world.changeSpec(() => marked(job()).spec);
  world.savepointFails = `java.io.IOException: s3://key:${secret()}@bucket/x?token=${secret()} is gone`;
  play(12);
  world.savepointFails = false;
  world.changeSpec((spec) => ({
    ...spec,
    flinkConfiguration: { ...(spec.flinkConfiguration as object), "sluice.secret.s3.secret-key": secret() },
  }));
  play(6);
  const reasons = records.map(({ reason }) => reason);
  expect(reasons).toEqual(expect.arrayContaining(["SpecChanged", "ValidationError", "SavepointError"]));
  expectNoMark([...said, ...(await eventsOf(records))]);
});

test("the command line: validate, plan", async () => {
  const files = await folder();
  for (const name of ["before", "after", "wrong"]) {
    const { spec, ...rest } = marked(job());
    const change = WRONG.find(([about]) => about === "headers that are no map")?.[1];
    const written = { ...rest, spec: name === "wrong" ? change?.(spec) : spec };
    await writeFile(join(files, `${name}.yaml`), stringify(written));
  }
  await writeFile(
    join(files, "broken.yaml"),
    `spec:\n  flinkConfiguration:\n    s3.secret-key: "${secret()}\n`,
  );
  const said: string[] = [];
  const streams = {
    stdout: { write: (text: string) => said.push(text) },
    stderr: { write: (text: string) => said.push(text) },
    stdin: (async function* none(): AsyncGenerator<string> {})(),
    env: {},
  };
  const between = ["--from", join(files, "before.yaml"), "-f", join(files, "after.yaml")];
  expect(await main(["plan", ...between], streams)).toBe(1);
  expect(said.join("")).toContain("s3.secret-key");
  expect(await main(["plan", ...between, "-o", "json"], streams)).toBe(1);
  for (const name of ["after", "wrong", "broken"])
    await main(["validate", "-f", join(files, `${name}.yaml`)], streams);
  expectNoMark(said);
});

const BROKEN_YAML: readonly string[] = [
  `s3.secret-key: "${secret()}\n`,
  `s3.secret-key: *${secret()}\n`,
  `s3.secret-key: "a" ${secret()}\n`,
  `s3.secret-key: {${secret()}\n`,
  `- x\ns3.secret-key: ${secret()}\n`,
];

test.each(BROKEN_YAML)("the operator's configuration, broken: %j", async (text) => {
  const file = join(await folder(), "config.yaml");
  await writeFile(file, text);
  const said: unknown[] = [];
  const log = createLogger("debug", { write: (line) => void said.push(line) });
  said.push(await failureOf(FollowedConfiguration.open(file, {}, log)));
  const streams = {
    stdout: { write: (line: string) => said.push(line) },
    stderr: { write: (line: string) => said.push(line) },
    stdin: (async function* none(): AsyncGenerator<string> {})(),
    env: {},
  };
  const config = join(await folder(), "kubeconfig");
  await writeFile(config, stringify(kubeconfig({ server: "http://127.0.0.1:1" }, { token: secret() })));
  await main(["operator", "--config", file, "--kubeconfig", config, "--health-port", "0"], streams);
  expectNoMark(said);
});

test.each(BROKEN_YAML)("a kubeconfig, broken: %j", async (text) => {
  const file = join(await folder(), "kubeconfig");
  await writeFile(file, `users:\n- name: a\n  user:\n    ${text.replace("s3.secret-key", "token")}`);
  expectNoMark([await failureOf(loadKubeConfig({ kubeconfig: file, context: undefined, env: {} }))]);
});

function kubeconfig(cluster: object, user: object): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
  };
}

test("the API server: answers and failures, with tokens, passwords, proxies and programs", async () => {
  const files = await folder();
  const server = await localServer((request, response) => {
    response.writeHead(request.url?.includes("gone") === true ? 404 : 401).end("who are you?");
  });
  onTestFinished(() => server.close());
  const url = server.access.server;
  const program = join(files, "login");
  await writeFile(program, `#!/bin/sh\nprintf '%s' '${secret()}'\n`);
  await chmod(program, 0o755);
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: program, interactiveMode: "Never" };
  const cases: [object, object][] = [
    [{ server: url }, { token: secret() }],
    [{ server: url }, { token: `${secret()}\nx` }],
    [{ server: url }, { username: "u", password: secret() }],
    [{ server: url }, { exec }],
    [{ server: url, "proxy-url": `http://u:${secret()}@127.0.0.1:1` }, {}],
    [{ server: url, "proxy-url": `http//u:${secret()}@127.0.0.1:1` }, {}],
    [{ server: `http://u:${secret()}@127.0.0.1:1` }, { token: secret() }],
    [{ server: `ftp://u:${secret()}@127.0.0.1:1` }, {}],
  ];
  const said: unknown[] = [];
  for (const [nth, [cluster, user]] of cases.entries()) {
    const file = join(files, `config-${nth}`);
    await writeFile(file, stringify(kubeconfig(cluster, user)));
    const call = async (): Promise<unknown> => {
      const client = new KubeClient(await loadKubeConfig({ kubeconfig: file, context: undefined, env: {} }));
      try {
        return await client.getText("/api/v1/namespaces", {}, { deadlineMs: 500 });
      } finally {
        await client.close();
      }
    };
    said.push(await failureOf(call()));
  }
  expectNoMark(said);
});

test("jars: every way to fail", async () => {
  const server = await localServer((request, response) => {
    if (request.url?.includes("redirect") === true)
      response.writeHead(302, { location: `https://u:${secret()}@127.0.0.1:1/x?token=${secret()}` }).end();
    else response.writeHead(403).end(secret());
  });
  onTestFinished(() => server.close());
  const { host } = new URL(server.access.server);
  const storages = new StateStorages({ env: {}, callMs: 500 });
  onTestFinished(() => storages.close());
  const operator = {
    "kubernetes.operator.user.artifacts.allowed-schemes": "https;http;local",
    "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "false",
  };
  const uris = [
    `http://u:${secret()}@${host}/job.jar?token=${secret()}`,
    `http://u:${secret()}@${host}/redirect?token=${secret()}`,
    `http://u:${secret()}@127.0.0.1:1/job.jar`,
    `http://u:${secret()}@/job.jar`,
    `https://u:${secret()}@${host}/job.jar`,
    `local://u:${secret()}@host/job.jar`,
    `ftp://u:${secret()}@host/job.jar`,
    `${secret()}@host/job.jar`,
  ];
  const said: unknown[] = [];
  for (const header of [`Authorization: Bearer ${secret()}`, `"X-A": "${secret()}\u0001"`])
    for (const uri of uris) {
      const configuration = { "kubernetes.operator.user.artifacts.http.header": header };
      const request = { uri, operator, configuration, signal: AbortSignal.timeout(2000) };
      said.push(await failureOf(openJar(request, { fetchS3: () => Promise.reject(new Error("none")) })));
    }
  expectNoMark(said);
});

test("state storage: keys in options, environment, paths and answers", async () => {
  const body = `<Error><Code>AccessDenied</Code><Message>no</Message><AWSAccessKeyId>${secret()}</AWSAccessKeyId></Error>`;
  const server = await localServer((_, response) => void response.writeHead(403).end(body));
  onTestFinished(() => server.close());
  const env = { AWS_ACCESS_KEY_ID: secret(), AWS_SECRET_ACCESS_KEY: secret(), AWS_SESSION_TOKEN: secret() };
  const storages = new StateStorages({ env, callMs: 500 });
  onTestFinished(() => storages.close());
  const keys = { "s3.access-key": secret(), "s3.secret-key": secret() };
  const said: unknown[] = [];
  for (const endpoint of [
    server.access.server,
    "http://127.0.0.1:1",
    `http://u:${secret()}@`,
    `u:${secret()}@x`,
  ])
    for (const own of [{}, keys, { "s3.access-key": `${secret()}\n`, "s3.secret-key": secret() }])
      for (const uri of ["s3://bucket/a", `s3://key:${secret()}@bucket/a`]) {
        const answer = await storages.open({ "s3.endpoint": endpoint, ...own }).list(uri, "");
        expect(answer.ok).toBe(false);
        said.push(answer);
      }
  expectNoMark(said);
});

test("the admission webhook: refusals and warnings", () => {
  const said = WRONG.flatMap(([, change]) => {
    const resource = marked(job());
    const object = { ...resource, spec: change(resource.spec) } as FlinkDeployment;
    const kind = { group: "flink.apache.org", kind: object.kind };
    const common = { uid: "u", kind, namespace: "team", object };
    const review = { ...common, operation: "UPDATE" as const, oldObject: marked(job()) };
    return [
      validateAdmission({ ...common, operation: "CREATE" }, { operator: {} }),
      validateAdmission(review, { operator: {} }),
    ];
  });
  expect(said.some(({ allowed }) => !allowed)).toBe(true);
  expect(said.some(({ warnings = [] }) => warnings.length > 0)).toBe(true);
  expectNoMark(said);
});

test("logs: an address that nobody thought of", () => {
  const said: string[] = [];
  const log = createLogger("info", { write: (line) => void said.push(line) });
  log.warn({ key: "a/b", path: `s3://key:${secret()}@bucket/x`, count: 3 }, "something");
  expect(JSON.parse(said[0] ?? "")).toMatchObject({ key: "a/b", path: "s3://***@bucket/x", count: 3 });
  expectNoMark(said);
});

test("Flink: what its exceptions say", async () => {
  const addresses = [
    `s3a://key:${secret()}@bucket/x`,
    `http://u:${secret()}@h`,
    `jdbc:mysql://db/x?useSSL=true&password=${secret()}`,
    `https://b/x?X-Amz-Signature=${secret()}`,
  ];
  const trace = `org.apache.flink.util.FlinkException: no\nCaused by: java.io.IOException: ${addresses.join(" ")}\n`;
  const answers: readonly FlinkTransport[] = [
    async () => ({ status: 500, body: JSON.stringify({ errors: ["Internal server error.", trace] }) }),
    async () => ({ status: 200, body: `not JSON ${secret()}` }),
    async () => ({ status: 502, body: `<html>${secret()}</html>` }),
    () => Promise.reject(new Error(`connect to http://u:${secret()}@host failed`)),
  ];
  const refused = await Promise.all(
    answers.map((transport) => new FlinkRestClient({ transport }).jobsOverview()),
  );
  expect(refused.map(({ ok }) => ok)).toEqual([false, false, false, false]);
  const entry = { exceptionName: "E", stacktrace: trace, timestamp: 1 };
  const failure = { "failure-cause": { class: "E", "stack-trace": trace } };
  const over = { status: { id: "COMPLETED" }, operation: failure };
  const body = JSON.stringify({
    "root-exception": trace,
    exceptionHistory: { entries: [{ ...entry, concurrentExceptions: [entry] }] },
    ...over,
  });
  const client = new FlinkRestClient({ transport: async () => ({ status: 200, body }) });
  const told = await Promise.all([
    client.jobExceptions("a"),
    client.applicationExceptions("a"),
    client.savepointStatus("a", "b"),
    client.checkpointStatus("a", "b"),
    client.disposalStatus("b"),
  ]);
  expect(told.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
  expect(JSON.stringify(told)).toContain("jdbc:mysql://db/x?useSSL=true&password=***");
  expectNoMark([...refused, ...told]);
});
