/** Real processes, but not Flink's: scripts in its place that run, listen, or end as a test wants it. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import type { Action, ObservedCluster } from "../../reconcile/decision.ts";
import { isAvailable } from "../../reconcile/deployment/observe-job-manager.ts";
import { podProblems } from "../../reconcile/deployment/pod-problems.ts";
import { LocalCluster } from "./cluster.ts";
import { endProcesses, findProcesses, type Role, startProcess } from "./processes.ts";

const JOB = "0123456789abcdef0123456789abcdef";
const LISTENS = `
port=$(sed -n '/^rest:/,/^[^ ]/s/^ *port: *"\\{0,1\\}\\([0-9]*\\)"\\{0,1\\}$/\\1/p' "$FLINK_CONF_DIR/config.yaml")
exec ${process.execPath} -e "require('net').createServer().listen($port, '127.0.0.1')"
`;
const WAITS = "exec sleep 600";
const FAILS = 'echo "Caused by: java.lang.Exception: no"; exit 1';

let folder: string;
let home: string;
let now: number;
let cluster: LocalCluster;

function script(name: string, text: string): void {
  const path = join(home, "bin", name);
  writeFileSync(path, `#!/bin/bash\n${text}\n`);
  chmodSync(path, 0o755);
}

beforeEach(() => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "sluice-cluster-")));
  [folder, home] = [join(base, "job"), join(base, "flink")];
  mkdirSync(folder);
  mkdirSync(join(home, "bin"), { recursive: true });
  script("standalone-job.sh", LISTENS);
  script("taskmanager.sh", WAITS);
  now = 1_700_000_000_000;
  cluster = new LocalCluster({
    folder,
    flinkHome: async () => home,
    env: { ...process.env, MY_VARIABLE: "kept", FLINK_CONF_DIR: "/elsewhere" },
    now: () => now,
  });
});

afterEach(() => endProcesses(() => findProcesses(folder), 0));

const resource: FlinkDeployment = {
  apiVersion: "flink.apache.org/v1beta1",
  kind: "FlinkDeployment",
  metadata: { name: "counting", namespace: "default", uid: "sluice-counting", generation: 2 },
  spec: {},
};

function create(parallelism = 1): Extract<Action, { type: "create-cluster" }> {
  return {
    type: "create-cluster",
    existing: undefined,
    inputs: {
      owner: { name: "counting", namespace: "default", uid: "sluice-counting" },
      spec: {
        mode: "standalone",
        flinkVersion: "v2_3",
        serviceAccount: "flink",
        flinkConfiguration: {
          "rest.port": "0",
          "state.checkpoints.dir": pathToFileURL(join(folder, "cp")).toString(),
        },
        job: { jarURI: "file:///job.jar", parallelism },
      },
      generation: 2,
      jobId: JOB,
      restore: { kind: "none" },
      attemptId: "a",
      defaults: {},
    },
  };
}

async function until(holds: (seen: ObservedCluster) => boolean, tick = 0): Promise<ObservedCluster> {
  for (let n = 0; n < 400; n++) {
    now += tick;
    const seen = await cluster.observe(resource);
    if (holds(seen)) return seen;
    await pause(25);
  }
  throw new Error(JSON.stringify(await cluster.observe(resource), undefined, 2));
}

const pids = (role?: Role): number[] =>
  findProcesses(folder)
    .filter((one) => one.isLeader && (role === undefined || one.role === role))
    .map(({ pid }) => pid);
const names = (objects: readonly KubeObject[]): string[] => objects.map(({ metadata }) => metadata.name);
/** As decisions see that nothing can have run: unavailable since it was made. */
function neverAnswered(deployment: KubeObject | undefined): boolean {
  const { conditions = [] } = (deployment?.["status"] ?? {}) as {
    conditions?: { status: string; lastTransitionTime: string }[];
  };
  const [available] = conditions;
  const created = deployment?.metadata.creationTimestamp;
  return available?.status === "False" && available.lastTransitionTime === created;
}
const uidOf = (object: KubeObject | undefined): string => object?.metadata.uid ?? "";

test("a cluster is seen as Kubernetes' objects, available when its JobManager listens", async () => {
  await cluster.create(create(2));
  const first = cluster.look(resource);
  expect(isAvailable(first.deployment)).toBe(false);
  expect(neverAnswered(first.deployment)).toBe(true);
  const seen = await until(({ deployment }) => isAvailable(deployment));
  expect(neverAnswered(seen.deployment)).toBe(false);
  expect(seen.deployment?.metadata).toMatchObject({
    name: "counting",
    annotations: { "flinkdeployment.flink.apache.org/generation": "2" },
    ownerReferences: [{ uid: "sluice-counting" }],
  });
  expect(names(seen.services)).toEqual(["counting-rest", "counting"]);
  expect(names(seen.configMaps)).toEqual(["flink-config-counting"]);
  expect(seen.taskManagers).toMatchObject({
    metadata: { name: "counting-taskmanager", ownerReferences: [{ kind: "Deployment", name: "counting" }] },
    spec: { replicas: 2 },
  });
  expect(seen.pods.map(({ metadata }) => metadata.labels?.["component"] ?? "").sort()).toEqual([
    "jobmanager",
    "taskmanager",
    "taskmanager",
  ]);
});

test("creating it again is the same", async () => {
  await cluster.create(create());
  const before = pids();
  await cluster.create(create());
  await cluster.observe(resource);
  expect(pids()).toEqual(before);
});

test("a TaskManager that ends is started again after a pause, the others stay", async () => {
  await cluster.create(create(2));
  await until(() => pids("taskmanager").length === 2);
  const [killed = 0, other = 0] = pids("taskmanager");
  process.kill(killed, "SIGKILL");
  await until(() => !pids("taskmanager").includes(killed));
  await cluster.observe(resource);
  expect(pids("taskmanager")).toEqual([other]);
  now += 600;
  await until(() => pids("taskmanager").length === 2);
  expect(pids("taskmanager")).toContain(other);
});

test("a JobManager that has answered is never started a second time: it is lost", async () => {
  await cluster.create(create());
  await until(({ deployment }) => isAvailable(deployment));
  process.kill(pids("jobmanager")[0] ?? 0, "SIGKILL");
  const seen = await until(({ deployment }) => deployment === undefined, 10_000);
  expect(seen.services).toEqual([]);
  expect(seen.configMaps).toEqual([]);
  expect(pids("taskmanager")).toHaveLength(1);
  await cluster.deleteTaskManagers(uidOf(seen.taskManagers));
  expect(pids()).toEqual([]);
  expect(await cluster.observe(resource)).toMatchObject({
    pods: [],
    deployment: undefined,
    taskManagers: undefined,
  });
});

test("so is one that left a checkpoint before anybody saw it answer", async () => {
  script("standalone-job.sh", `mkdir -p '${join(folder, "cp", JOB, "chk-1")}'; exit 1`);
  await cluster.create(create());
  const seen = await until(({ deployment }) => deployment === undefined);
  expect(seen.taskManagers).toBeDefined();
});

test("one that never answered is started again with other ports, and says why when it ends again", async () => {
  script("standalone-job.sh", FAILS);
  await cluster.create(create());
  const ports = cluster.file()?.ports;
  const seen = await until(({ pods }) => podProblems(pods).length > 0, 200);
  expect(podProblems(seen.pods)).toMatchObject([
    { reason: "CrashLoopBackOff", message: expect.stringContaining("Caused by: java.lang.Exception: no") },
  ]);
  expect(neverAnswered(seen.deployment)).toBe(true);
  expect(cluster.file()?.ports).not.toEqual(ports);
  script("standalone-job.sh", LISTENS);
  await until(({ deployment }) => isAvailable(deployment), 1000);
});

test("somebody else's server on its port is not its answer", async () => {
  script("standalone-job.sh", WAITS);
  await cluster.create(create());
  const port = cluster.file()?.ports.rest ?? 0;
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((ready) => server.listen(port, "127.0.0.1", ready));
  const seen = await cluster.observe(resource);
  expect(isAvailable(seen.deployment)).toBe(false);
  server.close();
});

test("taken down: the JobManager first, then everything, by uid only", async () => {
  await cluster.create(create());
  const { deployment } = await until((seen) => isAvailable(seen.deployment));
  await cluster.stopJobManager("another");
  await cluster.delete("another");
  expect(pids()).toHaveLength(2);
  await cluster.stopJobManager(uidOf(deployment));
  expect(pids("jobmanager")).toEqual([]);
  expect(pids("taskmanager")).toHaveLength(1);
  const stopped = await cluster.observe(resource);
  expect(stopped.deployment).toMatchObject({ spec: { replicas: 0 } });
  await cluster.delete(uidOf(deployment));
  expect(pids()).toEqual([]);
  expect(cluster.file()).toBeUndefined();
});

test("scaled in both directions", async () => {
  await cluster.create(create());
  const { taskManagers } = await until(() => pids("taskmanager").length === 1);
  const uid = uidOf(taskManagers);
  await cluster.scale({ type: "scale-task-managers", uid, replicas: 3, annotations: { a: "b" } });
  await until(() => pids("taskmanager").length === 3);
  await cluster.scale({ type: "scale-task-managers", uid, replicas: 1, annotations: { a: "c" } });
  const seen = await until(() => pids("taskmanager").length === 1);
  expect(seen.taskManagers?.metadata.annotations).toEqual({ a: "c" });
});

test("processes of no cluster that is wanted are ended, and their children with them", async () => {
  const mark = { folder, cluster: "older", role: "taskmanager" } as const;
  const common = { env: process.env, logFile: join(folder, "log"), workingFolder: folder };
  startProcess({ ...common, mark, command: "bash", args: ["-c", "trap '' TERM; sleep 600 & sleep 601"] });
  while (findProcesses(folder).length < 3) await pause(10);
  await cluster.keep();
  expect(findProcesses(folder)).toEqual([]);
});

test("killed: nothing runs, and the JobManager is lost", async () => {
  await cluster.create(create());
  await until(({ deployment }) => isAvailable(deployment));
  await cluster.kill();
  expect(pids()).toEqual([]);
  expect(cluster.look(resource).deployment).toBeUndefined();
});

test("the shell's variables reach the job, those of another Flink do not, and files are their owner's", async () => {
  script("taskmanager.sh", 'env >"$FLINK_LOG_DIR/env"; exec sleep 600');
  const { readFileSync, statSync } = await import("node:fs");
  await cluster.create(create());
  const read = (): string => {
    try {
      return readFileSync(join(folder, "logs", "env"), "utf8");
    } catch {
      return "";
    }
  };
  while (!read().includes("MY_VARIABLE")) await pause(10);
  expect(read()).toContain("MY_VARIABLE=kept\n");
  expect(read()).toContain(`FLINK_CONF_DIR=${join(folder, "conf")}\n`);
  expect(statSync(join(folder, "conf", "config.yaml")).mode & 0o077).toBe(0);
  expect(statSync(join(folder, "cluster.json")).mode & 0o077).toBe(0);
});
