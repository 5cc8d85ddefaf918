/**
 * The *api* size of the testbed: a real etcd, a real API server (TLS, RBAC) and the controllers that collect garbage.
 * No node, so pods stay Pending. Ready in about ten seconds, needs no root, leaves nothing behind.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiSizeControllers, type ControlPlane } from "./lib/control-plane.ts";
import {
  createIdentities,
  resumeComponent,
  startApiServer,
  startControllerManager,
  startEtcd,
  waitUntilReady,
} from "./lib/control-plane-processes.ts";
import { builtPrograms } from "./lib/builds.ts";
import { existingCluster } from "./lib/existing-cluster.ts";
import { run } from "./lib/exec.ts";
import { freshNamespace } from "./lib/namespaces.ts";
import { stateDir } from "./lib/paths.ts";
import { freePorts } from "./lib/ports.ts";
import { identify, pause, ProcessEnded, recordedNames, stop } from "./lib/processes.ts";
import { sweepDeadRuns } from "./lib/runs.ts";
import { waitFor } from "./lib/wait.ts";

export interface ApiOptions {
  /** The folder for everything the testbed writes. Default: a new one, removed by `stop`. */
  readonly dataDir?: string;
  /**
   * Whether owner references are collected, namespaces deleted and service accounts made (default). Without, deleting
   * an owner leaves what it owns.
   */
  readonly controllers?: boolean;
  /** Manifests (files or folders) applied before the controllers start, so that they know the kinds from the start. */
  readonly manifests?: readonly string[];
  /** `detached`: goes on when this process ends. Default: ends with it, even when it is killed. */
  readonly lifetime?: "parent" | "detached";
}

export interface ApiTestbed {
  readonly url: string;
  /** The administrator's kubeconfig: a file, and the same as text. It authenticates by client certificate. */
  readonly kubeconfigPath: string;
  readonly adminKubeconfig: string;
  readonly caPem: string;
  /** The administrator's bearer token. Empty for an existing cluster whose kubeconfig has none. */
  readonly token: string;
  /** The folder with kubectl and the others. */
  readonly binDir: string;
  /** The folder with `logs/`. */
  readonly dataDir: string;
  /** True: the cluster of KUBECONFIG, which nobody here may stop or kill. */
  readonly existing: boolean;
  /** False: nothing collects garbage. */
  readonly controllers: boolean;
  /** Runs kubectl as the administrator and answers its stdout. Throws with its stderr. */
  readonly kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
  /** A namespace with a new name, ready to hold pods. */
  readonly freshNamespace: (prefix?: string) => Promise<string>;
  /** SIGKILL; back with restartApiServer, on the same port with the same data. */
  readonly killApiServer: () => Promise<void>;
  readonly restartApiServer: () => Promise<void>;
  /** Connections stay open and nothing answers (SIGSTOP), until resumeApiServer. */
  readonly stallApiServer: () => Promise<void>;
  readonly resumeApiServer: () => void;
  readonly stop: () => Promise<void>;
}

interface Programs {
  readonly etcd: string;
  readonly kubernetes: string;
}

async function programs(): Promise<Programs> {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  if (assets !== undefined && assets !== "") return { etcd: assets, kubernetes: assets };
  return { kubernetes: await builtPrograms("kubernetes"), etcd: await builtPrograms("etcd") };
}

/** Starts the api size. With KUBECONFIG and SLUICE_USE_EXISTING_CLUSTER=1 it is that cluster instead. */
export async function startApi(options: ApiOptions = {}): Promise<ApiTestbed> {
  const found = await programsOrExisting();
  if ("existing" in found) return found;
  await sweepDeadRuns();
  const attempts = 3;
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options, found);
    } catch (error) {
      // The likely cause is a port taken between finding it free and listening on it.
      if (!(error instanceof ProcessEnded) || attempt === attempts) throw error;
    }
  }
}

async function programsOrExisting(): Promise<Programs | ApiTestbed> {
  if (process.env["SLUICE_USE_EXISTING_CLUSTER"] === "1") return existingCluster();
  return programs();
}

function dataDirFor(options: ApiOptions): string {
  if (options.dataDir !== undefined) return options.dataDir;
  const runs = join(stateDir(), "runs");
  mkdirSync(runs, { recursive: true });
  return mkdtempSync(join(runs, "api-"));
}

async function startOnce(options: ApiOptions, { etcd, kubernetes }: Programs): Promise<ApiTestbed> {
  const dir = dataDirFor(options);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "owner.json"), JSON.stringify(identify(process.pid)));
  const [etcdPort = 0, etcdPeerPort = 0, apiPort = 0] = await freePorts(3);
  const withControllers =
    (options.controllers ?? true) && existsSync(join(kubernetes, "kube-controller-manager"));
  if ((options.controllers ?? true) && !withControllers) {
    console.error(`  no garbage collection: ${kubernetes} has no kube-controller-manager`);
  }
  const plane: ControlPlane = {
    pki: join(dir, "pki"),
    etcdData: join(dir, "etcd"),
    etcdPort,
    etcdPeerPort,
    apiPort,
    bindAddress: "127.0.0.1",
    serviceRange: "10.96.0.0/16",
    controllers: withControllers ? apiSizeControllers : [],
  };
  const launch = { plane, dir, kubernetes, etcd, lifetime: options.lifetime ?? ("parent" as const) };
  try {
    const identities = await createIdentities(plane);
    startEtcd(launch);
    startApiServer(launch);
    await waitUntilReady(launch, identities);
    const testbed = describe(launch, identities, options);
    await apply(testbed, options.manifests ?? []);
    if (withControllers) startControllerManager(launch);
    return testbed;
  } catch (error) {
    await end(dir, options.dataDir === undefined);
    throw error;
  }
}

/** Applied, and served: an API server under load answers 404 for seconds after it has taken a CRD. */
async function apply({ kubectl }: ApiTestbed, manifests: readonly string[]): Promise<void> {
  if (manifests.length === 0) return;
  await kubectl(["apply", "--server-side", ...manifests.flatMap((path) => ["-f", path])]);
  const path = "/apis/{.spec.group}/{.spec.versions[0].name}/{.spec.names.plural}";
  const paths = await kubectl(["get", "crds", "-o", `jsonpath={range .items[*]}${path} {end}`]);
  for (const served of paths.split(" ").filter((one) => one !== "")) {
    const ask = (): Promise<string> => kubectl(["get", "--raw", served]);
    await waitFor(`the API server to serve ${served}`, ask, { deadline: 60_000 });
  }
}

async function end(dir: string, remove: boolean): Promise<void> {
  // The data goes away or is crash-safe: nothing is gained by waiting for an orderly end.
  await Promise.all(recordedNames(dir).map((name) => stop(dir, name)));
  if (remove) rmSync(dir, { recursive: true, force: true });
}

type Launch = Parameters<typeof startApiServer>[0];
type Identities = Awaited<ReturnType<typeof createIdentities>>;

function describe(launch: Launch, identities: Identities, options: ApiOptions): ApiTestbed {
  const { dir, plane, kubernetes } = launch;
  const kubectl = (args: readonly string[], stdin?: string): Promise<string> =>
    run(join(kubernetes, "kubectl"), ["--kubeconfig", identities.kubeconfigPath, ...args], { stdin });
  return {
    url: identities.url,
    kubeconfigPath: identities.kubeconfigPath,
    adminKubeconfig: readFileSync(identities.kubeconfigPath, "utf8"),
    caPem: identities.caPem,
    token: identities.token,
    binDir: kubernetes,
    dataDir: dir,
    existing: false,
    controllers: plane.controllers.length > 0,
    kubectl,
    freshNamespace: (prefix) => freshNamespace(kubectl, plane.controllers.length > 0, prefix),
    killApiServer: () => stop(dir, "kube-apiserver"),
    restartApiServer: async () => {
      await stop(dir, "kube-apiserver");
      startApiServer(launch);
      await waitUntilReady(launch, identities);
    },
    stallApiServer: () => pause(dir, "kube-apiserver"),
    resumeApiServer: () => resumeComponent(dir, "kube-apiserver"),
    stop: () => end(dir, options.dataDir === undefined),
  };
}
