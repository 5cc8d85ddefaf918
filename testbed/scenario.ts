/** What the end-to-end tests and the demo share: the operator as a pod, a counting job in a namespace of its own, and the proof of no loss. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { FlinkDeployment, FlinkDeploymentSpec, UpgradeMode } from "../src/api/flink-deployment.ts";
import type { KubeObject } from "../src/api/kube-object.ts";
import { KubeClient } from "../src/kube/client.ts";
import { loadKubeConfig } from "../src/kube/config.ts";
import { FLINK_DEPLOYMENTS, type ResourceType } from "../src/kube/resource-type.ts";
import { run } from "./lib/exec.ts";
import { attachNode, type NodeTestbed, type S3 } from "./node.ts";
import { type CountingResult, verifyCounting } from "./verify/counting.ts";

export const BUCKET = "flink";
const OPERATOR = "deployment/sluice-operator";

export interface Cluster {
  readonly testbed: NodeTestbed;
  readonly kubectl: NodeTestbed["kubectl"];
}

function manifest(name: string): string {
  return readFileSync(join(import.meta.dirname, "../deploy", name), "utf8");
}

/** The running node testbed. */
export function attachCluster(): Cluster {
  const testbed = attachNode();
  return { testbed, kubectl: testbed.kubectl };
}

let reader: Promise<KubeClient> | undefined;

/** For what is looked at again and again: a kubectl for each look costs a tenth of a second of processor time. */
export async function look<T extends KubeObject>(
  { testbed }: Cluster,
  type: ResourceType,
  namespace: string,
  name: string,
): Promise<T> {
  reader ??= loadKubeConfig({ kubeconfig: testbed.kubeconfigPath, env: {} }).then(
    (access) => new KubeClient(access),
  );
  const found = await (await reader).get<T>(type, namespace, name);
  if (found === undefined) throw new Error(`${type.kind} ${namespace}/${name} is not there`);
  return found;
}

const NAMESPACE = "sluice-system";
/** The label of a namespace that holds its pods to Pod Security's strictest level. */
export const ENFORCE_RESTRICTED = "pod-security.kubernetes.io/enforce=restricted";

/** Everything is denied that is not allowed, and no pod may be more than Pod Security's strictest level lets it. */
const STRICT: KubeObject[] = [
  {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "deny-by-default", namespace: NAMESPACE },
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  },
];

/**
 * As a user may have them: the operator has its own way to the S3 server, from where session jobs have their jars. Its
 * configuration allows that, the environment has the keys.
 */
function values({ s3 }: NodeTestbed): object {
  const env = {
    AWS_ENDPOINT_URL: s3.endpoint,
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.secretKey,
  };
  return {
    networkPolicy: { create: true },
    operatorPod: { env: Object.entries(env).map(([name, value]) => ({ name, value })) },
    defaultConfiguration: {
      "config.yaml": stringify({
        "kubernetes.operator.user.artifacts.allowed-schemes": "https;http;s3",
        "s3.path.style.access": "true",
      }),
    },
  };
}

/** CRDs, rights and the operator's pod, as `sluice install` makes them. `more`: values beside those that every test has. */
export async function installOperator(more: object = {}): Promise<Cluster> {
  const cluster = attachCluster();
  const { testbed, kubectl } = cluster;
  // Before any job starts: Flink's JobManager ends when the bucket of its HA storage is not there.
  testbed.s3.bucketDir(BUCKET);
  await kubectl(["apply", "-f", "-"], STRICT.map((one) => stringify(one)).join("---\n"));
  const sluice = join(import.meta.dirname, "../bin/sluice");
  // Over whatever an earlier run has left.
  const upgrade = ["upgrade", "--install", "--take-ownership", "--no-wait", "--values", "-"];
  await run(sluice, [...upgrade, "--kubeconfig", testbed.kubeconfigPath], {
    stdin: JSON.stringify({ ...values(testbed), ...more }),
    deadline: 180_000,
  });
  await kubectl(["-n", NAMESPACE, "rollout", "restart", OPERATOR]);
  await kubectl(["-n", NAMESPACE, "rollout", "status", OPERATOR, "--timeout=180s"]);
  return cluster;
}

/** `sluice uninstall`; the namespace stays. */
export async function removeOperator({ testbed }: Cluster): Promise<void> {
  const sluice = join(import.meta.dirname, "../bin/sluice");
  await run(sluice, ["uninstall", "--kubeconfig", testbed.kubeconfigPath], { deadline: 180_000 });
}

export function operatorLogs({ kubectl }: Cluster): Promise<string> {
  return kubectl(["-n", NAMESPACE, "logs", OPERATOR, "--tail=200"]);
}

/** SIGKILL to the operator's process; its pod starts another. */
export async function killOperator({ kubectl, testbed }: Cluster): Promise<void> {
  const names = ["-n", NAMESPACE, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}"];
  for (const pod of (await kubectl(names)).split(" ")) await testbed.killPod(NAMESPACE, pod);
}

/** The example job's jar, as a file of this machine. */
export async function countingJar(): Promise<string> {
  const printsItsPath = join(import.meta.dirname, "images/counting-job.sh");
  return (await run("bash", [printsItsPath], { deadline: 300_000 })).trim();
}

export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

type Flink = "1.20" | "2.2" | "2.3";

/** Version and mode of the jobs whose test names none: `make test-full` runs such tests with others as well. */
export const TESTED = {
  flink: (process.env["SLUICE_TEST_FLINK"] ?? "2.3") as Flink,
  mode: process.env["SLUICE_TEST_MODE"] === "standalone" ? ("standalone" as const) : ("native" as const),
};

export interface JobOptions {
  readonly flink?: Flink | undefined;
  readonly upgradeMode: UpgradeMode;
  readonly spec?: Partial<FlinkDeploymentSpec>;
  /** The testbed's unless given. */
  readonly s3?: S3;
}

/** One job in one namespace, with its own folders in the bucket. */
export class Job {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly name = "counting";
  readonly options: JobOptions;

  private constructor(cluster: Cluster, namespace: string, options: JobOptions) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.options = options;
  }

  static async create(cluster: Cluster, options: JobOptions): Promise<Job> {
    const namespace = `e2e-${randomBytes(3).toString("hex")}`;
    await cluster.kubectl(["create", "namespace", namespace]);
    await cluster.kubectl(
      ["-n", namespace, "apply", "-f", "-"],
      manifest("operator/flink-service-account.yaml"),
    );
    return new Job(cluster, namespace, options);
  }

  private get s3(): S3 {
    return this.options.s3 ?? this.cluster.testbed.s3;
  }

  /** The example's manifest, with this test's image, folders and upgrade mode. */
  manifest(): FlinkDeployment {
    const text = readFileSync(join(import.meta.dirname, "../examples/counting-job.yaml"), "utf8");
    const example = parseAllDocuments(text)
      .map((document) => document.toJS() as FlinkDeployment)
      .find(({ kind }) => kind === "FlinkDeployment");
    if (example === undefined) throw new Error("examples/counting-job.yaml holds no FlinkDeployment");
    const { s3 } = this;
    const folder = `s3://${BUCKET}/${this.namespace}`;
    const { flink = TESTED.flink, upgradeMode, spec } = this.options;
    return {
      ...example,
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        ...example.spec,
        image: `sluice.test/flink:${flink}`,
        imagePullPolicy: "Never",
        flinkVersion: `v${flink.replace(".", "_")}` as "v2_3",
        ...(TESTED.mode === "native" ? {} : { mode: TESTED.mode }),
        flinkConfiguration: {
          ...(example.spec.flinkConfiguration as object),
          "s3.endpoint": s3.endpoint,
          "s3.path.style.access": "true",
          "s3.access-key": s3.accessKey,
          "s3.secret-key": s3.secretKey,
          "state.checkpoints.dir": `${folder}/checkpoints`,
          "state.savepoints.dir": `${folder}/savepoints`,
          "high-availability.storageDir": `${folder}/ha`,
          "execution.checkpointing.interval": "1 s",
        },
        job: {
          ...example.spec.job,
          args: ["--output", `${folder}/output`, "--rate", "200"],
          upgradeMode,
          state: "running",
        },
        ...spec,
      },
    };
  }

  async apply(): Promise<void> {
    await this.cluster.kubectl(["apply", "-f", "-"], stringify(this.manifest()));
  }

  get(): Promise<FlinkDeployment> {
    return look(this.cluster, FLINK_DEPLOYMENTS, this.namespace, this.name);
  }

  async patch(spec: Record<string, unknown>): Promise<number> {
    const patch = [
      "patch",
      "flinkdep",
      this.name,
      "--type=merge",
      "-p",
      JSON.stringify({ spec }),
      "-o",
      "json",
    ];
    const text = await this.cluster.kubectl(["-n", this.namespace, ...patch]);
    return (JSON.parse(text) as FlinkDeployment).metadata.generation ?? 0;
  }

  /** RUNNING and STABLE with the newest spec, and Ready says so. */
  async stable(seconds = 300): Promise<FlinkDeployment> {
    try {
      return await until(`${this.namespace}/${this.name} STABLE`, seconds, async () => {
        const found = await this.get();
        const { status, metadata } = found;
        const ready = status?.conditions?.find(({ type }) => type === "Ready");
        const current =
          status?.observedGeneration === metadata.generation &&
          ready?.observedGeneration === metadata.generation;
        const running = status?.jobStatus?.state === "RUNNING" && status.lifecycleState === "STABLE";
        return current && running && ready?.status === "True" && found;
      });
    } catch (error) {
      throw new Error(`${String(error)}\n${await this.explain()}`, { cause: error });
    }
  }

  async state(wanted: string, seconds = 180): Promise<FlinkDeployment> {
    try {
      return await until(`${this.namespace}/${this.name} ${wanted}`, seconds, async () => {
        const found = await this.get();
        return found.status?.lifecycleState === wanted && found;
      });
    } catch (error) {
      throw new Error(`${String(error)}\n${await this.explain()}`, { cause: error });
    }
  }

  /** For the message of a failure: what somebody would look at first. */
  async explain(): Promise<string> {
    const { kubectl } = this.cluster;
    const show = (args: string[]): Promise<string> =>
      kubectl(["-n", this.namespace, ...args]).catch((error: unknown) => String(error));
    const [status, objects, events, jobManager, operator] = await Promise.all([
      show(["get", "flinkdep", this.name, "-o", "jsonpath={.status}"]),
      show(["get", "deployments,pods,configmaps"]),
      show(["get", "events", "--sort-by=.lastTimestamp"]),
      show(["logs", "-l", "component=jobmanager", "--tail=60"]),
      operatorLogs(this.cluster).catch((error: unknown) => String(error)),
    ]);
    return [status, objects, events, jobManager, operator].join("\n----\n");
  }

  result(): Promise<CountingResult> {
    return verifyCounting(join(this.s3.bucketDir(BUCKET), this.namespace, "output"));
  }

  /** Waits until the job has committed more than it had, then asks that nothing is missing and nothing double. @throws Error with what is */
  async provesNoLoss(freshStarts = 1): Promise<CountingResult> {
    const before = (await this.result()).records;
    const after = await until("new records in the output", 240, async () => {
      const result = await this.result();
      return result.records > before && result;
    });
    const { missing, duplicates, countBreaks, damaged } = after;
    const wrong = { missing, duplicates, countBreaks, damaged };
    if (Object.values(wrong).some((found) => found.length > 0)) {
      throw new Error(`records lost or double: ${JSON.stringify(wrong)}\n${await this.explain()}`);
    }
    if (after.freshStarts !== freshStarts) {
      throw new Error(
        `${after.freshStarts} starts without state instead of ${freshStarts}\n${await this.explain()}`,
      );
    }
    return after;
  }

  private async podNames(component: "jobmanager" | "taskmanager", ready: boolean): Promise<string[]> {
    const selector = `app=${this.name},component=${component}`;
    const text = await this.cluster.kubectl([
      "-n",
      this.namespace,
      "get",
      "pods",
      "-l",
      selector,
      "-o",
      "json",
    ]);
    const { items } = JSON.parse(text) as { items: Pod[] };
    return items
      .filter(
        ({ status }) =>
          !ready || status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
      )
      .map(({ metadata }) => metadata.name);
  }

  /** Without grace; returns when another one is ready in its place. */
  async killPods(component: "jobmanager" | "taskmanager"): Promise<void> {
    const old = new Set(await this.podNames(component, false));
    const pods = ["delete", "pod", ...old, "--grace-period=0", "--force"];
    await this.cluster.kubectl(["-n", this.namespace, ...pods]);
    await until(`another ${component} pod`, 240, async () => {
      const now = await this.podNames(component, true);
      return now.length > 0 && now.every((name) => !old.has(name));
    });
  }

  /** `bin/sluice`, as somebody at a terminal would call it for this job. @throws Error with what it printed */
  async sluice(...args: string[]): Promise<string> {
    const command = join(import.meta.dirname, "../bin/sluice");
    const { kubeconfigPath } = this.cluster.testbed;
    return run(command, [...args, "--kubeconfig", kubeconfigPath, "-n", this.namespace], {
      deadline: 60_000,
    });
  }

  /** Deletes the resource and asks that nothing is left of what Flink or Sluice made. */
  async deleteLeavesNothing(): Promise<void> {
    const { kubectl } = this.cluster;
    await kubectl(["-n", this.namespace, "delete", "flinkdep", this.name, "--timeout=120s"]);
    const kinds = "deployments,replicasets,pods,services,configmaps,ingresses";
    await until("nothing left in the namespace", 60, async () => {
      const names = (await kubectl(["-n", this.namespace, "get", kinds, "-o", "name"])).trim();
      return (
        names.split("\n").filter((name) => name !== "" && name !== "configmap/kube-root-ca.crt").length === 0
      );
    });
    await kubectl(["delete", "namespace", this.namespace, "--wait=false"]);
  }
}
