/** Two operators on a real API server, and receivers that fail, hang and redirect: who is told what, and by whom. */
import { writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { flinkDeployment } from "../../../testbed/gen/flink-deployment.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../../support/api-testbed.ts";
import { freePort, ownFolder, startOperator } from "../../support/operator.ts";
import { bringUpJob, type ScriptedFlink, startScriptedFlink } from "../../support/scripted-flink.ts";

const deadline = 30_000;
const TOKEN = "SECRET-a1b2";

interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly data: { readonly reasons: readonly string[]; readonly message: string };
}

interface Seen {
  readonly path: string;
  readonly body: CloudEvent & { readonly text?: string };
  readonly answer: number;
}

let api: ApiForTests;
let flink: ScriptedFlink;
let namespace: string;
let config: string;
let server: Server;
let removeFolder: () => Promise<void>;
const ports: number[] = [];
const stops: (() => Promise<void>)[] = [];
const seen: Seen[] = [];

/** The first request to each path gets 500, but on those that always do the same. */
function answerOf(path: string): number {
  if (path === "/moved") return 302;
  return seen.some((one) => one.path === path) ? 200 : 500;
}

function answer(response: ServerResponse, path: string, body: Seen["body"]): void {
  if (path === "/hangs") return;
  const code = answerOf(path);
  seen.push({ path, body, answer: code });
  response.writeHead(code, code === 302 ? { location: "/elsewhere" } : {}).end();
}

const url = (path: string): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}?token=${TOKEN}`;

async function configure(receivers: object): Promise<void> {
  await writeFile(
    config,
    JSON.stringify({
      "kubernetes.operator.observer.progress-check.interval": "100 ms",
      "kubernetes.operator.dynamic.config.check.interval": "100 ms",
      "sluice.notifications": receivers,
    }),
  );
}

const told = (path: string): CloudEvent[] =>
  seen.filter((one) => one.path === path && one.answer === 200).map(({ body }) => body);

async function metricsOf(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

function metric(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1) ?? 0);
}

async function patch(spec: object): Promise<void> {
  await api.kubectl([
    "-n",
    namespace,
    "patch",
    "flinkdep",
    "job",
    "--type=merge",
    "-p",
    JSON.stringify({ spec }),
  ]);
}

beforeAll(async () => {
  api = apiTestbed();
  flink = await startScriptedFlink("notifications");
  namespace = await api.freshNamespace("notifications");
  const [folder, remove] = await ownFolder();
  removeFolder = remove;
  server = createServer((request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    text(request).then(
      (body) => answer(response, path, JSON.parse(body) as Seen["body"]),
      // An operator that ends cuts off what it is sending.
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  config = join(folder, "config.yaml");
  const secret = join(folder, "url");
  await writeFile(secret, `${url("secret")}\n`);
  await configure({
    events: { url: url("events") },
    secret: { "url-from-file": secret, format: "slack", reasons: ["Deployed", "Suspended"] },
    hangs: { url: url("hangs") },
    moved: { url: url("moved") },
    others: { url: url("others"), namespaces: "another-namespace" },
  });
  await api.kubectl(["-n", namespace, "create", "serviceaccount", "flink"]);
  for (let nth = 0; nth < 2; nth++) {
    const healthPort = await freePort();
    ports.push(healthPort);
    stops.push(
      startOperator({
        kubeconfig: api.kubeconfigPath,
        namespace,
        configFile: config,
        healthPort,
        flinkClients: flink.clients,
        leaderElection: { isAskedFor: true, namespace },
      }),
    );
  }
});

afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await flink.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await removeFolder();
});

test("each change is told once it can be, to whom it is for, and by the leader alone", async () => {
  const manifest = { ...flinkDeployment(), metadata: { name: "job", namespace } };
  await api.kubectl(["apply", "-f", "-"], JSON.stringify(manifest));
  await bringUpJob(api, namespace, flink.cluster);
  const isToldOf = (path: string, what: (one: CloudEvent) => boolean) => (): boolean => told(path).some(what);
  const deployed = isToldOf("/events", ({ type }) => type === "sluice.Deployed");
  await waitFor("the deployment to be told", deployed, { deadline });
  await waitFor(
    "the chat",
    isToldOf("/secret", () => true),
    { deadline },
  );

  const all = seen.filter(({ path }) => path === "/events");
  expect(all[0]?.answer).toBe(500);
  expect(all[1]?.body).toEqual(all[0]?.body);
  const ids = told("/events").map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const resource = `/apis/flink.apache.org/v1beta1/namespaces/${namespace}/flinkdeployments/job`;
  expect(new Set(told("/events").map(({ source }) => source))).toEqual(new Set([resource]));
  const [chat] = seen.filter(({ path }) => path === "/secret");
  expect(chat?.body.text).toContain(`Deployed: FlinkDeployment ${namespace}/job`);

  const metrics = await Promise.all(ports.map(metricsOf));
  const sent = 'sluice_notifications_total{receiver="events",result="sent"}';
  expect(metrics.map((text) => metric(text, sent)).toSorted((a, b) => a - b)).toEqual([0, ids.length]);
  const leader = metrics.find((text) => metric(text, sent) > 0) ?? "";
  expect(metric(leader, 'sluice_notification_retries_total{receiver="events"}')).toBe(1);
  expect(metric(leader, 'sluice_notifications_waiting{receiver="hangs"}')).toBeGreaterThan(0);
  expect(metric(leader, 'sluice_notifications_total{receiver="moved",result="rejected"}')).toBeGreaterThan(0);
  expect(seen.map(({ path }) => path)).not.toContain("/elsewhere");
  expect(seen.map(({ path }) => path)).not.toContain("/others");
  expect(metrics.join("")).not.toContain(TOKEN);
});

test("receivers change while the operator runs; none of their options gets into a cluster or a resource", async () => {
  await configure({ late: { url: url("late"), reasons: ["Suspended"] } });
  const known = async (): Promise<boolean> => (await metricsOf(ports[0] ?? 0)).includes('receiver="late"');
  await waitFor("the new receiver", known, { deadline });
  await waitFor(
    "the second operator to know, too",
    async () => (await metricsOf(ports[1] ?? 0)).includes('receiver="late"'),
    { deadline },
  );
  await patch({ job: { state: "suspended", upgradeMode: "stateless" } });
  await waitFor("the suspension", () => told("/late").length > 0, { deadline: 60_000 });
  expect(told("/late").map(({ type }) => type)).toEqual(["sluice.Suspended"]);

  const list = async (kind: string): Promise<KubeObject[]> => {
    const found = await api.kubectl(["-n", namespace, "get", kind, "-o", "json"]);
    return (JSON.parse(found) as { items: (FlinkDeployment | KubeObject)[] }).items;
  };
  const objects = await Promise.all(["flinkdep", "configmaps", "events", "deployments"].map(list));
  expect(objects.flat().length).toBeGreaterThan(3);
  expect(JSON.stringify(objects)).not.toContain(TOKEN);
});
