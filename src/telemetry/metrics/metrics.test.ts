import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { FlinkDeployment, FlinkDeploymentStatus } from "../../api/flink-deployment.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { TransportError } from "../../flink-rest/transport.ts";
import { measuredFlink, routeOf } from "./flink-calls.ts";
import { measureKubeCalls } from "./kube-calls.ts";
import { Metrics } from "./metrics.ts";
import { apacheFamilies, resourceFamilies, type Watched } from "./resource-families.ts";
import { ResourceTimes } from "./resource-times.ts";

const system = { host: "pod-1", namespace: "sluice-system", name: "sluice-operator" };
const LABELS = 'host="pod-1",namespace="sluice-system",name="sluice-operator"';

function deployment(name: string, status: FlinkDeploymentStatus = {}, namespace = "a"): FlinkDeployment {
  const metadata = { name, namespace, uid: name };
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata,
    spec: { flinkVersion: "v2_3", job: { upgradeMode: "savepoint" } },
    status,
  };
}

function pod(cluster: string, cpu: string, memory: string, phase = "Running"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${cluster}-${cpu}-${phase}`, namespace: "a", labels: { app: cluster } },
    spec: { containers: [{ resources: { requests: { cpu, memory } } }, {}] },
    status: { phase },
  };
}

const nothing: Watched = { deployments: [], sessionJobs: [], snapshots: [], pods: [] };

function condition(type: string, status: "True" | "False", reason: string) {
  return { type, status, reason, message: "", lastTransitionTime: "2026-01-01T00:00:00Z" };
}

async function linesOf(metrics: Metrics, prefix: string): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => line.startsWith(prefix));
}

/** Without those that are there from the begin, with 0. */
async function observed(metrics: Metrics, prefix: string): Promise<string[]> {
  return (await linesOf(metrics, prefix)).filter((line) => !line.endsWith(" 0"));
}

async function seriesOf(watched: Watched, most = 100): Promise<(prefix: string) => Promise<string[]>> {
  const metrics = new Metrics();
  metrics.add("watched", () => [...resourceFamilies(watched, most), ...apacheFamilies(watched, system)]);
  return (prefix) => linesOf(metrics, prefix);
}

describe("what resources are", () => {
  const conditions = [condition("Ready", "False", "X"), condition("Stalled", "True", "JobFailed")];
  const watched: Watched = {
    deployments: [
      deployment("one", {
        lifecycleState: "STABLE",
        conditions: [condition("Ready", "True", "Running"), condition("Stalled", "False", "Running")],
        jobManagerDeploymentStatus: "READY",
        jobStatus: { state: "RUNNING" },
        clusterInfo: { "flink-version": "2.3.0" },
      }),
      deployment("two", { lifecycleState: "FAILED", conditions, jobManagerDeploymentStatus: "ERROR" }),
      deployment("new", {}, "b"),
    ],
    sessionJobs: [
      {
        ...deployment("job", { lifecycleState: "STABLE", jobStatus: { state: "RUNNING" } }),
        kind: "FlinkSessionJob",
        spec: { deploymentName: "one", job: {} },
      },
    ],
    snapshots: [
      {
        ...deployment("s"),
        kind: "FlinkStateSnapshot",
        spec: { savepoint: {} },
        status: { state: "COMPLETED" },
      },
      { ...deployment("c"), kind: "FlinkStateSnapshot", spec: { checkpoint: {} }, status: {} },
    ] as FlinkStateSnapshot[],
    pods: [
      pod("one", "500m", "1Gi"),
      pod("one", "1", "1024Mi"),
      pod("one", "8", "8Gi", "Succeeded"),
      pod("other", "4", "4Gi"),
    ],
  };

  it("is told of each", async () => {
    const series = await seriesOf(watched);
    const one = 'kind="FlinkDeployment",resource_namespace="a",name="one"';
    const two = 'kind="FlinkDeployment",resource_namespace="a",name="two"';
    expect(await series("sluice_resource_ready")).toEqual([
      `sluice_resource_ready{${one}} 1`,
      `sluice_resource_ready{${two}} 0`,
      'sluice_resource_ready{kind="FlinkDeployment",resource_namespace="b",name="new"} 0',
      'sluice_resource_ready{kind="FlinkSessionJob",resource_namespace="a",name="job"} 0',
    ]);
    expect(await series("sluice_resource_stalled")).toEqual([
      `sluice_resource_stalled{${two},reason="JobFailed"} 1`,
    ]);
    expect(await series("sluice_resource_job_state")).toHaveLength(2);
    expect(await series("sluice_resource_cpu")).toContain(`sluice_resource_cpu_request_cores{${one}} 1.5`);
    expect(await series("sluice_resource_memory")).toContain(
      `sluice_resource_memory_request_bytes{${one}} ${2 * 1024 ** 3}`,
    );
    expect(await series("sluice_resource_info")).toContain(
      `sluice_resource_info{${one},flink_version="v2_3",mode="native",upgrade_mode="savepoint"} 1`,
    );
  });

  it("is counted under the Apache operator's names", async () => {
    const series = await seriesOf(watched);
    const ofDeployments = `${LABELS},resourcens="a",resourcetype="FlinkDeployment"`;
    const name = "flink_k8soperator_namespace";
    expect(await series(`${name}_Count`)).toEqual([
      `${name}_Count{${ofDeployments}} 2`,
      `${name}_Count{${LABELS},resourcens="b",resourcetype="FlinkDeployment"} 1`,
      `${name}_Count{${LABELS},resourcens="a",resourcetype="FlinkSessionJob"} 1`,
    ]);
    expect(await series(`${name}_Lifecycle_State_STABLE_Count{`)).toContain(
      `${name}_Lifecycle_State_STABLE_Count{${ofDeployments}} 1`,
    );
    expect(await series(`${name}_Lifecycle_State_UPGRADING_Count`)).toContain(
      `${name}_Lifecycle_State_UPGRADING_Count{${ofDeployments}} 0`,
    );
    expect(await series(`${name}_JmDeploymentStatus_READY_Count`)).toContain(
      `${name}_JmDeploymentStatus_READY_Count{${ofDeployments}} 1`,
    );
    expect(await series(`${name}_FlinkVersion`)).toEqual([
      `${name}_FlinkVersion_2_3_0_Count{${ofDeployments}} 1`,
    ]);
    expect(await series(`${name}_FlinkMinorVersion`)).toEqual([
      `${name}_FlinkMinorVersion_2_3_Count{${ofDeployments}} 1`,
    ]);
    expect(await series(`${name}_ResourceUsage_Cpu`)).toContain(
      `${name}_ResourceUsage_Cpu{${ofDeployments}} 1.5`,
    );
    const ofSnapshots = `${LABELS},resourcens="a",resourcetype="FlinkStateSnapshot"`;
    expect(await series(`${name}_Savepoint`)).toEqual([
      `${name}_Savepoint_Count{${ofSnapshots}} 1`,
      `${name}_Savepoint_State_COMPLETED_Count{${ofSnapshots}} 1`,
    ]);
    expect(await series(`${name}_Checkpoint_State`)).toEqual([
      `${name}_Checkpoint_State_TRIGGER_PENDING_Count{${ofSnapshots}} 1`,
    ]);
  });

  it("has an end: so many resources have series, and how many have none is said", async () => {
    const deployments = Array.from({ length: 50 }, (_, index) => deployment(`job-${index}`));
    const series = await seriesOf({ ...nothing, deployments }, 20);
    expect(await series("sluice_resource_ready")).toHaveLength(20);
    expect(await series("sluice_resources_without_series ")).toEqual(["sluice_resources_without_series 30"]);
  });

  it("escapes what would end a label", async () => {
    const conditions = [condition("Stalled", "True", 'a "quoted"\nreason\\')];
    const series = await seriesOf({ ...nothing, deployments: [deployment("x", { conditions })] });
    const labels = 'kind="FlinkDeployment",resource_namespace="a",name="x"';
    expect(await series("sluice_resource_stalled{")).toEqual([
      `sluice_resource_stalled{${labels},reason="a \\"quoted\\"\\nreason\\\\"} 1`,
    ]);
  });
});

/** The statuses of an upgrade by savepoint, each with the second in which it is written. */
function upgrade(begin: number): [number, FlinkDeploymentStatus][] {
  const recorded = JSON.stringify({ spec: { job: { upgradeMode: "savepoint" } }, resource_metadata: {} });
  const status = (
    state: "DEPLOYED" | "UPGRADING",
    lifecycleState: "STABLE" | "UPGRADING" | "DEPLOYED",
    job: "RUNNING" | "FINISHED" | "RECONCILING",
    step?: string,
  ): FlinkDeploymentStatus => ({
    lifecycleState,
    reconciliationStatus: { state, lastReconciledSpec: recorded },
    jobStatus: { state: job },
    conditions: step === undefined ? [] : [condition("Reconciling", "True", step)],
  });
  return [
    [begin, status("DEPLOYED", "STABLE", "RUNNING")],
    [begin + 10, status("UPGRADING", "UPGRADING", "RUNNING", "SavepointInProgress")],
    [begin + 14, status("UPGRADING", "UPGRADING", "FINISHED", "ClusterShuttingDown")],
    [begin + 20, status("UPGRADING", "UPGRADING", "RECONCILING", "Submitting")],
    [begin + 21, status("DEPLOYED", "DEPLOYED", "RECONCILING", "JobStarting")],
    [begin + 34, status("DEPLOYED", "STABLE", "RUNNING")],
  ];
}

function play(times: ResourceTimes, key: string, statuses: [number, FlinkDeploymentStatus][]): void {
  const [namespace = "", name = ""] = key.split("/");
  let before = deployment(name, undefined, namespace);
  for (const [second, status] of statuses) {
    const after = deployment(name, status, namespace);
    times.written(key, before, after, second * 1000);
    before = after;
  }
}

describe("how long an upgrade takes", () => {
  const options = { system, lifecycle: true, byNamespace: true };

  it("as a whole, in its steps, and for the job", async () => {
    const metrics = new Metrics();
    play(new ResourceTimes(metrics, "FlinkDeployment", options), "a/x", upgrade(100));
    const labels = 'kind="FlinkDeployment",upgrade_mode="savepoint"';
    expect(await observed(metrics, "sluice_upgrade_downtime_seconds_sum")).toEqual([
      `sluice_upgrade_downtime_seconds_sum{${labels}} 20`,
    ]);
    expect(await observed(metrics, "sluice_upgrade_duration_seconds_sum")).toEqual([
      `sluice_upgrade_duration_seconds_sum{${labels},outcome="running"} 24`,
    ]);
    expect(await linesOf(metrics, "sluice_upgrade_step_duration_seconds_sum")).toEqual(
      [
        ["SavepointInProgress", 4],
        ["ClusterShuttingDown", 6],
        ["Submitting", 1],
        ["JobStarting", 13],
      ].map(
        ([step, seconds]) =>
          `sluice_upgrade_step_duration_seconds_sum{kind="FlinkDeployment",step="${step}"} ${seconds}`,
      ),
    );
  });

  it("under the Apache operator's names, for all and by namespace", async () => {
    const metrics = new Metrics();
    play(new ResourceTimes(metrics, "FlinkDeployment", options), "a/x", upgrade(100));
    const sum = async (name: string): Promise<string[]> =>
      (await linesOf(metrics, `flink_k8soperator_${name}_TimeSeconds_sum`)).map(
        (line) => line.split(" ")[1] ?? "",
      );
    expect(await sum("FlinkDeployment_Lifecycle_State_UPGRADING")).toEqual(["11"]);
    expect(await sum("FlinkDeployment_Lifecycle_Transition_Upgrade")).toEqual(["24"]);
    expect(await sum("namespace_Lifecycle_Transition_Stabilization")).toEqual(["13"]);
    expect(await sum("namespace_Lifecycle_Transition_Submission")).toEqual(["1"]);
    expect(await sum("FlinkDeployment_Lifecycle_State_STABLE")).toEqual(["10"]);
  });

  it("of a session cluster and of a batch job ends, too, and is no downtime", async () => {
    const metrics = new Metrics();
    const times = new ResourceTimes(metrics, "FlinkDeployment", options);
    const without = (state: "FINISHED" | undefined): [number, FlinkDeploymentStatus][] =>
      upgrade(100).map(([second, status]) => [
        second,
        { ...status, jobStatus: state === undefined ? {} : { state } },
      ]);
    play(times, "a/session", without(undefined));
    play(times, "a/batch", without("FINISHED"));
    expect(await observed(metrics, "sluice_upgrade_downtime_seconds_count")).toEqual([]);
    expect(
      (await observed(metrics, "sluice_upgrade_duration_seconds_count")).map(
        (line) => /outcome="(\w+)"/.exec(line)?.[1],
      ),
    ).toEqual(["running", "finished"]);
  });

  it("that is put off, with the job running on, is none that came to its end", async () => {
    const metrics = new Metrics();
    const [stable, saving] = upgrade(100);
    if (stable === undefined || saving === undefined) throw new Error("no upgrade");
    play(new ResourceTimes(metrics, "FlinkDeployment", options), "a/x", [stable, saving, [115, stable[1]]]);
    const [count, ...rest] = await observed(metrics, "sluice_upgrade_duration_seconds_count");
    expect(count).toContain('outcome="unchanged"');
    expect(rest).toEqual([]);
    expect(await observed(metrics, "sluice_upgrade_downtime_seconds_count")).toEqual([]);
  });

  it("is not measured of what began before this process did, nor of a first start", async () => {
    const metrics = new Metrics();
    const times = new ResourceTimes(metrics, "FlinkDeployment", options);
    play(times, "a/restarted", upgrade(100).slice(2));
    const first = upgrade(100).slice(3);
    play(times, "a/new", [[90, { lifecycleState: "CREATED" }], ...first]);
    expect(await observed(metrics, "sluice_upgrade_downtime_seconds_count")).toEqual([]);
    const old = upgrade(100);
    const [, [, upgrading] = [0, {}]] = old;
    const was = deployment("old", old[0]?.[1]);
    times.written("a/old", was, deployment("old", upgrading), 110_000);
    expect(await linesOf(metrics, "flink_k8soperator_FlinkDeployment_Lifecycle_State_STABLE")).toEqual([]);
  });
});

test("thousands of resources that come and go leave no series behind", async () => {
  const metrics = new Metrics();
  const times = new ResourceTimes(metrics, "FlinkDeployment", { system, lifecycle: true, byNamespace: true });
  let watched = nothing;
  metrics.add("watched", () => [...resourceFamilies(watched, 10_000), ...apacheFamilies(watched, system)]);
  play(times, "stays/x", upgrade(0));
  const before = (await metrics.text()).split("\n").map((line) => line.replace(/ [^ ]*$/, ""));
  const deployments = Array.from({ length: 3000 }, (_, index) =>
    deployment(`job-${index}`, { lifecycleState: "STABLE" }, `ns-${index % 300}`),
  );
  watched = { ...nothing, deployments };
  for (const { metadata } of deployments) play(times, `${metadata.namespace}/${metadata.name}`, upgrade(0));
  expect((await metrics.text()).split("\n").length).toBeGreaterThan(before.length + 3000 * 3);
  watched = nothing;
  for (const { metadata } of deployments) times.gone(`${metadata.namespace}/${metadata.name}`);
  const after = (await metrics.text()).split("\n").map((line) => line.replace(/ [^ ]*$/, ""));
  const isOwn = (line: string): boolean => /^(sluice|flink)_/.test(line);
  expect(after.filter(isOwn)).toEqual(before.filter(isOwn));
});

describe("calls", () => {
  it("of Flink have as many routes as there are, whatever the ids", () => {
    const id = fc.stringMatching(/^[0-9a-f]{32}$/);
    const routes = new Set<string>();
    fc.assert(
      fc.property(id, fc.nat(), fc.uuid(), (job, number, jar) => {
        for (const path of [
          "/jobs/overview",
          `/jobs/${job}`,
          `/jobs/${job}/checkpoints/details/${number}`,
          `/jobs/${job}/savepoints/${job}`,
          `/jars/${jar}_job.jar/run`,
        ])
          routes.add(routeOf(path));
      }),
    );
    expect([...routes].sort()).toEqual([
      "/jars/:id/run",
      "/jobs/:id",
      "/jobs/:id/checkpoints/details/:id",
      "/jobs/:id/savepoints/:id",
      "/jobs/overview",
    ]);
  });

  it("of Flink are counted by what came of them", async () => {
    const metrics = new Metrics();
    const answers = [{ status: 200, body: "" }, new TransportError("timeout", "late"), new Error("odd")];
    const transport = measuredFlink(metrics, () => {
      const answer = answers.shift();
      return answer instanceof Error || answer === undefined
        ? Promise.reject(answer)
        : Promise.resolve(answer);
    });
    const request = { method: "GET", path: "/config", timeoutMs: 1 } as const;
    await transport(request);
    await expect(transport(request)).rejects.toThrow("late");
    await expect(transport(request)).rejects.toThrow("odd");
    const labels = 'method="GET",route="/config"';
    expect(await linesOf(metrics, "sluice_flink_requests_total")).toEqual([
      `sluice_flink_requests_total{${labels},code="200"} 1`,
      `sluice_flink_requests_total{${labels},code="timeout"} 1`,
      `sluice_flink_requests_total{${labels},code="unreachable"} 1`,
    ]);
  });

  it("of the API server are counted under client-go's names and under the Apache operator's", async () => {
    const metrics = new Metrics();
    const report = measureKubeCalls(metrics, "api:443", system);
    report({ method: "GET", path: "/api", status: 200, seconds: 0.1, isWatch: false });
    report({ method: "GET", path: "/api", status: 200, seconds: 300, isWatch: true });
    report({ method: "PUT", path: "/api", status: 0, seconds: 6, isWatch: false });
    expect(await linesOf(metrics, "rest_client_requests_total")).toEqual([
      'rest_client_requests_total{code="200",method="GET",host="api:443"} 2',
      'rest_client_requests_total{code="<error>",method="PUT",host="api:443"} 1',
    ]);
    expect(await linesOf(metrics, "rest_client_request_duration_seconds_sum")).toEqual([
      'rest_client_request_duration_seconds_sum{verb="GET",host="api:443"} 0.1',
      'rest_client_request_duration_seconds_sum{verb="PUT",host="api:443"} 6',
    ]);
    const name = "flink_k8soperator_KubeClient_HttpRe";
    expect(await linesOf(metrics, name)).toEqual([
      `${name}quest_Count{${LABELS}} 3`,
      `${name}quest_GET_Count{${LABELS}} 2`,
      `${name}quest_PUT_Count{${LABELS}} 1`,
      `${name}quest_Failed_Count{${LABELS}} 1`,
      `${name}quest_Slow_Count{${LABELS}} 1`,
      `${name}sponse_Count{${LABELS}} 2`,
      `${name}sponse_200_Count{${LABELS}} 2`,
    ]);
  });
});

it("does not say what it does not know", async () => {
  const metrics = new Metrics();
  expect(await linesOf(metrics, "sluice_")).toEqual([]);
  metrics.record.leader.set(0);
  expect(await linesOf(metrics, "sluice_")).toEqual(["sluice_leader 0"]);
});

it("tells those who say what there is whether this process leads", async () => {
  const metrics = new Metrics();
  const told: boolean[] = [];
  metrics.add("watched", (leads) => {
    told.push(leads);
    return [];
  });
  await metrics.text();
  metrics.record.leader.set(0);
  await metrics.text();
  metrics.record.leader.set(1);
  await metrics.text();
  expect(told).toEqual([true, false, true]);
});
