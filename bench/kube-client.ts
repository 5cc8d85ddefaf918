/**
 * Sluice's Kubernetes client against @kubernetes/client-node, on the same API server in the same run.
 *
 *     node bench/kube-client.ts [pods] [rounds]
 *
 * Each measurement is a process of its own; rounds alternate between the two, and the medians are shown.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubeObject } from "../src/api/kube-object.ts";

// What is measured is imported where it is measured: nothing but Node's own above.
const NAMESPACE = "default";
const CALLS = 50;

interface Figures {
  readonly importMs: number;
  readonly importCpuMs: number;
  readonly importMiB: number;
  readonly listMs: number;
  readonly listCpuMs: number;
  readonly keptMiB: number;
  readonly peakMiB: number;
  readonly connections: number;
}

if (process.argv[2] === "--subject") await beSubject(process.argv[3] ?? "", process.argv[4] ?? "");
else await compare(Number(process.argv[2] ?? 5000), Number(process.argv[3] ?? 5));

async function compare(pods: number, rounds: number): Promise<void> {
  const { startApi } = await import("../testbed/api.ts");
  const testbed = await startApi({ controllers: false });
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    const counter = await countingRelay(Number(new URL(testbed.url).port));
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, testbed.adminKubeconfig.replaceAll(testbed.url, counter.url));
    await makePods(kubeconfig, pods);
    const results: Record<string, Figures[]> = { sluice: [], "client-node": [] };
    for (let round = 0; round < rounds; round++) {
      for (const [subject, figures] of Object.entries(results)) {
        const listing = await runSubject(subject, "list", kubeconfig);
        const before = counter.accepted();
        await runSubject(subject, "calls", kubeconfig);
        figures.push({ ...listing, connections: counter.accepted() - before } as Figures);
      }
    }
    await counter.close();
    show(pods, results);
  } finally {
    rmSync(folder, { recursive: true });
    await testbed.stop();
  }
}

function show(pods: number, results: Record<string, Figures[]>): void {
  const rows: [string, keyof Figures][] = [
    ["import, ms", "importMs"],
    ["the same, ms of CPU", "importCpuMs"],
    ["import, MiB resident", "importMiB"],
    [`list of ${pods} pods, ms`, "listMs"],
    ["the same, ms of CPU", "listCpuMs"],
    ["kept by the list, MiB of heap", "keptMiB"],
    ["peak, MiB resident", "peakMiB"],
    [`connections for ${CALLS} calls`, "connections"],
  ];
  console.log("| medians | Sluice | client-node | ratio |\n|---|---|---|---|");
  for (const [name, field] of rows) {
    const [ours, theirs] = ["sluice", "client-node"].map((subject) =>
      median((results[subject] ?? []).map((figures) => figures[field])),
    );
    const ratio = ((theirs ?? 0) / Math.max(ours ?? 0, 0.01)).toFixed(1);
    console.log(`| ${name} | ${ours?.toFixed(0)} | ${theirs?.toFixed(0)} | ${ratio} |`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function runSubject(subject: string, what: string, kubeconfig: string): Promise<Partial<Figures>> {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const args = ["--expose-gc", import.meta.filename, "--subject", subject, what];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  return JSON.parse(output) as Partial<Figures>;
}

async function beSubject(subject: string, what: string): Promise<void> {
  const resident = process.memoryUsage().rss;
  const cpuBefore = cpuMs();
  const began = performance.now();
  const { list, close } = await (subject === "sluice" ? openSluice() : openClientNode());
  const importMs = performance.now() - began;
  const importCpuMs = cpuMs() - cpuBefore;
  const importMiB = (process.memoryUsage().rss - resident) / 2 ** 20;
  if (what === "calls") {
    for (let nth = 0; nth < CALLS; nth++) await list(1);
    await close();
    console.log("{}");
    return;
  }
  await list(1);
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const cpu = cpuMs();
  const start = performance.now();
  const kept = await list();
  const listMs = performance.now() - start;
  const listCpuMs = cpuMs() - cpu;
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  globalThis.gc?.();
  const keptMiB = (process.memoryUsage().heapUsed - heap) / 2 ** 20;
  console.error(`  ${subject}: ${kept.length} pods in ${listMs.toFixed(0)} ms`);
  console.log(JSON.stringify({ importMs, importCpuMs, importMiB, listMs, listCpuMs, keptMiB, peakMiB }));
  await close();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Subject {
  /** Lists pods the way the library's own informer does; with a limit, that many. */
  readonly list: (limit?: number) => Promise<readonly unknown[]>;
  readonly close: () => Promise<void>;
}

async function openSluice(): Promise<Subject> {
  const { KubeClient, PODS, loadKubeConfig } = await sluice();
  const client = new KubeClient(await loadKubeConfig({ env: process.env }));
  return {
    list: async (limit) =>
      limit === undefined
        ? (await client.list(PODS, { namespace: NAMESPACE })).items
        : (await client.listPage(PODS, { namespace: NAMESPACE, limit })).items,
    close: () => client.close(),
  };
}

async function openClientNode(): Promise<Subject> {
  const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromDefault();
  const api = config.makeApiClient(CoreV1Api);
  return {
    list: async (limit) =>
      (await api.listNamespacedPod({ namespace: NAMESPACE, ...(limit === undefined ? {} : { limit }) }))
        .items,
    close: () => Promise.resolve(),
  };
}

async function sluice(): Promise<
  typeof import("../src/kube/client.ts") &
    typeof import("../src/kube/config.ts") &
    typeof import("../src/kube/resource-type.ts")
> {
  return {
    ...(await import("../src/kube/client.ts")),
    ...(await import("../src/kube/config.ts")),
    ...(await import("../src/kube/resource-type.ts")),
  };
}

async function makePods(kubeconfig: string, count: number): Promise<void> {
  const { KubeClient, PODS, loadKubeConfig } = await sluice();
  const client = new KubeClient(await loadKubeConfig({ kubeconfig, env: {} }));
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await client.create(PODS, taskManager(next++));
  };
  await Promise.all(Array.from({ length: 12 }, worker));
  await client.close();
}

/** About as large as a TaskManager's pod. */
function taskManager(nth: number): KubeObject {
  const name = `job-${nth % 100}-taskmanager-1-${nth}`;
  const variables = [
    "FLINK_TM_JVM_MEM_OPTS",
    "ENABLE_BUILT_IN_PLUGINS",
    "AWS_REGION",
    "LOG_LEVEL",
    "POD_IP",
    "TZ",
  ];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: {
        app: `job-${nth % 100}`,
        component: "taskmanager",
        type: "flink-native-kubernetes",
        team: "data",
      },
      annotations: { "flinkdeployment.flink.apache.org/generation": "2", "prometheus.io/scrape": "true" },
    },
    spec: {
      restartPolicy: "Never",
      containers: [
        {
          name: "flink-main-container",
          image: "registry.example.com/team/flink-job:2.3-java17",
          command: ["/docker-entrypoint.sh"],
          args: [
            "bash",
            "-c",
            `kubernetes-taskmanager.sh -Djobmanager.memory.heap.size=469762048b -D nth=${nth}`.repeat(4),
          ],
          env: variables.map((variable) => ({
            name: variable,
            value: `${variable.toLowerCase()} of ${name}`,
          })),
          ports: [{ name: "taskmanager-rpc", containerPort: 6122 }],
          resources: { limits: { cpu: "1", memory: "2Gi" }, requests: { cpu: "500m", memory: "2Gi" } },
          volumeMounts: [{ name: "flink-config-volume", mountPath: "/opt/flink/conf" }],
        },
      ],
      volumes: [{ name: "flink-config-volume", configMap: { name: `flink-config-job-${nth % 100}` } }],
    },
  };
}

/** Passes bytes on, TLS untouched, and counts the connections. */
async function countingRelay(
  port: number,
): Promise<{ url: string; accepted: () => number; close: () => Promise<unknown> }> {
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    const upstream = connect(port, "127.0.0.1");
    socket.pipe(upstream).pipe(socket);
    socket.on("error", () => upstream.destroy());
    upstream.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted: () => accepted,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
