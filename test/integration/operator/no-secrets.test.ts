/** The operator as a process, fed with marked secrets: none is in its logs, events, status and metrics. */
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import {
  flinkDeployment,
  withConfiguration,
  withJob,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../../support/api-testbed.ts";
import { freePort, installRights, kubeconfigOf, ownFolder } from "../../support/operator.ts";

const deadline = 60_000;
const MARK = "SECRET-";
let count = 0;
const secret = (): string => `${MARK}${++count}-a1b2`;

let api: ApiForTests;
let namespace: string;
let token: string;
let port: number;
let config: string;
let logs = "";
let removeFolder: () => Promise<void>;
let stopOperator: () => Promise<void> = async () => undefined;

const apply = (object: object): Promise<string> => api.kubectl(["apply", "-f", "-"], JSON.stringify(object));

/** A name and a number of each is all that differs from one to the next. */
function marked(name: string): FlinkDeployment {
  return flinkDeployment(
    (draft) => {
      draft.metadata = { name, namespace };
      delete draft.status;
    },
    withConfiguration({
      "s3.secret-key": secret(),
      "fs.azure.account.key.store.blob.core.windows.net": secret(),
      "user.artifacts.http-headers": `Authorization:Basic ${secret()}`,
      "kubernetes.operator.user.artifacts.http.header": `Authorization:Bearer ${secret()}`,
      "s3.endpoint": `http://user:${secret()}@127.0.0.1:1`,
    }),
    withSpec({
      podTemplate: {
        spec: {
          containers: [{ name: "flink-main-container", env: [{ name: "DB_PASSWORD", value: secret() }] }],
        },
      },
    }),
    withJob({ args: [`--password=${secret()}`, `jdbc:mysql://user:${secret()}@db/x?token=${secret()}`] }),
  );
}

const sessionJob = (name: string, jarURI: string): object => ({
  apiVersion: "flink.apache.org/v1beta1",
  kind: "FlinkSessionJob",
  metadata: { name, namespace },
  spec: {
    deploymentName: "session",
    flinkConfiguration: {
      "kubernetes.operator.user.artifacts.http.header": `Authorization:Bearer ${secret()}`,
    },
    job: { jarURI, parallelism: 1, upgradeMode: "stateless" },
  },
});

async function start(kubeconfig: string): Promise<void> {
  const operator = spawn(
    join(repository, "bin/sluice"),
    [
      "operator",
      "--kubeconfig",
      kubeconfig,
      "-n",
      namespace,
      "--config",
      config,
      "--health-port",
      String(port),
    ],
    {
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: secret(),
        AWS_SECRET_ACCESS_KEY: secret(),
        AWS_SESSION_TOKEN: secret(),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  for (const stream of [operator.stdout, operator.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => void (logs += text));
  const ended = new Promise((resolve) => operator.once("exit", resolve));
  stopOperator = async () => {
    operator.kill("SIGTERM");
    await ended;
  };
}

const OPERATOR = (): object => ({
  "sluice.log.level": "debug",
  "kubernetes.operator.dynamic.config.check.interval": "100 ms",
  "kubernetes.operator.user.artifacts.allowed-schemes": "https;http;local",
  "kubernetes.operator.user.artifacts.disallow-restricted-hosts": "false",
  "s3.secret-key": secret(),
  "sluice.notifications.down.url": `http://user:${secret()}@127.0.0.1:1/${secret()}?token=${secret()}`,
  "sluice.notifications.wrong.url": secret(),
});

async function list(what: string): Promise<KubeObject[]> {
  const text = await api.kubectl(["-n", namespace, "get", what, "-o", "json"]);
  return (JSON.parse(text) as { items: KubeObject[] }).items;
}

async function eventReasons(): Promise<string[]> {
  return (await list("events")).map((event) => String(event["reason"]));
}

const hasReason = (reason: string) => async (): Promise<boolean> => (await eventReasons()).includes(reason);

beforeAll(async () => {
  api = apiTestbed();
  namespace = await api.freshNamespace("no-secrets");
  const [folder, remove] = await ownFolder();
  removeFolder = remove;
  await installRights(api);
  const kubeconfig = await kubeconfigOf(api, folder, { namespace: "sluice-system", name: "sluice-operator" });
  token = /token: (?<token>\S+)/.exec(await readFile(kubeconfig, "utf8"))?.groups?.["token"] ?? "";
  expect(token.length).toBeGreaterThan(100);
  port = await freePort();
  config = join(folder, "config.yaml");
  await writeFile(config, JSON.stringify(OPERATOR()));
  await start(kubeconfig);
});

afterAll(async () => {
  await stopOperator();
  await removeFolder();
});

/** Copies of the spec, readable by whoever may read the resource: docs/security.md. */
const COPIES = new Set(["lastReconciledSpec", "lastStableSpec", "spec", "jarURI"]);

test("none is said", async () => {
  await apply(marked("job"));
  const session = marked("session");
  delete session.spec.job;
  await apply(session);
  await apply(sessionJob("remote", `http://user:${secret()}@127.0.0.1:1/job.jar?token=${secret()}`));
  await apply(sessionJob("forbidden", `ftp://user:${secret()}@127.0.0.1:1/job.jar?token=${secret()}`));
  await waitFor("the JobManager", async () => (await list("deployments")).length === 2, { deadline });
  await apply(marked("job"));
  await waitFor("the change", hasReason("SpecChanged"), { deadline });
  const wrong = { "sluice.secret.s3.secret-key": secret(), "sluice.jar.secret": `${secret()}!` };
  const draft = marked("wrong");
  withConfiguration(wrong)(draft);
  await apply(draft);
  await waitFor("the refusal", hasReason("ValidationError"), { deadline });
  await writeFile(config, `s3.secret-key: "${secret()}\n`);
  await waitFor("the broken file", () => logs.includes("configuration unreadable"), { deadline });
  await api.kubectl(["-n", namespace, "delete", "flinkdep", "wrong", "--wait=false"]);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const resources = [...(await list("flinkdep")), ...(await list("flinksessionjobs"))];
  const statuses = JSON.stringify(
    resources.map(({ metadata, ...rest }) => [metadata.name, rest["status"]]),
    (key, value: unknown) => (COPIES.has(key) ? undefined : value),
  );
  const said = { logs, metrics, statuses, events: JSON.stringify(await list("events")) };
  expect(logs).toContain('"level":30');
  expect(logs).toContain("notification not sent");
  expect(metrics).toContain('sluice_resource_lifecycle_state{kind="FlinkDeployment"');
  expect(statuses).toContain("lifecycleState");
  for (const [where, text] of Object.entries(said)) {
    const found = text.match(new RegExp(`.{0,100}(${MARK}|${token}).{0,40}`, "g")) ?? [];
    expect(found, where).toEqual([]);
  }
});
