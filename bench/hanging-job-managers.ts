/**
 * What JobManagers that accept and never answer cost the others.
 *
 *     node bench/hanging-job-managers.ts [jobs] [hanging] [seconds]
 *
 * The operator's caches, queue and controller, in this process, on the api testbed; a scripted Flink REST server for all
 * JobManagers. All jobs run at first. Then some JobManagers hang, all at the same moment, and stay so. Of the other jobs:
 * how long a pass takes, how long after its time it begins, how often Flink is looked at, and how soon an edit is seen.
 */
import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { buildConnector } from "undici";
import type { FlinkDeployment } from "../src/api/flink-deployment.ts";
import type { KubeObject } from "../src/api/kube-object.ts";
import { FlinkDeploymentController } from "../src/controller/flink-deployment-controller.ts";
import type { PassOutcome } from "../src/controller/pass-shell.ts";
import { createFlinkAgent } from "../src/flink-rest/transport.ts";
import { KubeClient } from "../src/kube/client.ts";
import { loadKubeConfig } from "../src/kube/config.ts";
import { EventRecorder } from "../src/kube/event-recorder.ts";
import { DEPLOYMENTS, FLINK_DEPLOYMENTS } from "../src/kube/resource-type.ts";
import { keyOf } from "../src/kube/store.ts";
import { createCaches } from "../src/operator/caches.ts";
import { controllerConfig } from "../src/operator/configuration.ts";
import { flinkClients } from "../src/controller/flink-clients.ts";
import { createQueue } from "../src/operator/queue.ts";
import { Metrics } from "../src/telemetry/metrics/metrics.ts";
import { createLogger } from "../src/telemetry/log.ts";
import { startApi } from "../testbed/api.ts";
import { ScriptedCluster } from "../testbed/flink-rest/scripted-cluster.ts";
import { FlinkRestServer, type Handle } from "../testbed/flink-rest/server.ts";
import { flinkDeployment, withSpec } from "../testbed/gen/flink-deployment.ts";
import { available, jobManagerDeployment } from "../testbed/gen/kube-objects.ts";
import { JOB_ID, running } from "../testbed/gen/recorded-status.ts";

const [jobs = 1000, hanging = 100, seconds = 60] = process.argv.slice(2).map(Number);
const WORKERS = Number(process.env["WORKERS"] ?? 200);
const EDITS = 40;
const NAMESPACE = "default";
const names = Array.from({ length: jobs }, (_, nth) => `job-${nth}`);
/** Every so many-th hangs, so that they lie among the others in every order. */
const stride = Math.max(1, Math.floor(jobs / Math.max(1, hanging)));
const hangs = new Set(names.filter((_, nth) => nth % stride === 0).slice(0, hanging));

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: 12 }, worker));
}

/** A job as it is recorded and stands in Kubernetes after it was deployed. */
async function makeJob(client: KubeClient, name: string): Promise<void> {
  const draft = flinkDeployment(withSpec({ flinkVersion: "v2_3" }));
  const metadata = { ...withoutIdentity(draft.metadata), name, namespace: NAMESPACE };
  const created = await client.create<FlinkDeployment>(FLINK_DEPLOYMENTS, { ...draft, metadata });
  running()(created);
  await client.replaceStatus<FlinkDeployment>(FLINK_DEPLOYMENTS, created);
  const labels = { app: name, component: "jobmanager", type: "flink-native-kubernetes" };
  const wanted = jobManagerDeployment(created);
  const deployment = await client.create<KubeObject>(DEPLOYMENTS, {
    ...wanted,
    metadata: { ...withoutIdentity(wanted.metadata), labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "flink-main-container", image: "a" }] },
      },
    },
    status: undefined,
  });
  available()(deployment);
  const status = { ...(deployment["status"] as object), replicas: 1, readyReplicas: 1 };
  await client.replaceStatus(DEPLOYMENTS, { ...deployment, status });
}

function withoutIdentity(metadata: KubeObject["metadata"]): KubeObject["metadata"] {
  const kept = Object.entries(metadata).filter(([name]) => name !== "uid" && name !== "creationTimestamp");
  return Object.fromEntries(kept) as unknown as KubeObject["metadata"];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

interface Figures {
  /** Milliseconds, of jobs that do not hang. */
  readonly passes: number[];
  readonly late: number[];
  readonly edits: number[];
  hangingPasses: number;
  /** Milliseconds that passes over hanging ones took, together. */
  hangingMs: number;
}

const fresh = (): Figures => ({
  passes: [],
  late: [],
  edits: [],
  hangingPasses: 0,
  hangingMs: 0,
});

const testbed = await startApi({
  controllers: false,
  manifests: [join(import.meta.dirname, "../deploy/crds")],
});
// A CRD without any conditions yet is an error to kubectl.
const established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
for (let tries = 0; tries < 20; tries++) {
  const done = await testbed.kubectl(established).then(
    () => true,
    () => false,
  );
  if (done) break;
  await pause(1000);
}
const rest = await FlinkRestServer.start();
const client = new KubeClient(await loadKubeConfig({ kubeconfig: testbed.kubeconfigPath, env: {} }));
const handles = new Map<string, Handle>();

for (const name of names) {
  const cluster = new ScriptedCluster({ version: "2.3" });
  const job = cluster.addJob({ jobId: JOB_ID, name });
  cluster.checkpoint(job);
  handles.set(name, rest.add(NAMESPACE, name, cluster));
}

const connector = buildConnector({});
const agent = createFlinkAgent({
  connect: (options, callback) => {
    connector({ ...options, hostname: "127.0.0.1", host: "127.0.0.1", port: String(rest.port) }, callback);
  },
});
const log = createLogger("fatal");
const configuration = controllerConfig({ "kubernetes.operator.reconcile.interval": "15 s" }, undefined);
const ready: ((key: string) => void)[] = [];
const wake = (key: string): void => ready.forEach((one) => one(key));
const caches = createCaches(
  client,
  { namespace: NAMESPACE, snapshots: false, ingresses: false, monitors: false },
  { deployment: wake, sessionJob: () => {}, snapshot: () => {}, monitors: () => {} },
  (error) => log.warn({ error: String(error) }, "watch failed, trying again"),
);
const clients = flinkClients(client, "direct", { agent, onAnswer: wake });
const controller = new FlinkDeploymentController({
  client,
  cachesFor: () => caches,
  isWatched: () => true,
  events: new EventRecorder(client),
  log,
  flinkFor: clients.clientFor,
  findRetained: () => Promise.resolve({ kind: "none" }),
  config: () => configuration,
  now: Date.now,
});

let figures = fresh();
const due = new Map<string, number>();
const pass = controller.pass.bind(controller);
controller.pass = async (key: string): Promise<PassOutcome> => {
  const name = key.split("/")[1] ?? "";
  const began = performance.now();
  const mine = figures;
  const dueAt = due.get(key);
  const outcome = await pass(key);
  const ended = performance.now();
  if (outcome.kind === "again") due.set(key, ended + outcome.after);
  if (hangs.has(name)) {
    mine.hangingPasses++;
    mine.hangingMs += ended - began;
  } else {
    mine.passes.push(ended - began);
    if (dueAt !== undefined) mine.late.push(Math.max(0, began - dueAt));
  }
  return outcome;
};

/** An edit that restarts nothing; the time until its generation is observed. */
async function edit(name: string, nth: number): Promise<void> {
  const began = performance.now();
  const edited = await client.patch<FlinkDeployment>(
    FLINK_DEPLOYMENTS,
    NAMESPACE,
    name,
    { spec: { job: { autoscalerResetNonce: nth } } },
    { kind: "merge" },
  );
  const mine = figures;
  for (;;) {
    const { status } = caches.resources.get(NAMESPACE, name) ?? {};
    if ((status?.observedGeneration ?? 0) >= (edited.metadata.generation ?? 0)) break;
    await pause(5);
  }
  mine.edits.push(performance.now() - began);
}

let editRound = 1;

async function measure(): Promise<Figures> {
  figures = fresh();
  const mine = figures;
  const well = names.filter((name) => !hangs.has(name));
  const editing: Promise<void>[] = [];
  for (let nth = 0; nth < EDITS; nth++) {
    await pause((seconds * 1000) / EDITS);
    editing.push(edit(well[(nth * 7) % well.length] ?? "", editRound++));
  }
  await Promise.all(editing);
  return mine;
}
console.error(`making ${jobs} jobs`);
await inParallel(names, (name) => makeJob(client, name));
const informers = [caches.resources, caches.deployments, caches.pods];
for (const informer of informers) informer.start();
await Promise.all(informers.map(({ synced }) => synced));
const queue = createQueue(
  { name: "flinkdeployment", pass: (key) => controller.pass(key) },
  new Metrics(),
  WORKERS,
  log,
);
ready.push((key) => queue.add(key));
for (const object of caches.resources.list()) queue.add(keyOf(object));
console.error("warming up");
await pause(20_000);

const rows: [string, Figures][] = [];
rows.push(["none hangs", await measure()]);
for (const name of hangs) handles.get(name)?.fail({ fault: { kind: "hang" } });
rows.push([`${hangs.size} begin to hang`, await measure()]);
rows.push([`${hangs.size} hang`, await measure()]);
for (const name of hangs) handles.get(name)?.heal();
rows.push(["all have recovered", await measure()]);

console.log(`${jobs} jobs, ${hangs.size} of them hanging, ${WORKERS} workers, ${seconds} s each\n`);
console.log(
  "| of the others | passes | pass p50 / p99 ms | begins late p50 / p99 ms | edit seen p50 / p99 ms | hanging: passes, busy workers |",
);
console.log("|---|---|---|---|---|---|");
for (const [name, found] of rows) {
  const both = (values: readonly number[]): string =>
    `${quantile(values, 0.5).toFixed(0)} / ${quantile(values, 0.99).toFixed(0)}`;
  const busy = (found.hangingMs / (seconds * 1000)).toFixed(1);
  console.log(
    `| ${name} | ${found.passes.length} | ${both(found.passes)} | ${both(found.late)} | ${both(found.edits)} | ${found.hangingPasses}, ${busy} |`,
  );
}
const stuck = [...hangs].filter((name) => {
  const { status } = caches.resources.get(NAMESPACE, name) ?? {};
  return status?.jobStatus?.state !== "RUNNING";
});
console.log(`\nof those that hung, not seen RUNNING again: ${stuck.length}`);
await queue.stop();
await Promise.all(informers.map((informer) => informer.stop()));
await rest.close();
await clients.close();
await client.close();
await testbed.stop();
