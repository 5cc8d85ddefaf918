/** Two operators as processes of their own, under load, on a real API server and scripted JobManagers. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import type { Lease } from "../../../src/kube/lease-rules.ts";
import { FLINK_DEPLOYMENTS, LEASES } from "../../../src/kube/resource-type.ts";
import { flinkDeployment } from "../../../testbed/gen/flink-deployment.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type Replica, Replicas } from "../../../testbed/replicas.ts";
import { ScriptedFleet } from "../../../testbed/scripted-fleet.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { installRights, kubeconfigOf, ownFolder } from "../../support/operator.ts";
import { accessTo } from "../kube/support.ts";

const LEASE_DURATION_MS = 5000;
/** The rights to the Lease are for there. */
const HOME = "sluice-system";
/** `make test-full` does it often, which takes minutes. */
const often = process.env["SLUICE_TEST_OFTEN"] === "1";
const KILLS = often ? 50 : 3;
const OTHERS = often ? 8 : 2;
const quickly = { deadline: 60_000, interval: 10 };

let client: KubeClient;
let namespace: string;
let replicas: Replicas;
let fleet: ScriptedFleet;
let removeFolder: () => Promise<void>;
let loading: Promise<void>;
let unload: AbortController;

async function holder(): Promise<string> {
  const lease = await client.get<Lease>(LEASES, HOME, "sluice-operator");
  return lease?.spec?.holderIdentity ?? "";
}

async function leader(): Promise<Replica> {
  return waitFor("a leader", async () => replicas.byIdentity(await holder()), quickly);
}

/** Another one leads, and has looked at something; milliseconds since `began`. */
async function gapAfter(old: Replica, began: number): Promise<number> {
  const taken = async (): Promise<boolean> => {
    const now = await holder();
    return now !== "" && replicas.byIdentity(now) !== old;
  };
  await waitFor("another one to lead", taken, quickly);
  const gap = performance.now() - began;
  await untilLooked();
  return gap;
}

let looks = 0;

/** A suspended job's edit costs nobody anything, and is observed by whoever acts. */
async function untilLooked(): Promise<void> {
  const patch = { spec: { restartNonce: ++looks } };
  const edited = await client.patch(FLINK_DEPLOYMENTS, namespace, "probe", patch, { kind: "merge" });
  const isObserved = async (): Promise<boolean> => {
    const found = await client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, "probe");
    return (found?.status?.observedGeneration ?? 0) >= (edited.metadata.generation ?? 0);
  };
  await waitFor("an edit to be observed", isObserved, quickly);
}

async function load(): Promise<void> {
  while (!unload.signal.aborted) {
    await fleet.edit();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

beforeEach(async () => {
  const api = apiTestbed();
  namespace = await api.freshNamespace("fail-over");
  let folder: string;
  [folder, removeFolder] = await ownFolder();
  await installRights(api);
  await api.kubectl(["-n", namespace, "create", "serviceaccount", "flink"]);
  const kubeconfig = await kubeconfigOf(api, folder, { namespace: HOME, name: "sluice-operator" });
  const configFile = join(folder, "operator.yaml");
  const configuration = {
    "kubernetes.operator.leader-election.lease-duration": `${LEASE_DURATION_MS} ms`,
    "kubernetes.operator.leader-election.renew-deadline": "3500 ms",
    "kubernetes.operator.leader-election.retry-period": "500 ms",
    "kubernetes.operator.observer.progress-check.interval": "200 ms",
    "kubernetes.operator.reconcile.interval": "2 s",
    "kubernetes.operator.snapshot.resource.enabled": "false",
  };
  await writeFile(configFile, stringify(configuration));
  client = new KubeClient(accessTo(api));
  fleet = await ScriptedFleet.start(client, namespace, { sessions: 3, jobsEach: 6, applications: 3 });
  const { metadata: _, spec, ...rest } = flinkDeployment();
  const probe = { ...spec, job: { ...spec.job, state: "suspended" as const } };
  await client.create(FLINK_DEPLOYMENTS, { ...rest, metadata: { name: "probe", namespace }, spec: probe });
  await client.delete(LEASES, HOME, "sluice-operator");
  replicas = new Replicas({ count: 2, kubeconfig, namespace, leaseNamespace: HOME, configFile });
  await Promise.all(replicas.all.map((replica) => replicas.untilReady(replica)));
  await leader();
  await untilLooked();
  unload = new AbortController();
  loading = load();
});

afterEach(async () => {
  unload.abort();
  await loading;
  await replicas.close();
  await fleet.close();
  await client.close();
  await removeFolder();
});

/** Both are there, and one leads. */
async function standbyReady(): Promise<void> {
  await waitFor("two operators", () => replicas.running.length === 2, quickly);
  await Promise.all(replicas.running.map((replica) => replicas.untilReady(replica)));
}

async function endWell(): Promise<void> {
  unload.abort();
  await loading;
  await fleet.untilStable(120_000);
  expect(fleet.violations).toEqual([]);
}

test(
  `the leader is killed ${KILLS} times under load; no job is submitted twice`,
  { timeout: 900_000 },
  async () => {
    const gaps: number[] = [];
    for (let nth = 0; nth < KILLS; nth++) {
      const { size } = fleet.starts;
      await standbyReady();
      await waitFor("work to be done between two kills", () => fleet.starts.size > size, quickly);
      const old = await leader();
      const began = performance.now();
      old.process.kill("SIGKILL");
      gaps.push(await gapAfter(old, began));
    }
    await endWell();
    const longest = Math.max(...gaps);
    console.log(`longest gap ${longest.toFixed(0)} ms, ${fleet.starts.size} jobs started`);
    // The lease's duration, a look of the standby, and a machine that is busy.
    expect(longest).toBeLessThan(LEASE_DURATION_MS + 5000);
  },
);

test("a leader that is told to end hands over at once", { timeout: 300_000 }, async () => {
  const gaps: number[] = [];
  for (let nth = 0; nth < OTHERS; nth++) {
    await standbyReady();
    const old = await leader();
    const began = performance.now();
    old.process.kill("SIGTERM");
    gaps.push(await gapAfter(old, began));
    await waitFor("it to end", () => old.end !== undefined, quickly);
    expect(old.end).toBe("0");
  }
  await endWell();
  console.log(`hand-over ${gaps.map((gap) => gap.toFixed(0)).join(", ")} ms`);
  expect(gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)]).toBeLessThan(2000);
});

test(
  "a leader that was stopped, and wakes up when another one leads, does nothing, stands by, and leads again in its turn",
  { timeout: 300_000 },
  async () => {
    for (let nth = 0; nth < OTHERS; nth++) {
      await standbyReady();
      const old = await leader();
      const began = performance.now();
      old.process.kill("SIGSTOP");
      await gapAfter(old, began);
      const woken = Date.now();
      old.process.kill("SIGCONT");
      const sinceWoken = (): typeof old.lines => old.lines.filter(({ at }) => at >= woken);
      const isLost = (): boolean => sinceWoken().some(({ msg }) => msg.startsWith("leadership lost"));
      await waitFor("it to know that it lost", isLost, quickly);
      await untilLooked();
      // What was under way when it was stopped meets the fence, or finds its connection cut.
      const acted = sinceWoken().filter(({ action }) => action !== undefined);
      expect(acted.filter(({ message = "" }) => !/not sent|client is destroyed/.test(message))).toEqual([]);
      const other = await leader();
      expect(other).not.toBe(old);
      other.process.kill("SIGKILL");
      await waitFor("it to lead again", async () => replicas.byIdentity(await holder()) === old, quickly);
      await untilLooked();
      expect(old.end).toBeUndefined();
    }
    await endWell();
  },
);
