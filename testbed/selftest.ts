/**
 * The testbed's own test, on this machine, as root: `node testbed/selftest.ts`. About two minutes with warm caches.
 * Ends with everything down.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { run } from "./lib/exec.ts";
import { containerdRoot, nodeDir } from "./lib/node/layout.ts";
import { traces } from "./lib/node/traces.ts";
import { repository } from "./lib/paths.ts";
import { identify, isAlive, pidFile, readIdentity } from "./lib/processes.ts";
import { waitFor } from "./lib/wait.ts";
import { attachNode } from "./node.ts";

const dir = nodeDir();
const command = join(repository, "bin", "testbed");
const minutes = 60_000;

function testbed(...args: string[]): Promise<string> {
  return run(command, args, { deadline: 20 * minutes, showErrors: true });
}

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

const sysctls = ["net/ipv4/ip_forward", "kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory"];

function readSysctls(): string[] {
  return sysctls.map((name) => readFileSync(`/proc/sys/${name}`, "utf8").trim());
}

async function assertNothingLeft(): Promise<void> {
  const left = await traces(dir);
  assert(left.length === 0, `left behind:\n${left.join("\n")}`);
  const changed = readSysctls();
  assert(isDeepStrictEqual(changed, before), `kernel settings are ${changed.join()}, were ${before.join()}`);
}

function pod(name: string, script: string): unknown {
  const container = {
    name: "main",
    image: "sluice.test/tools:1",
    imagePullPolicy: "Never",
    command: ["/bin/sh", "-c", script],
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { restartPolicy: "Never", containers: [container] },
  };
}

/** A pod that finds another one through a Service's name, and the S3 server, and is told that other names do not exist. */
async function podsWork(): Promise<string> {
  const { kubectl, freshNamespace, s3 } = attachNode();
  const namespace = await freshNamespace("selftest");
  const serve = "mkdir /www; echo it works >/www/index.html; exec httpd -f -p 8080 -h /www";
  const ask = `until wget -qO- http://web.${namespace}.svc; do usleep 100000; done
    wget -SO- ${s3.endpoint} 2>&1 | grep -o '403 Forbidden'
    nslookup web.example.org | grep -o NXDOMAIN`;
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
  };
  const items = [pod("web", serve), service, pod("client", ask)];
  await kubectl(
    ["apply", "-n", namespace, "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items }),
  );
  const done = ["--for=jsonpath={.status.phase}=Succeeded", "pod/client", "--timeout=120s"];
  await kubectl(["wait", "-n", namespace, ...done]);
  const log = await kubectl(["logs", "-n", namespace, "client"]);
  for (const line of ["it works", "403 Forbidden", "NXDOMAIN"])
    assert(log.includes(line), `no "${line}" in: ${log}`);
  return namespace;
}

async function podsMayDie(): Promise<void> {
  const { kubectl, freshNamespace, killPod } = attachNode();
  const namespace = await freshNamespace("selftest");
  const of = ["-n", namespace];
  await kubectl(["create", "deployment", "d", "--image=sluice.test/tools:1", ...of, "--", "sleep", "1000"]);
  await kubectl(["wait", "--for=condition=Available", "deployment/d", ...of, "--timeout=60s"]);
  const name = await kubectl(["get", "pods", ...of, "-o", "jsonpath={.items[0].metadata.name}"]);
  assert((await killPod(namespace, name)) === 1, "one process was there to kill");
  const restarted = "--for=jsonpath={.status.containerStatuses[0].restartCount}=1";
  await kubectl(["wait", restarted, `pod/${name}`, ...of, "--timeout=60s"]);
}

async function resetEmptiesIt(): Promise<void> {
  const namespace = await podsWork();
  await testbed("reset");
  const { kubectl, s3 } = attachNode();
  assert(!(await kubectl(["get", "namespaces"])).includes(namespace), `${namespace} is still there`);
  assert(existsSync(s3.bucketDir("new")), "a new bucket can be made after a reset");
  await podsWork();
}

async function apiServerMayFail(): Promise<void> {
  const { kubectl, killApiServer, restartApiServer, stallApi } = attachNode();
  await killApiServer();
  await restartApiServer();
  await kubectl(["get", "nodes"]);
  const started = performance.now();
  const stalled = stallApi(3);
  await kubectl(["get", "nodes"]);
  assert(performance.now() - started > 2_500, "kubectl got its answer while the API server was stalled");
  await stalled;
}

async function downAfterKills(): Promise<void> {
  for (const name of ["kube-apiserver", "containerd"]) {
    const identity = readIdentity(dir, name);
    assert(identity !== undefined && isAlive(identity), `${name} does not run`);
    process.kill(identity.pid, "SIGKILL");
  }
  await testbed("down");
  await assertNothingLeft();
}

/** Kills `up` with SIGKILL as soon as the named component was started. */
async function killUpAt(component: string): Promise<void> {
  const up = spawn(command, ["up", "--images", "none"], { detached: true, stdio: "ignore" });
  const { pid } = up;
  assert(pid !== undefined && identify(pid) !== undefined, "up does not start");
  const ended = new Promise((resolve) => up.on("close", resolve));
  await waitFor(`${component} to be started`, () => existsSync(pidFile(dir, component)), {
    deadline: 2 * minutes,
    interval: 10,
  });
  process.kill(-pid, "SIGKILL");
  await ended;
}

async function crashedUps(): Promise<void> {
  for (const component of ["versitygw", "etcd", "kubelet"]) {
    await killUpAt(component);
    await testbed("down");
    await assertNothingLeft();
  }
  await killUpAt("kube-proxy");
  await testbed("up", "--images", "none");
  await podsWork();
}

/** The whole machine's testbed dies with pods running, and `up` alone makes it good. */
async function upAfterKills(): Promise<void> {
  for (const name of ["containerd", "kubelet", "etcd", "kube-apiserver"]) {
    const identity = readIdentity(dir, name);
    if (identity !== undefined && isAlive(identity)) process.kill(identity.pid, "SIGKILL");
  }
  await testbed("up", "--images", "none");
  await podsWork();
}

const kubelet = readIdentity(dir, "kubelet");
if (kubelet !== undefined && isAlive(kubelet)) {
  console.error(`a node testbed is in use in ${dir}; this test would kill it. First: bin/testbed down`);
  process.exit(1);
}
const before = readSysctls();
const steps: Record<string, () => Promise<unknown>> = {
  "down from whatever there was": () => testbed("down"),
  up: () => testbed("up", "--images", "none"),
  "up once more": () => testbed("up", "--images", "none"),
  "pods, Services, DNS, S3": podsWork,
  "a pod's processes killed": podsMayDie,
  reset: resetEmptiesIt,
  "API server killed and stalled": apiServerMayFail,
  "down after the API server and containerd were killed": downAfterKills,
  "up killed in the middle": crashedUps,
  "up after everything was killed": upAfterKills,
  "last down": async () => {
    await testbed("down");
    await assertNothingLeft();
    assert(existsSync(containerdRoot()), "the image contents survive");
  },
};
for (const [title, work] of Object.entries(steps)) {
  const started = performance.now();
  await work();
  console.log(`ok ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
