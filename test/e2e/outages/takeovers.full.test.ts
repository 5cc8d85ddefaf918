/**
 * Sluice as a cautious team runs it: two replicas, the webhook with certificates of its own that may refuse, Pod Security's
 * level `restricted`, and everything denied that no NetworkPolicy allows, enforced. A real job is upgraded while leaders
 * are lost; nothing is lost or done twice; and in the end everything can be taken away.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Lease } from "../../../src/kube/lease-rules.ts";
import {
  attachCluster,
  type Cluster,
  installOperator,
  Job,
  removeOperator,
  until,
} from "../../../testbed/scenario.ts";
import { nodeMissing } from "../../support/node-testbed.ts";
import { denyByDefault, podTemplate, Stranger } from "../../support/restricted.ts";

const HOME = "sluice-system";
const OPERATORS = "app.kubernetes.io/name=sluice-operator";
const INSTALLED = {
  replicas: 2,
  webhook: { create: true },
  networkPolicy: {
    create: true,
    // Prometheus alone; probes come from the node.
    ingressFrom: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
  },
};

interface Act {
  readonly pod: string;
  readonly at: number;
  readonly key: string;
  readonly action: string;
}

/** What each operator's pod did, read as it says so: the logs of a pod that is gone are gone. */
class Acts {
  readonly acts: Act[] = [];
  readonly #readers: ChildProcess[] = [];
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  follow(pods: readonly string[]): void {
    const { kubectlPath, kubeconfigPath } = this.#cluster.testbed;
    for (const pod of pods) {
      const args = ["--kubeconfig", kubeconfigPath, "-n", HOME, "logs", "-f", pod];
      const reader = spawn(kubectlPath, args, { stdio: ["ignore", "pipe", "ignore"] });
      this.#readers.push(reader);
      createInterface({ input: reader.stdout }).on("line", (line) => this.#read(pod, line));
    }
  }

  #read(pod: string, line: string): void {
    if (!line.startsWith("{")) return;
    const { time, msg, key = "", action = "" } = JSON.parse(line) as Record<string, string>;
    if (msg === "action") this.acts.push({ pod, at: Date.parse(time ?? ""), key, action });
  }

  /** Pods in the order in which they acted on a resource; one that comes again after another acted is there twice. */
  actors(key: string): string[] {
    const acts = this.acts.filter((one) => one.key === key).toSorted((a, b) => a.at - b.at);
    return acts.map(({ pod }) => pod).filter((pod, nth, all) => pod !== all[nth - 1]);
  }

  close(): void {
    for (const reader of this.#readers) reader.kill("SIGKILL");
  }
}

describe.skipIf(nodeMissing())("two replicas and a webhook, in namespaces that deny", () => {
  let cluster: Cluster;
  let job: Job;
  let acts: Acts;
  const gaps: Record<string, string> = {};

  const get = (...args: string[]): Promise<string> => cluster.kubectl(["-n", HOME, "get", ...args]);

  async function operators(): Promise<string[]> {
    const ready = "jsonpath={.items[?(@.status.containerStatuses[0].ready)].metadata.name}";
    return (await get("pods", "-l", OPERATORS, "-o", ready)).split(" ").filter((name) => name !== "");
  }

  async function leader(): Promise<string> {
    const lease = JSON.parse(await get("lease", "sluice-operator", "-o", "json")) as Lease;
    return (lease.spec?.holderIdentity ?? "").split("_")[0] ?? "";
  }

  /** Both are ready, one of them leads, and both are listened to. */
  async function bothReady(): Promise<string> {
    const pods = await until("two operators that are ready", 120, async () => {
      const found = await operators();
      return found.length === 2 && found;
    });
    acts.follow(pods.filter((pod) => !followed.has(pod)));
    for (const pod of pods) followed.add(pod);
    return until("one of them to lead", 60, async () => {
      const now = await leader();
      return pods.includes(now) && now;
    });
  }
  const followed = new Set<string>();

  /** Seconds until another one leads. */
  async function anotherLeads(old: string, began: number): Promise<number> {
    await until("another leader", 60, async () => {
      const now = await leader();
      return now !== "" && now !== old;
    });
    return (performance.now() - began) / 1000;
  }

  /** An upgrade in whose middle the leader is lost: it ends as asked, and no record is missing or double. */
  async function upgradeWithout(
    how: string,
    parallelism: number,
    lose: (leader: string) => Promise<unknown>,
  ): Promise<void> {
    const old = await bothReady();
    const patched = performance.now();
    await job.patch({ job: { parallelism } });
    await job.state("UPGRADING");
    const began = performance.now();
    await lose(old);
    const gap = await anotherLeads(old, began);
    const { spec } = await job.stable();
    expect(spec.job?.parallelism).toBe(parallelism);
    const took = (performance.now() - patched) / 1000;
    await job.provesNoLoss();
    gaps[how] = `another leader after ${gap.toFixed(1)} s, upgraded after ${took.toFixed(1)} s`;
  }

  beforeAll(async () => {
    cluster = attachCluster();
    acts = new Acts(cluster);
    await installOperator(INSTALLED);
    await cluster.testbed.enforcePolicies();
    job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint", spec: { podTemplate } });
    await denyByDefault(cluster, job.namespace);
    await bothReady();
    await job.apply();
    await job.stable();
    await job.provesNoLoss();
  });

  afterAll(async () => {
    acts?.close();
    // As whoever comes next expects it.
    await installOperator();
  });

  it("who is not allowed to reaches neither the JobManager nor the operator, and those who are do", async () => {
    const stranger = await Stranger.create(cluster);
    const jobManager = `${job.name}-rest.${job.namespace}`;
    const [operator = ""] = (
      await get("pods", "-l", OPERATORS, "-o", "jsonpath={.items[*].status.podIP}")
    ).split(" ");
    expect(await stranger.reaches(jobManager, 8081)).toBe(false);
    expect(await stranger.reaches(operator, 8085)).toBe(false);
    await stranger.beAllowed(job.namespace, 8081);
    await until("what is allowed", 30, () => stranger.reaches(jobManager, 8081));
    expect(await stranger.reaches(operator, 8085)).toBe(false);
    await stranger.delete();
  });

  it("the leader is killed in the middle of an upgrade", async () => {
    await upgradeWithout("killed", 2, (pod) => cluster.testbed.killPod(HOME, pod));
  });

  it("the leader's pod is deleted without grace in the middle of an upgrade", async () => {
    const now = ["--grace-period=0", "--force", "--wait=false"];
    await upgradeWithout("deleted without grace", 1, (pod) =>
      cluster.kubectl(["-n", HOME, "delete", "pod", pod, ...now]),
    );
  });

  it("the leader's pod is deleted in the middle of an upgrade, and hands over", async () => {
    await upgradeWithout("told to end", 2, (pod) =>
      cluster.kubectl(["-n", HOME, "delete", "pod", pod, "--wait=false"]),
    );
  });

  it("at each time one of them acted on the job", () => {
    const actors = acts.actors(`${job.namespace}/${job.name}`);
    console.log(gaps, `${acts.acts.length} actions, by ${actors.join(", ")}`);
    expect(actors.length).toBeGreaterThan(1);
    expect(actors).toEqual([...new Set(actors)]);
  });

  it("a mistake is refused with the field's name, and the job goes on", async () => {
    await expect(job.patch({ job: { parallelism: 0 } })).rejects.toThrow(
      /validate\.flink\.apache\.org" denied the request: spec\.job\.parallelism: must be at least 1/,
    );
    await job.provesNoLoss();
    expect((await job.get()).status?.lifecycleState).toBe("STABLE");
  });

  it("while no webhook is there, specs can not be changed; when it is back they can", async () => {
    const scale = (replicas: number): Promise<string> =>
      cluster.kubectl(["-n", HOME, "scale", "deployment/sluice-operator-webhook", `--replicas=${replicas}`]);
    await scale(0);
    const pods = ["pod", "-l", "app.kubernetes.io/name=sluice-operator-webhook"];
    await cluster.kubectl(["-n", HOME, "wait", "--for=delete", ...pods, "--timeout=60s"]);
    const { generation } = (await job.get()).metadata;
    await expect(job.patch({ job: { parallelism: 1 } })).rejects.toThrow(/failed calling webhook/);
    expect((await job.get()).metadata.generation).toBe(generation);
    await job.provesNoLoss();
    await scale(2);
    await cluster.kubectl([
      "-n",
      HOME,
      "rollout",
      "status",
      "deployment/sluice-operator-webhook",
      "--timeout=120s",
    ]);
    await until("a change to be taken", 30, () =>
      job.patch({ job: { parallelism: 1 } }).catch((error: unknown) => {
        if (/failed calling webhook/.test(String(error))) return undefined;
        throw error;
      }),
    );
    await job.stable();
    await job.provesNoLoss();
  });

  it("is taken away, and leaves what it says that it leaves", async () => {
    await job.deleteLeavesNothing();
    await removeOperator(cluster);
    const kinds = [
      "deployments,pods,services,configmaps,secrets,serviceaccounts,roles,rolebindings,leases,poddisruptionbudgets",
      "networkpolicies",
    ].join(",");
    const found = (await get(kinds, "-o", "name")).trim().split("\n").toSorted();
    expect(found).toEqual([
      "configmap/kube-root-ca.crt",
      // Made by who leads, not by the installation.
      "lease.coordination.k8s.io/sluice-operator",
      "networkpolicy.networking.k8s.io/deny-by-default",
      // What running jobs need.
      "role.rbac.authorization.k8s.io/sluice-operator-job",
      "rolebinding.rbac.authorization.k8s.io/sluice-operator-job",
      "serviceaccount/default",
      "serviceaccount/flink",
    ]);
    const wide =
      "clusterroles,clusterrolebindings,validatingwebhookconfigurations,mutatingwebhookconfigurations";
    const everywhere = (await cluster.kubectl(["get", wide, "-o", "name"])).split("\n");
    expect(everywhere.filter((name) => name.includes("sluice"))).toEqual([]);
  });
});
