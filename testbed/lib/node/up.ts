/** Brings the node size up: a control plane and one node that really runs pods. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { builtPrograms } from "../builds.ts";
import type { ControlPlane } from "../control-plane.ts";
import {
  createIdentities,
  startApiServer,
  startControllerManager,
  startEtcd,
  waitUntilReady,
  type Identities,
  type Launch,
} from "../control-plane-processes.ts";
import { run } from "../exec.ts";
import { kubeconfig } from "../kubeconfig.ts";
import { freePorts } from "../ports.ts";
import { assertAlive, stop } from "../processes.ts";
import { step } from "../progress.ts";
import { waitFor } from "../wait.ts";
import {
  components,
  startContainerd,
  startDns,
  startKubelet,
  startProxy,
  startS3,
  startScheduler,
  type Programs,
} from "./components.ts";
import { configFiles, serviceRoute } from "./configs.ts";
import { containerdAnswers, removeContainers } from "./containers.ts";
import { assertNotTaken, down } from "./down.ts";
import { importArchive, loadImage } from "./images.ts";
import {
  bridge,
  bridgeAddress,
  containerdRoot,
  containerdSocket,
  nodeName,
  podRange,
  ports,
  s3Dir,
  serviceRange,
} from "./layout.ts";
import { ensurePackages } from "./packages.ts";
import { readState, writeState, writeWhole, type NodeState } from "./state.ts";
import { unhealthy } from "./status.ts";
import { prepareSysctls } from "./sysctls.ts";
import { bridgeOwner, makeCgroups } from "./traces.ts";

/** Brings it up with the named images, or finds it running and well. Whatever is half there is taken down first. */
export async function up(dir: string, images: readonly string[]): Promise<NodeState> {
  if (process.getuid?.() !== 0)
    throw new Error("the node size needs root (the api size does not: --size api)");
  // The kernel takes no longer name for a socket.
  if (containerdSocket(dir).length > 100) throw new Error(`the state folder's name is too long: ${dir}`);
  assertNotTaken(dir, await bridgeOwner());
  await ensurePackages();
  const programs = await buildPrograms();
  const state = (await runningWell(dir, programs)) ?? (await fresh(dir, programs));
  for (const name of images) await loadImage(dir, name);
  return state;
}

async function buildPrograms(): Promise<Programs> {
  return {
    kubernetes: await builtPrograms("kubernetes"),
    etcd: await builtPrograms("etcd"),
    coredns: await builtPrograms("coredns"),
    versitygw: await builtPrograms("versitygw"),
    baseImages: await builtPrograms("base-images"),
  };
}

/** What runs already, where it is all well and made of these very programs. */
async function runningWell(dir: string, programs: Programs): Promise<NodeState | undefined> {
  const state = readState(dir);
  if (state === undefined || !isDeepStrictEqual(state.programs, programs)) return undefined;
  return (await unhealthy(dir, state)).length === 0 ? state : undefined;
}

async function fresh(dir: string, programs: Programs): Promise<NodeState> {
  await step("removing what an earlier run left", () => down(dir));
  rmSync(join(dir, "logs"), { recursive: true, force: true });
  return step("starting Kubernetes", () => startAll(dir, programs));
}

async function startAll(dir: string, programs: Programs): Promise<NodeState> {
  mkdirSync(s3Dir(dir), { recursive: true });
  mkdirSync(containerdRoot(), { recursive: true });
  for (const [name, content] of Object.entries(configFiles(dir, containerdRoot()))) {
    writeWhole(join(dir, name), content);
  }
  await makeNetwork(dir);
  makeCgroups();
  startS3(dir, programs);
  const [{ launch, identities }] = await Promise.all([
    startControlPlane(dir, programs),
    prepareContainerd(dir, programs),
  ]);
  startControllerManager(launch);
  startScheduler(dir, programs);
  startProxy(dir, programs);
  startDns(dir, programs);
  await startNode(dir, programs, identities);
  const { url, caPem, token, kubeconfigPath } = identities;
  const state = { launch, programs, url, caPem, token, kubeconfigPath };
  await waitUntilWell(dir, state);
  writeState(dir, state);
  return state;
}

async function makeNetwork(dir: string): Promise<void> {
  prepareSysctls(dir);
  await run("ip", ["link", "add", bridge, "type", "bridge"]);
  await run("ip", ["link", "set", bridge, "alias", dir]);
  await run("ip", ["address", "add", `${bridgeAddress}/24`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
  await run("ip", ["route", "add", ...serviceRoute]);
}

async function startControlPlane(
  dir: string,
  programs: Programs,
): Promise<{ launch: Launch; identities: Identities }> {
  const [etcdPort = 0, etcdPeerPort = 0] = await freePorts(2);
  const plane: ControlPlane = {
    pki: join(dir, "pki"),
    etcdData: join(dir, "etcd"),
    etcdPort,
    etcdPeerPort,
    apiPort: ports.api,
    bindAddress: bridgeAddress,
    advertiseAddress: bridgeAddress,
    serviceRange,
    podRange,
    controllers: ["*"],
  };
  const launch: Launch = {
    plane,
    dir,
    kubernetes: programs.kubernetes,
    etcd: programs.etcd,
    lifetime: "detached",
  };
  const identities = await createIdentities(plane);
  startEtcd(launch);
  startApiServer(launch);
  await waitUntilReady(launch, identities);
  return { launch, identities };
}

async function prepareContainerd(dir: string, { baseImages }: Programs): Promise<void> {
  await runContainerd(dir);
  // A run that was killed leaves containers in the lasting records, which containerd has just read.
  if ((await removeContainers(dir)) > 0) {
    await stop(dir, "containerd", 5_000);
    await runContainerd(dir);
  }
  await importArchive(dir, join(baseImages, "pause.tar"), "sluice.test/pause:1");
  await importArchive(dir, join(baseImages, "tools.tar"), "sluice.test/tools:1");
}

async function runContainerd(dir: string): Promise<void> {
  startContainerd(dir);
  await waitFor("containerd to answer", () => containerdAnswers(dir), {
    deadline: 60_000,
    alive: () => assertAlive(dir, "containerd"),
  });
}

async function startNode(
  dir: string,
  programs: Programs,
  { authority, url, caPem }: Identities,
): Promise<void> {
  const client = await authority.issue("kubelet", {
    user: `system:node:${nodeName}`,
    groups: ["system:nodes"],
    names: [`DNS:${nodeName}`, `IP:${bridgeAddress}`],
  });
  writeWhole(join(dir, "pki", "kubelet.kubeconfig"), kubeconfig(url, caPem, client));
  startKubelet(dir, programs);
}

async function waitUntilWell(dir: string, state: NodeState): Promise<void> {
  await waitFor(
    "all components to be well",
    async () => {
      const missing = await unhealthy(dir, state);
      if (missing.length > 0) throw new Error(`not well: ${missing.join(", ")}`);
      return true;
    },
    {
      deadline: 120_000,
      alive: () => {
        for (const name of Object.keys(components)) assertAlive(dir, name);
      },
    },
  );
  const kubectl = join(state.programs.kubernetes, "kubectl");
  const wait = ["--kubeconfig", state.kubeconfigPath, "wait", "--timeout=120s"];
  await run(kubectl, [...wait, "--for=create", `node/${nodeName}`], { deadline: 130_000 });
  await run(kubectl, [...wait, "--for=condition=Ready", `node/${nodeName}`], { deadline: 130_000 });
  await run(kubectl, [...wait, "--for=create", "serviceaccount/default"], { deadline: 130_000 });
}
