/** `sluice history` and `sluice rollback` against the real API server. No operator runs: the statuses are written here. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { FlinkDeployment, FlinkDeploymentStatus } from "../../../src/api/flink-deployment.ts";
import type { HistoryEntry } from "../../../src/api/history.ts";
import type { FlinkSessionJob } from "../../../src/api/flink-session-job.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS } from "../../../src/kube/resource-type.ts";
import {
  flinkDeployment,
  withImage,
  withJob,
  withParallelism,
} from "../../../testbed/gen/flink-deployment.ts";
import { jobRunning, jobWith, sessionJob } from "../../../testbed/gen/session.ts";
import { startApi } from "../../../testbed/api.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { running } from "../../../testbed/gen/recorded-status.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor } from "../kube/support.ts";
import {
  kubeconfigOf,
  place as placeFor,
  type Place,
  readBack as read,
  sluice as sluiceWith,
} from "./support.ts";

const place = (): Promise<Place> => placeFor("history");
const sluice = (kubeconfig: string, ...args: string[]): ReturnType<typeof sluiceWith> =>
  sluiceWith(kubeconfig, args);

const first = flinkDeployment(
  withImage("registry/job:1"),
  withParallelism(2),
  withJob({ savepointRedeployNonce: 1 }),
);
const second = flinkDeployment(
  withImage("registry/job:2"),
  withParallelism(4),
  withJob({ upgradeMode: "last-state", savepointTriggerNonce: 5 }),
  ({ spec }) => void (spec.restartNonce = 9),
);

function entry(revision: number, of: FlinkDeployment, fields: HistoryEntry): HistoryEntry {
  const image = of.spec.image ?? "";
  const startTime = new Date(Date.now() - 90 * 60_000).toISOString();
  const times = { startTime, outcomeTime: startTime };
  const common = { revision, generation: revision, image, flinkVersion: "v2_3", restoredFrom: "empty" };
  return {
    ...common,
    ...times,
    outcome: "Stable",
    stableTime: startTime,
    spec: JSON.stringify(of.spec),
    ...fields,
  };
}

/** The second image runs; at its first try it was rolled back. */
const history: HistoryEntry[] = [
  entry(1, first, {}),
  entry(2, second, {
    restoredFrom: "s3://sp-1",
    outcome: "RolledBack",
    message: "generation 2 was\nrolled back",
  }),
  entry(3, second, { restoredFrom: "s3://sp-2" }),
];

/** Creates the second spec's resource with a status; the metadata's generation is 1. */
async function create(
  { client, namespace }: Pick<Place, "client" | "namespace">,
  status: FlinkDeploymentStatus = { history },
  metadata: object = {},
): Promise<FlinkDeployment> {
  const { apiVersion, kind, spec } = second;
  const object = { apiVersion, kind, metadata: { name: "job", namespace, ...metadata }, spec };
  const made = await client.create<FlinkDeployment>(FLINK_DEPLOYMENTS, object);
  running()(made);
  return client.replaceStatus(FLINK_DEPLOYMENTS, { ...made, status: { ...made.status, ...status } });
}

describe("sluice history", () => {
  test("prints what the API server kept, like kubectl", async () => {
    const here = await place();
    await create(here);
    const run = await sluice(here.kubeconfig, "history", "job", "-n", here.namespace);
    expect(run).toEqual({
      code: 0,
      stderr: "",
      stdout: [
        "REVISION   GENERATION   AGE   IMAGE            FLINK   PARALLELISM   FROM        OUTCOME",
        "1          1            90m   registry/job:1   v2_3    2             empty       Stable",
        "2          2            90m   registry/job:2   v2_3    4             s3://sp-1   RolledBack",
        "3          3            90m   registry/job:2   v2_3    4             s3://sp-2   Stable",
        "",
      ].join("\n"),
    });
    const wide = await sluice(here.kubeconfig, "history", "job", "-n", here.namespace, "-o", "wide");
    expect(wide.stdout).toMatch(/^2 .* RolledBack +90m +generation 2 was rolled back$/m);
  });

  test("prints entries for programs, and one revision as a manifest that can be applied", async () => {
    const here = await place();
    await create(here);
    const ofJob = ["history", "job", "-n", here.namespace];
    const json = await sluice(here.kubeconfig, ...ofJob, "-o", "json");
    expect(JSON.parse(json.stdout)).toMatchObject([{ revision: 1, spec: first.spec }, {}, { revision: 3 }]);
    expect(parse((await sluice(here.kubeconfig, ...ofJob, "-o", "yaml")).stdout)).toEqual(
      JSON.parse(json.stdout),
    );
    const { stdout } = await sluice(here.kubeconfig, ...ofJob, "--revision", "1");
    await apiTestbed().kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], stdout);
    expect((await read(here)).spec).toMatchObject({ image: "registry/job:1", job: { parallelism: 2 } });
  });

  test.each<[string, string[], number, RegExp]>([
    ["no such revision", ["--revision", "7"], 1, /has no revision 7\nnext: .*1, 2, 3/],
    ["no number", ["--revision", "last"], 2, /--revision is the number of a revision, not "last"/],
    ["no such format", ["-o", "xml"], 2, /Allowed choices/],
  ])("refuses: %s", async (_what, args, code, stderr) => {
    const here = await place();
    await create(here);
    const run = await sluice(here.kubeconfig, "history", "job", "-n", here.namespace, ...args);
    expect(run).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(stderr) });
  });

  test("says why there is none", async () => {
    const here = await place();
    const ofJob = ["history", "job", "-n", here.namespace];
    const nobody = await sluice(here.kubeconfig, ...ofJob);
    expect(nobody).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("there is no FlinkDeployment or FlinkSessionJob job"),
    });
    await create(here, { reconciliationStatus: {} });
    const fresh = await sluice(here.kubeconfig, ...ofJob, "-o", "json");
    expect(fresh).toMatchObject({
      code: 0,
      stdout: "[]\n",
      stderr: expect.stringContaining("not deployed yet"),
    });
  });
});

describe("sluice rollback", () => {
  test("writes the newest other stable spec, but keeps nonces, job.state and upgradeMode", async () => {
    const here = await place();
    const before = await create(here);
    const run = await sluice(here.kubeconfig, "rollback", "job", "-n", here.namespace);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("job goes back to revision 1 (registry/job:1, deployed 90m ago, Stable):\n");
    expect(run.stdout).toContain("  image: registry/job:2 -> registry/job:1\n  job.parallelism: 4 -> 2\n");
    expect(run.stdout).toContain("The job goes on from its newest checkpoint.\n");
    expect(run.stdout).toContain("flinkdeployment.flink.apache.org/job rolled back\n");
    const { spec, metadata, status } = await read(here);
    expect(spec).toEqual({
      ...first.spec,
      restartNonce: 9,
      job: {
        jarURI: first.spec.job?.jarURI,
        parallelism: 2,
        upgradeMode: "last-state",
        savepointTriggerNonce: 5,
      },
    });
    expect(metadata.generation).toBe((before.metadata.generation ?? 0) + 1);
    expect(status).toEqual(before.status);
  });

  test("goes to the revision that was asked for, and with --dry-run nowhere", async () => {
    const here = await place();
    const before = await create(here);
    const to = ["rollback", "job", "-n", here.namespace, "--to-revision", "1", "--dry-run"];
    const dry = await sluice(here.kubeconfig, ...to);
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    expect(dry.stdout).toContain("job rolled back (dry run: nothing was changed)");
    const manifest = await sluice(here.kubeconfig, ...to, "-o", "yaml");
    expect(manifest.stderr).toContain("goes back to revision 1");
    expect(await read(here)).toEqual(before);
    expect(parse(manifest.stdout)).toMatchObject({
      kind: "FlinkDeployment",
      metadata: { name: "job", namespace: here.namespace },
      spec: { image: "registry/job:1", restartNonce: 9 },
    });
    const done = await sluice(here.kubeconfig, ...to.slice(0, -1), "-o", "name");
    expect(done).toMatchObject({ code: 0, stdout: "flinkdeployment.flink.apache.org/job\n" });
    expect((await read(here)).spec.image).toBe("registry/job:1");
  });

  test.each<[string, string[], number, RegExp]>([
    ["the same spec", ["--to-revision", "3"], 1, /revision 3 is what the spec of job says already\nnext: /],
    ["no such revision", ["--to-revision", "9"], 1, /job has no revision 9\nnext: /],
    ["no number", ["--to-revision", "0"], 2, /--to-revision is the number of a revision/],
  ])("refuses: %s", async (_what, args, code, stderr) => {
    const here = await place();
    const before = await create(here);
    const run = await sluice(here.kubeconfig, "rollback", "job", "-n", here.namespace, ...args);
    expect(run).toMatchObject({ code, stderr: expect.stringMatching(stderr) });
    expect(await read(here)).toEqual(before);
  });

  test("has nothing to go back to after a first deployment", async () => {
    const here = await place();
    await create(here, { history: history.slice(2) });
    const run = await sluice(here.kubeconfig, "rollback", "job", "-n", here.namespace);
    expect(run).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/nothing to roll job back to.*\nnext: /),
    });
  });

  test("warns that GitOps will overwrite it", async () => {
    const here = await place();
    await create(here, { history }, { labels: { "kustomize.toolkit.fluxcd.io/name": "jobs" } });
    const run = await sluice(here.kubeconfig, "rollback", "job", "-n", here.namespace);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining("warning: Flux manages job") });
    expect(run.stderr).toContain("flux suspend kustomization jobs");
  });

  test("recognises Argo CD by what it wrote", async () => {
    const here = await place();
    const made = await create(here);
    const patch = { metadata: { labels: { a: "b" } } };
    await here.client.patch(FLINK_DEPLOYMENTS, here.namespace, made.metadata.name, patch, {
      kind: "merge",
      fieldManager: "argocd-controller",
    });
    const run = await sluice(here.kubeconfig, "rollback", "job", "-n", here.namespace, "--dry-run");
    expect(run.stderr).toContain("warning: Argo CD manages job (field manager argocd-controller)");
  });

  test("cannot without the right to, and says which", async () => {
    const here = await place();
    await create(here);
    const file = await kubeconfigOf(here, ["get", "flinkdeployments.flink.apache.org"]);
    const run = await sluice(file, "rollback", "job", "-n", here.namespace);
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/cannot patch[^]*\nnext: Ask for that right/),
    });
  });
});

test("a session job is told apart by its type, also from a FlinkDeployment of its name", async () => {
  const here = await place();
  const untouched = await create(here);
  const before = sessionJob(jobWith({ parallelism: 2 }));
  const after = sessionJob(jobWith({ parallelism: 4, savepointTriggerNonce: 3 }));
  const entries = [before, after].map(({ spec }, nth) => {
    const { image: _, ...rest } = entry(nth + 1, first, { spec: JSON.stringify(spec) });
    return { ...rest, jarURI: "https://example.com/wordcount.jar" };
  });
  const { apiVersion, kind, spec } = after;
  const object = { apiVersion, kind, metadata: { name: "job", namespace: here.namespace }, spec };
  const made = await here.client.create<FlinkSessionJob>(FLINK_SESSION_JOBS, object);
  jobRunning({ restore: "savepoint" })(made);
  await here.client.replaceStatus(FLINK_SESSION_JOBS, {
    ...made,
    status: { ...made.status, history: entries },
  });
  const listed = await sluice(here.kubeconfig, "history", "sessionjob/job", "-n", here.namespace);
  expect(listed).toMatchObject({ code: 0, stderr: "" });
  expect(listed.stdout).toMatch(/^2 +2 +90m +https:\/\/example.com\/wordcount.jar +v2_3 +4 /m);
  const run = await sluice(here.kubeconfig, "rollback", "flinksessionjob/job", "-n", here.namespace);
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toContain("  job.parallelism: 4 -> 2\n");
  expect(run.stdout).toContain("The job goes on from a savepoint that is taken when it is stopped.\n");
  expect(run.stdout).toContain("flinksessionjob.flink.apache.org/job rolled back\n");
  expect(run.stdout).toContain("--for=condition=Ready flinksessionjob/job");
  const written = await here.client.get<FlinkSessionJob>(FLINK_SESSION_JOBS, here.namespace, "job");
  expect(written?.spec).toEqual({ ...before.spec, job: { ...before.spec.job, savepointTriggerNonce: 3 } });
  expect(await read(here)).toEqual(untouched);
  const nobody = await sluice(here.kubeconfig, "history", "sessionjob/other", "-n", here.namespace);
  expect(nobody).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("there is no FlinkSessionJob other"),
  });
  const nothing = await sluice(here.kubeconfig, "rollback", "pod/job", "-n", here.namespace);
  expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining("TYPE/NAME") });
});

test("two at a time: one of them is told that it lost", async () => {
  const here = await place();
  await create(here);
  // Whoever reads before the other writes has the older version.
  const runs = await Promise.all(
    [1, 2, 3, 4].map(() =>
      sluice(here.kubeconfig, "rollback", "job", "-n", here.namespace, "--to-revision", "1"),
    ),
  );
  expect(runs.filter(({ code }) => code === 0)).toHaveLength(1);
  for (const { code, stderr } of runs.filter(({ code }) => code !== 0)) {
    expect(code).toBe(1);
    expect(stderr).toMatch(/changed by somebody else at the same time|is what the spec of job says already/);
  }
});

test("with a CRD that drops the history, rollback goes to the last stable spec, and history says so", async () => {
  const crd = parse(
    await readFile(join(repository, "deploy/crds/flinkdeployments.flink.apache.org.yaml"), "utf8"),
  );
  delete crd.spec.versions[0].schema.openAPIV3Schema.properties.status.properties.history;
  const api = await startApi({ controllers: false });
  try {
    await api.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(crd));
    const here = { client: clientFor(api), kubeconfig: api.kubeconfigPath, namespace: "default" };
    const isServed = (): Promise<boolean> =>
      here.client.list(FLINK_DEPLOYMENTS, here).then(
        () => true,
        () => false,
      );
    await expect.poll(isServed, { timeout: 30_000 }).toBe(true);
    const stable = structuredClone(first);
    running()(stable);
    const { lastStableSpec } = stable.status?.reconciliationStatus ?? {};
    const made = await create(here, { history });
    expect(made.status).not.toHaveProperty("history");
    const { reconciliationStatus } = made.status ?? {};
    await here.client.replaceStatus(FLINK_DEPLOYMENTS, {
      ...made,
      status: { ...made.status, reconciliationStatus: { ...reconciliationStatus, lastStableSpec } },
    });
    // The server publishes the schema a moment after the CRD is established.
    await expect
      .poll(() => sluice(here.kubeconfig, "history", "job"), { timeout: 20_000, interval: 500 })
      .toMatchObject({ code: 1, stderr: expect.stringMatching(/no field status.history\nnext: Install/) });
    const run = await sluice(here.kubeconfig, "rollback", "job");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("job goes back to the last stable spec:\n");
    expect((await read(here)).spec).toMatchObject({ image: "registry/job:1", restartNonce: 9 });
  } finally {
    await api.stop();
  }
});
