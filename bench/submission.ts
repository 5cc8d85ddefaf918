/**
 * One submission of an application cluster: Sluice against Flink's own command line, wall time and CPU, in one run.
 *
 *     node bench/submission.ts [submissions] [flink version]
 *
 * Both create the same objects on the api testbed. Sluice's figure is that of the running operator (rendering, the
 * requests, reading the answers), over many submissions; Flink's is a process, as its command line is. For the one who
 * wants to compare processes, `sluice render` (bundled, nothing sent) is there too.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { API_VERSION, type FlinkVersion } from "../src/api/flink-deployment.ts";
import { KubeClient } from "../src/kube/client.ts";
import { loadKubeConfig } from "../src/kube/config.ts";
import { CONFIG_MAPS, DEPLOYMENTS, SERVICES } from "../src/kube/resource-type.ts";
import { type ClusterInputs, ownedBy, renderNativeCluster } from "../src/resources/native-cluster.ts";
import { startApi } from "../testbed/api.ts";
import { repository } from "../testbed/lib/paths.ts";
import { bundle } from "../tools/bundle.ts";

const submissions = Number(process.argv[2] ?? 100);
const version = process.argv[3] ?? "2.3";
const execute = promisify(execFile);

interface Cost {
  /** Seconds. */
  readonly wall: number;
  readonly cpu: number;
}

function inputs(name: string, namespace: string): ClusterInputs {
  return {
    // No owner: the garbage collector would remove the cluster of a FlinkDeployment that does not exist.
    owner: { name, namespace, uid: "" },
    spec: {
      image: "registry.example/job:1",
      flinkVersion: `v${version.replace(".", "_")}` as FlinkVersion,
      serviceAccount: "flink",
      jobManager: { resource: { cpu: 1, memory: "1600m" } },
      taskManager: { resource: { cpu: 1, memory: "1728m" } },
      podTemplate: {
        spec: { containers: [{ name: "flink-main-container", env: [{ name: "A", value: "b" }] }] },
      },
      job: { jarURI: "local:///opt/flink/usrlib/job.jar", parallelism: 2, args: ["--in", "x"] },
    },
    generation: 1,
    jobId: "0".repeat(32),
    restore: { kind: "none" },
    attemptId: name,
    defaults: {},
  };
}

const types = { Service: SERVICES, ConfigMap: CONFIG_MAPS };

async function submitWithSluice(client: KubeClient, name: string, namespace: string): Promise<number> {
  const { deployment, owned } = renderNativeCluster(inputs(name, namespace));
  const created = await client.create(DEPLOYMENTS, deployment);
  await Promise.all(
    owned.map((object) => client.create(types[object.kind as keyof typeof types], ownedBy(object, created))),
  );
  return owned.length + 1;
}

async function sluice(client: KubeClient, namespace: string): Promise<Cost & { objects: number }> {
  for (let index = 0; index < 10; index++) await submitWithSluice(client, `warm-${index}`, namespace);
  const cpu = process.cpuUsage();
  const started = performance.now();
  let objects = 0;
  for (let index = 0; index < submissions; index++) {
    objects = await submitWithSluice(client, `job-${index}`, namespace);
  }
  const wall = (performance.now() - started) / 1000 / submissions;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6 / submissions, objects };
}

/** bash's `time` counts the process and all its children. */
async function timed(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Cost> {
  const script = `TIMEFORMAT='real=%R cpu=%U+%S'; time "$@" >/dev/null 2>&1`;
  const { stderr } = await execute("bash", ["-c", script, "bash", ...command], {
    env: { ...process.env, ...env },
    timeout: 300_000,
  });
  const [, wall, user, system] = /real=([\d.]+) cpu=([\d.]+)\+([\d.]+)/.exec(stderr) ?? [];
  return { wall: Number(wall), cpu: Number(user) + Number(system) };
}

async function flink(folder: string, kubeconfig: string, namespace: string): Promise<Cost> {
  const { stdout } = await execute(join(repository, "testbed/images/distribution.sh"), [version]);
  await writeFile(join(folder, version === "1.20" ? "flink-conf.yaml" : "config.yaml"), "");
  const config = join(folder, "kubeconfig");
  await writeFile(config, kubeconfig);
  const options = {
    "kubernetes.config.file": config,
    "kubernetes.cluster-id": "by-flink",
    "kubernetes.namespace": namespace,
    "kubernetes.container.image.ref": "registry.example/job:1",
    "jobmanager.memory.process.size": "1600m",
    "taskmanager.memory.process.size": "1728m",
  };
  const command = [
    join(stdout.trim(), "bin", "flink"),
    version === "1.20" ? "run-application" : "run",
    "-t",
    "kubernetes-application",
    ...Object.entries(options).map(([key, value]) => `-D${key}=${value}`),
    "local:///opt/flink/usrlib/job.jar",
  ];
  return timed(command, { FLINK_CONF_DIR: folder, FLINK_LOG_DIR: folder });
}

async function render(folder: string): Promise<Cost> {
  const file = join(folder, "job.json");
  const { owner, spec } = inputs("by-render", "default");
  const resource = { apiVersion: API_VERSION, kind: "FlinkDeployment", metadata: { name: owner.name }, spec };
  await writeFile(file, JSON.stringify(resource));
  return timed([process.execPath, await bundle(join(folder, "bundle")), "render", "-f", file]);
}

function line(name: string, { wall, cpu }: Cost, note: string): string {
  return `${name.padEnd(16)} ${(wall * 1000).toFixed(1).padStart(9)} ms wall ${(cpu * 1000).toFixed(1).padStart(9)} ms CPU   ${note}`;
}

const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
const testbed = await startApi();
try {
  const namespace = await testbed.freshNamespace("bench");
  // With a token: the library in Flink's client cannot read the keys of the administrator's certificate.
  const cluster = {
    server: testbed.url,
    "certificate-authority-data": Buffer.from(testbed.caPem).toString("base64"),
  };
  const kubeconfig = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "api", cluster }],
    users: [{ name: "admin", user: { token: testbed.token } }],
    contexts: [{ name: "api", context: { cluster: "api", user: "admin" } }],
    "current-context": "api",
  });
  const client = new KubeClient(
    await loadKubeConfig({ kubeconfig: testbed.kubeconfigPath, env: process.env }),
  );
  const ours = await sluice(client, namespace);
  await client.close();
  const theirs = await flink(folder, kubeconfig, namespace);
  console.log(line("Sluice", ours, `mean of ${submissions} submissions, ${ours.objects} objects each`));
  console.log(line("sluice render", await render(folder), "a process of its own, nothing sent"));
  console.log(line("bin/flink", theirs, `Flink ${version}, once`));
  console.log(
    `ratio ${(theirs.wall / ours.wall).toFixed(0)} in wall time, ${(theirs.cpu / ours.cpu).toFixed(0)} in CPU`,
  );
} finally {
  await rm(folder, { recursive: true });
  await testbed.stop();
}
