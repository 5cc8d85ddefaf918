/**
 * The *node* size of the testbed: pods really run, with cluster DNS, Services and an S3 server. One on a machine,
 * brought up by `bin/testbed up` and shared by whoever uses it. Needs root.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { startApiServer, waitUntilReady } from "./lib/control-plane-processes.ts";
import { run, tryRun } from "./lib/exec.ts";
import { freshNamespace } from "./lib/namespaces.ts";
import { imageReferences } from "./lib/node/images.ts";
import { nodeDir, s3Access, s3Dir, s3Endpoint } from "./lib/node/layout.ts";
import { enforcePolicies } from "./lib/node/policies.ts";
import { readState, type NodeState } from "./lib/node/state.ts";
import { unhealthy } from "./lib/node/status.ts";
import { podProcesses } from "./lib/node/traces.ts";
import { repository } from "./lib/paths.ts";
import { isAlive, logFile, readIdentity, stop } from "./lib/processes.ts";
import { safely } from "./lib/safely.ts";

export interface S3 {
  /** The same for pods and for this machine. Use path-style access. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  /** The folder that holds the bucket's objects as files. Makes the bucket where it does not exist. */
  readonly bucketDir: (bucket: string) => string;
}

export interface NodeTestbed {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  readonly s3: S3;
  /** Image build name → the name for pods, with `imagePullPolicy: Never`. */
  readonly images: typeof imageReferences;
  /** Runs kubectl as the administrator and answers its stdout. Throws with its stderr. */
  readonly kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
  readonly freshNamespace: (prefix?: string) => Promise<string>;
  /** SIGKILL; back with restartApiServer. */
  readonly killApiServer: () => Promise<void>;
  readonly restartApiServer: () => Promise<void>;
  /** For that many seconds connections to the API server stay open and nothing answers. */
  readonly stallApi: (seconds: number) => Promise<void>;
  /** SIGKILL to all of a pod's processes at once, as the kernel does it when memory is out. Answers how many there were. */
  readonly killPod: (namespace: string, pod: string) => Promise<number>;
  /** NetworkPolicies hold from now on, until the testbed goes down. */
  readonly enforcePolicies: () => Promise<void>;
  /** All namespaces of users and all S3 data gone. */
  readonly reset: () => Promise<void>;
  /** The log file of a component: `kubelet`, `kube-apiserver`, … */
  readonly logFile: (component: string) => string;
}

const minutes = 60_000;

/** The running node testbed, brought up first where it is not running or not well. Images are loaded by name. */
export async function useNode(
  images: readonly string[] = Object.keys(imageReferences),
): Promise<NodeTestbed> {
  await testbedCommand(["up", "--images", images.length === 0 ? "none" : images.join(",")]);
  return attachNode();
}

/** The running node testbed as it is. Throws when there is none. */
export function attachNode(): NodeTestbed {
  const dir = nodeDir();
  const state = readState(dir);
  if (state === undefined) throw new Error(`no node testbed is up in ${dir}: bin/testbed up`);
  return describe(dir, state);
}

/** Why the node size cannot be used here; undefined where it can. */
export function nodeObstacle(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  return process.getuid?.() === 0 ? undefined : "needs root";
}

async function testbedCommand(args: readonly string[]): Promise<void> {
  const command = join(repository, "bin", "testbed");
  // The first time on a machine it compiles Kubernetes and makes images.
  const { code, stderr } = await tryRun(command, args, { deadline: 60 * minutes, showErrors: true });
  if (code !== 0) throw new Error(`bin/testbed ${args.join(" ")} failed:\n${stderr.slice(-3000)}`);
}

function describe(dir: string, state: NodeState): NodeTestbed {
  const { url, caPem, token, kubeconfigPath, launch, programs } = state;
  const kubectlPath = join(programs.kubernetes, "kubectl");
  const kubectl = (args: readonly string[], stdin?: string): Promise<string> =>
    run(kubectlPath, ["--kubeconfig", kubeconfigPath, ...args], { stdin, deadline: 10 * minutes });
  return {
    url,
    caPem,
    token,
    kubeconfigPath,
    kubectlPath,
    s3: { endpoint: s3Endpoint, ...s3Access, bucketDir: (bucket) => bucketDir(dir, bucket) },
    images: imageReferences,
    kubectl,
    freshNamespace: (prefix) => freshNamespace(kubectl, true, prefix),
    killApiServer: () => stop(dir, "kube-apiserver"),
    restartApiServer: async () => {
      await stop(dir, "kube-apiserver");
      startApiServer(launch);
      await waitUntilReady(launch, state);
    },
    stallApi: (seconds) => stall(dir, seconds),
    killPod: (namespace, pod) => killPod(kubectl, namespace, pod),
    enforcePolicies: () => enforcePolicies(dir),
    reset: () => testbedCommand(["reset"]),
    logFile: (component) => logFile(dir, component),
  };
}

function bucketDir(dir: string, bucket: string): string {
  const path = join(s3Dir(dir), bucket);
  mkdirSync(path, { recursive: true });
  return path;
}

async function killPod(kubectl: NodeTestbed["kubectl"], namespace: string, pod: string): Promise<number> {
  const uid = await kubectl(["get", "pod", pod, "-n", namespace, "-o", "jsonpath={.metadata.uid}"]);
  // The sandbox's own process stays: without it the pod would get a new address, which is another kind of failure.
  const pids = podProcesses(`pod${uid}`).filter(
    (pid) => safely(() => readlinkSync(`/proc/${pid}/exe`)) !== "/pause",
  );
  for (const pid of pids) safely(() => process.kill(pid, "SIGKILL"));
  return pids.length;
}

/** A shell of its own does it, so that the server goes on even when the test is killed meanwhile. */
function stall(dir: string, seconds: number): Promise<void> {
  const identity = readIdentity(dir, "kube-apiserver");
  if (identity === undefined || !isAlive(identity)) throw new Error("the API server does not run");
  const script = `kill -STOP ${identity.pid}; sleep ${seconds}; kill -CONT ${identity.pid}`;
  const shell = spawn("/bin/sh", ["-c", script], { detached: true, stdio: "ignore" });
  return new Promise((resolve, reject) => {
    shell.on("error", reject);
    shell.on("close", () => resolve());
  });
}

/** Whether a node testbed runs and is well. */
export async function isNodeUp(): Promise<boolean> {
  const state = readState(nodeDir());
  return state !== undefined && (await unhealthy(nodeDir(), state)).length === 0;
}

export function takeNodeDown(): Promise<void> {
  return testbedCommand(["down"]);
}
