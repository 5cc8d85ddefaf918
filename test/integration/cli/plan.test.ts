/**
 * `sluice plan` of session clusters and their jobs, against the real API server. No operator runs, and in the place of the
 * JobManager behind the API server's proxy Flink answers by script.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { stringify } from "yaml";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../../src/api/flink-session-job.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { DEPLOYMENTS, FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, PODS } from "../../../src/kube/resource-type.ts";
import { ScriptedCluster } from "../../../testbed/flink-rest/scripted-cluster.ts";
import { JOB_ID } from "../../../testbed/gen/recorded-status.ts";
import {
  withConfiguration,
  withFlinkVersion,
  withImage,
  withoutHa,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  jobRunning,
  jobWith,
  recordedCluster,
  sessionCluster,
  sessionJob,
  type SessionJobChange,
} from "../../../testbed/gen/session.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { kubeconfigOf, type Place, place, sluice } from "./support.ts";

afterEach(() => void vi.restoreAllMocks());

/** As a user writes it: without what the API server and the operator add. */
function written({ apiVersion, kind, metadata, spec }: FlinkDeployment | FlinkSessionJob): object {
  return { apiVersion, kind, metadata: { name: metadata.name }, spec };
}

async function fileOf(...resources: object[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-plan-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "job.yaml");
  await writeFile(file, resources.map((one) => stringify(one)).join("---\n"));
  return file;
}

/** The JobManager's Deployment of the cluster `job`, available: the testbed has no kubelet that would say so. */
async function bringUpJobManager({ client, namespace }: Place, owner: KubeObject): Promise<void> {
  const { apiVersion, kind, metadata } = owner;
  const { name, uid = "" } = metadata;
  const labels = { app: name, component: "jobmanager" };
  const ownerReferences = [{ apiVersion, kind, name, uid }];
  const containers = [{ name: "flink-main-container", image: "flink" }];
  await client.create(DEPLOYMENTS, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: { app: name }, ownerReferences },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  });
  const selector = { namespace, labelSelector: `app=${name}` };
  const pod = await waitFor(
    "the JobManager's pod",
    async () => (await client.list<KubeObject>(PODS, selector)).items[0],
    { deadline: 30_000 },
  );
  const conditions = [{ type: "Ready", status: "True" }];
  await client.replaceStatus(PODS, { ...pod, status: { phase: "Running", conditions } });
  const available = ["wait", `deployment/${name}`, "--for=condition=Available", "--timeout=30s"];
  await apiTestbed().kubectl(["-n", namespace, ...available]);
}

/** Flink behind the API server's proxy of that namespace. */
function flinkAnswers({ namespace }: Place): ScriptedCluster {
  const flink = new ScriptedCluster({ version: "2.3" });
  const prefix = `/api/v1/namespaces/${namespace}/services/job-rest:8081/proxy`;
  // Called with the client that it is called on.
  // oxlint-disable-next-line typescript/unbound-method
  const really = KubeClient.prototype.raw;
  vi.spyOn(KubeClient.prototype, "raw").mockImplementation(async function (
    this: KubeClient,
    request,
    options,
  ) {
    const { method, path, body } = request;
    if (!path.startsWith(prefix)) return really.call(this, request, options);
    const answer = flink.answer({ method, path: path.slice(prefix.length), body } as never);
    return { status: answer.status, text: JSON.stringify(answer.body) } as never;
  });
  return flink;
}

interface Live extends Place {
  readonly cluster: FlinkDeployment;
  readonly job: FlinkSessionJob;
}

/** The session cluster `job` with the job `wordcount`, which runs; made by `kubectl apply` or the like. */
async function runningJob(cluster = sessionCluster(), change: SessionJobChange = () => {}): Promise<Live> {
  const here = await place("plan");
  const { client, namespace } = here;
  const made = async <R extends FlinkDeployment | FlinkSessionJob>(resource: R): Promise<R> => {
    const type = resource.kind === "FlinkDeployment" ? FLINK_DEPLOYMENTS : FLINK_SESSION_JOBS;
    const { finalizers = ["flinkdeployments.flink.apache.org/finalizer"] } = resource.metadata;
    const metadata = { name: resource.metadata.name, namespace, finalizers };
    const created = await client.create<R>(type, { ...written(resource), metadata } as R);
    if (created.kind === "FlinkDeployment") recordedCluster()(created);
    else jobRunning({ restore: "savepoint" })(created);
    return client.replaceStatus(type, created);
  };
  const [owner, job] = [await made(cluster), await made(sessionJob(change))];
  onTestFinished(async () => {
    for (const [type, name] of [
      [FLINK_SESSION_JOBS, "wordcount"],
      [FLINK_DEPLOYMENTS, "job"],
    ] as const)
      await client.patch(type, namespace, name, { metadata: { finalizers: null } }, { kind: "merge" });
  });
  await bringUpJobManager(here, owner);
  const flink = flinkAnswers(here);
  flink.checkpoint(flink.addJob({ jobId: JOB_ID }));
  return { ...here, cluster: owner, job };
}

const versionsOf = async ({ client, namespace }: Place): Promise<unknown[]> => [
  (await client.get(FLINK_DEPLOYMENTS, namespace, "job"))?.metadata.resourceVersion,
  (await client.get(FLINK_SESSION_JOBS, namespace, "wordcount"))?.metadata.resourceVersion,
];

describe("sluice plan of a session job", () => {
  test("says nothing of one that is as its file", async () => {
    const here = await runningJob();
    expect(await here.run("plan", "-f", await fileOf(written(here.job), written(here.cluster)))).toEqual({
      code: 0,
      stdout: "job is unchanged.\n\nFlinkSessionJob wordcount is unchanged.\n",
      stderr: "",
    });
  });

  test("says from where it restarts, what changes, how and at what risk; and changes nothing", async () => {
    const here = await runningJob();
    const before = await versionsOf(here);
    const file = await fileOf(written(sessionJob(jobWith({ parallelism: 4 }))));
    expect(await here.run("plan", "-f", file)).toEqual({
      code: 1,
      stdout: [
        "FlinkSessionJob wordcount restarts, from the savepoint that is taken when it stops.",
        "  changes:",
        "    job.parallelism: 2 -> 4   (restart)",
        "  steps:",
        "    1. stop the job with a canonical savepoint in s3://state/savepoints",
        "    2. submit the job; it starts from the savepoint that is taken when it stops",
        "  at risk:",
        "    - a job that runs and then fails is not rolled back by itself: kubernetes.operator.deployment.rollback.enabled is not true",
        "",
      ].join("\n"),
      stderr: "",
    });
    expect(await versionsOf(here)).toEqual(before);
  });

  test("says what is lost, with the newest checkpoint", async () => {
    const here = await runningJob(sessionCluster(), jobWith({ upgradeMode: "stateless" }));
    const file = await fileOf(written(sessionJob(jobWith({ upgradeMode: "stateless", parallelism: 4 }))));
    const { code, stdout } = await here.run("plan", "-f", file, "-o", "json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        kind: "FlinkSessionJob",
        name: "wordcount",
        verdict: "restart",
        summary: "restarts, from an empty state",
        changes: [{ path: "job.parallelism", effect: "restart", from: 2, to: 4 }],
        risks: expect.arrayContaining([
          expect.stringMatching(/newest checkpoint file:\/scripted\/checkpoints\S+\) is thrown away/),
        ]),
      },
    ]);
  });

  test("says what is not valid", async () => {
    const here = await runningJob();
    const file = await fileOf(written(sessionJob(({ spec }) => void (spec.deploymentName = "other"))));
    expect(await here.run("plan", "-f", file)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^FlinkSessionJob wordcount is not valid, and what runs goes on: .*spec.deploymentName/,
      ),
    });
  });

  test("says that it waits for its session cluster", async () => {
    const { run } = await place("plan");
    expect(await run("plan", "-f", await fileOf(written(sessionJob())))).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^FlinkSessionJob wordcount waits: SessionClusterMissing: there is no FlinkDeployment job in /,
      ),
    });
  });

  test("says that it starts with its session cluster", async () => {
    const { run } = await place("plan");
    const file = await fileOf(written(sessionJob()), written(sessionCluster()));
    const { code, stdout } = await run("plan", "-f", file);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^job starts, and with it the session jobs wordcount\.$/m);
    expect(stdout).toMatch(/^FlinkSessionJob wordcount starts, from an empty state\.$/m);
  });

  test.each<[string, object, string[], RegExp]>([
    [
      "a job without a name",
      { ...written(sessionJob()), metadata: {} },
      [],
      /:3:1: metadata\.name: is required\nnext: /,
    ],
    [
      "flags that change applications",
      written(sessionJob()),
      ["--parallelism", "4"],
      /--parallelism changes FlinkDeployments only, and wordcount is a FlinkSessionJob\nnext: /,
    ],
    [
      "this machine",
      written(sessionJob()),
      ["--target", "local"],
      /wordcount is a FlinkSessionJob, which needs a cluster with the operator\nnext: /,
    ],
  ])("refuses: %s", async (_what, resource, flags, stderr) => {
    const { run } = await place("plan");
    expect(await run("plan", "-f", await fileOf(resource), ...flags)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(stderr),
    });
  });

  test("is an error where it may not be looked at", async () => {
    const here = await place("plan");
    const limited = await kubeconfigOf(here, ["get", "flinkdeployments"]);
    const file = await fileOf(written(sessionJob()));
    expect(await sluice(limited, ["plan", "-f", file, "-n", here.namespace])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/flinksessionjobs[^]*\nnext: /),
    });
  });
});

describe("sluice plan of a session cluster", () => {
  const other = written(sessionCluster(withImage("flink:other")));

  test("says that Flink goes on with its jobs out of the HA metadata", async () => {
    const { run } = await runningJob();
    const { code, stdout } = await run("plan", "-f", await fileOf(other));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^job restarts, and with it the session jobs wordcount\.$/m);
    expect(stdout).toMatch(
      /^FlinkSessionJob wordcount restarts with its session cluster, from the newest checkpoint in Flink's HA metadata\.$/m,
    );
    expect(stdout).toMatch(/- records since the newest checkpoint are processed again/);
  });

  test("says that its jobs are stopped first where nothing else keeps them, and which jobs are lost", async () => {
    const here = await runningJob(sessionCluster(withoutHa()));
    const flink = flinkAnswers(here);
    flink.addJob({ jobId: JOB_ID });
    flink.addJob({ jobId: "f".repeat(32) });
    const file = await fileOf(written(sessionCluster(withoutHa(), withImage("flink:other"))));
    const { stdout } = await here.run("plan", "-f", file, "-o", "json");
    const [cluster, job] = JSON.parse(stdout) as { risks: string[]; steps: string[]; summary: string }[];
    expect(cluster?.risks.join()).toMatch(/jobs that no FlinkSessionJob manages are lost.*: ffff/);
    expect(job?.summary).toBe("restarts, from the savepoint that is taken when it stops");
    expect(job?.steps).toHaveLength(2);
  });
});

describe("sluice plan between files", () => {
  const [cluster, job] = [written(sessionCluster()), written(sessionJob())];
  const second = { ...job, metadata: { name: "other" } };
  const offline = async (from: object[], to: object[]): ReturnType<Place["run"]> =>
    sluice("/nowhere", ["plan", "--from", await fileOf(...from), "-f", await fileOf(...to)]);

  test("takes what was there before as running well", async () => {
    expect(await offline([cluster, job, second], [cluster, job, second])).toMatchObject({ code: 0 });
    const { code, stdout } = await offline(
      [cluster, job, second],
      [written(sessionJob(jobWith({ parallelism: 4 }))), second],
    );
    expect(code).toBe(1);
    expect(stdout).toContain(
      "FlinkSessionJob wordcount restarts, from the savepoint that is taken when it stops.\n",
    );
    expect(stdout).toContain("FlinkSessionJob other is unchanged.\n");
  });

  test("says what a cluster's change does to all of its jobs, also to those in no new file", async () => {
    const interval = withConfiguration({ "execution.checkpointing.interval": "10 s" });
    const before = written(sessionCluster(interval));
    const lastState = written(sessionJob(jobWith({ upgradeMode: "last-state" })));
    const next = written(sessionCluster(interval, withFlinkVersion("v2_2")));
    const { stdout } = await offline([before, lastState, second], [next]);
    expect(stdout).toContain("job restarts, and with it the session jobs wordcount, other.\n");
    expect(stdout).toContain("FlinkSessionJob wordcount restarts, from its newest checkpoint.\n");
    expect(stdout).toContain(
      "FlinkSessionJob other restarts, from the savepoint that is taken when it stops.\n",
    );
  });

  test("starts what was not there before, each with a job of its own", async () => {
    const { stdout } = await offline([], [cluster, job, second]);
    expect(stdout).toContain("job starts, and with it the session jobs wordcount, other.\n");
    expect(stdout.match(/starts, from an empty state\.$/gm)).toHaveLength(2);
  });

  test("does not guess at a session cluster", async () => {
    expect(await offline([job], [job])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /^.*FlinkSessionJob wordcount runs in the session cluster job, which is in no file\nnext: .*--from/,
      ),
    });
  });
});
