/** The commands for jobs under the operator, against the real API server. No operator runs: the tests play its part. */
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import { EVENTS, FLINK_DEPLOYMENTS } from "../../../src/kube/resource-type.ts";
import {
  flinkDeployment,
  withImage,
  withJob,
  withParallelism,
} from "../../../testbed/gen/flink-deployment.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { createRunning, kubeconfigOf, type Place, place, readBack, sluice } from "./support.ts";

const spec = flinkDeployment(withImage("registry/job:1"), withParallelism(2));

/** What an operator would write of the resource's present spec. */
async function report(
  here: Place,
  ready: "True" | "False",
  reason: string,
  message: string,
  stalled: "True" | "False" = "False",
): Promise<FlinkDeployment> {
  const found = await readBack(here);
  const { generation = 1 } = found.metadata;
  const common = {
    reason,
    message,
    lastTransitionTime: "2026-03-01T12:00:00Z",
    observedGeneration: generation,
  };
  const status = {
    ...found.status,
    lifecycleState: ready === "True" ? ("STABLE" as const) : ("UPGRADING" as const),
  };
  const conditions = [
    { type: "Ready", status: ready, ...common },
    { type: "Stalled", status: stalled, ...common },
  ];
  return here.client.replaceStatus(FLINK_DEPLOYMENTS, { ...found, status: { ...status, conditions } });
}

async function event(
  here: Place,
  kind: string,
  name: string,
  reason: string,
  lastTimestamp: string,
): Promise<void> {
  const { namespace } = here;
  await here.client.create(EVENTS, {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${name}.${reason.toLowerCase()}`, namespace },
    involvedObject: { kind, name, namespace },
    type: reason === "Failed" ? "Warning" : "Normal",
    reason,
    message: `about\n${name}`,
    count: 3,
    lastTimestamp,
  });
}

describe("sluice get", () => {
  test("lists jobs as kubectl lists objects", async () => {
    const here = await place("get");
    await createRunning(here, spec);
    const { code, stdout, stderr } = await here.run("get");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.replaceAll(/\d+s$/gm, "AGO")).toBe(
      [
        "NAME   JOB       LIFECYCLE   READY   REASON    FLINK   PARALLELISM   AGE",
        "job    RUNNING   STABLE      True    Running   v2_3    2             AGO",
        "",
      ].join("\n"),
    );
    const everywhere = await here.run("get", "-A", "-o", "wide", "--no-headers");
    // Other tests' jobs are there as well, and with them perhaps a column for their kinds.
    expect(everywhere.stdout).toMatch(new RegExp(`^${here.namespace} +\\S*job `, "m"));
    expect((await here.run("get", "-o", "wide")).stdout).toContain("registry/job:1");
  });

  test("prints for programs what kubectl prints", async () => {
    const here = await place("get");
    await createRunning(here, spec);
    await createRunning(here, spec, "other", { labels: { team: "a" } });
    expect((await here.run("get", "-o", "name")).stdout).toBe(
      "flinkdeployment.flink.apache.org/job\nflinkdeployment.flink.apache.org/other\n",
    );
    const kubectl = async (...args: string[]): Promise<unknown> =>
      JSON.parse(
        await apiTestbed().kubectl(["-n", here.namespace, "get", "flinkdep", ...args, "-o", "json"]),
      );
    expect(JSON.parse((await here.run("get", "job", "-o", "json")).stdout)).toEqual(await kubectl("job"));
    const selected = await here.run("get", "flinkdep", "-l", "team=a", "-o", "yaml");
    const list = (await kubectl("-l", "team=a")) as { items: unknown[] };
    expect(parse(selected.stdout)).toMatchObject({ kind: "List", items: list.items });
  });

  test("goes on with each change", async () => {
    const here = await place("get");
    await createRunning(here, spec);
    let text = "";
    const watching = sluice(here.kubeconfig, ["get", "job", "-w", "-n", here.namespace], {
      seen: (more) => (text += more),
    });
    await expect.poll(() => text, { timeout: 10_000 }).toContain("STABLE");
    await report(here, "False", "SavepointInProgress", "stopping");
    await expect
      .poll(() => text, { timeout: 10_000 })
      .toMatch(/^job .*UPGRADING +False +SavepointInProgress/m);
    // Only Ctrl-C ends it; the test's client goes away with the process.
    void watching;
  });

  test.each<[string, string[], number, RegExp]>([
    ["nothing of that name", ["get", "nobody"], 4, /there is no FlinkDeployment or FlinkSessionJob nobody/],
    ["no such type", ["get", "podd/x"], 2, /"podd\/x" names no Flink resource\nnext: /],
    ["a job asked of a snapshot", ["suspend", "flinksnp/x"], 2, /a FlinkStateSnapshot runs no job/],
  ])("refuses: %s", async (_what, args, code, stderr) => {
    const here = await place("get");
    expect(await here.run(...args)).toMatchObject({
      code,
      stdout: "",
      stderr: expect.stringMatching(stderr),
    });
  });

  test("says so when there is nothing", async () => {
    const here = await place("get");
    const nothing = { code: 0, stdout: "", stderr: `no Flink resources in namespace ${here.namespace}\n` };
    expect(await here.run("get")).toEqual(nothing);
    expect(JSON.parse((await here.run("get", "-o", "json")).stdout)).toMatchObject({
      kind: "List",
      items: [],
    });
  });
});

describe("sluice events and describe", () => {
  test("tell what was said about the job and its pods, and nothing of others", async () => {
    const here = await place("events");
    await createRunning(here, spec);
    await event(here, "FlinkDeployment", "job", "Submit", "2026-03-01T12:00:00Z");
    await event(here, "Pod", "job-taskmanager-1-1", "Failed", "2026-03-01T12:00:02Z");
    await event(here, "Pod", "job-5d8f7c9b4-x2x7k", "Pulled", "2026-03-01T12:00:01Z");
    await event(here, "FlinkDeployment", "job-two", "Submit", "2026-03-01T12:00:00Z");
    await event(here, "Pod", "job-two-5d8f7c9b4-x2x7k", "Pulled", "2026-03-01T12:00:00Z");
    const { stdout } = await here.run("events", "job");
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/).slice(1));
    expect(rows).toEqual([
      ["TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"],
      ["Normal", "Submit", "flinkdeployment/job", "3", "about job"],
      ["Normal", "Pulled", "pod/job-5d8f7c9b4-x2x7k", "3", "about job-5d8f7c9b4-x2x7k"],
      ["Warning", "Failed", "pod/job-taskmanager-1-1", "3", "about job-taskmanager-1-1"],
      [],
    ]);
    const warnings = JSON.parse((await here.run("events", "job", "--warnings", "-o", "json")).stdout);
    expect(warnings.items.map(({ reason }: { reason: string }) => reason)).toEqual(["Failed"]);
    const described = (await here.run("describe", "job")).stdout;
    expect(described).toMatch(/^Name: +job$/m);
    expect(described).toMatch(/^ {2}Image: +registry\/job:1$/m);
    expect(described).toMatch(/^ {2}Job: +RUNNING$/m);
    expect(described).toMatch(/^ {2}Ready +True .*the job is RUNNING$/m);
    expect(described).toContain("about job-taskmanager-1-1");
    expect(described).not.toContain("job-two");
  });
});

describe("the verbs", () => {
  test.each<[string, string[], object, RegExp]>([
    ["suspended", ["suspend", "job"], { job: { state: "suspended" } }, /stopped with a savepoint/],
    [
      "resumed",
      ["resume", "job"],
      { job: { state: "running" } },
      /starts from an empty state, as none was kept/,
    ],
    ["restarted", ["restart", "job"], { restartNonce: 1 }, /stopped with a savepoint, and starts again/],
    [
      "scaled",
      ["scale", "job", "--parallelism", "5"],
      { job: { parallelism: 5 } },
      /from parallelism 2 to 5/,
    ],
    [
      "scaled",
      ["scale", "job", "--task-managers", "3"],
      { taskManager: { replicas: 3 } },
      /gets 3 TaskManagers/,
    ],
  ])("%s: %j", async (verb, args, changed, effect) => {
    const here = await place("verbs");
    const before = await createRunning(here, spec);
    const line = `flinkdeployment.flink.apache.org/job ${verb}`;
    for (const [flag, suffix] of [
      ["--dry-run", " (dry run)"],
      ["--dry-run=server", " (server dry run)"],
    ] as const) {
      expect(await here.run(...args, flag)).toMatchObject({ code: 0, stdout: `${line}${suffix}\n` });
      expect((await readBack(here)).spec).toEqual(before.spec);
    }
    const client = JSON.parse((await here.run(...args, "--dry-run=client", "-o", "json")).stdout);
    const server = parse((await here.run(...args, "--dry-run=server", "-o", "yaml")).stdout);
    expect(client.spec).toEqual(server.spec);
    const done = await here.run(...args);
    expect(done).toMatchObject({ code: 0, stdout: `${line}\n`, stderr: expect.stringMatching(effect) });
    const after = await readBack(here);
    expect(after.spec).toMatchObject(changed);
    expect(after.spec).toEqual(client.spec);
    if (verb === "restarted") return;
    const again = await here.run(...args);
    expect(again).toEqual({
      code: 0,
      stdout: "flinkdeployment.flink.apache.org/job unchanged\n",
      stderr: "",
    });
    expect((await readBack(here)).metadata.generation).toBe(after.metadata.generation);
  });

  test("warn before a state is thrown away, and of GitOps", async () => {
    const here = await place("verbs");
    const stateless = flinkDeployment(withJob({ upgradeMode: "stateless" }));
    await createRunning(here, stateless, "job", { labels: { "kustomize.toolkit.fluxcd.io/name": "jobs" } });
    const { stderr } = await here.run("suspend", "job");
    expect(stderr).toContain("warning: spec.job.upgradeMode is stateless: the job starts empty");
    expect(stderr).toContain("warning: Flux manages job");
    expect(stderr).toContain("next: change it there as well; until then: flux suspend kustomization jobs\n");
  });

  test.each<[string, string[], number, RegExp]>([
    [
      "no number",
      ["scale", "job", "--parallelism", "many"],
      2,
      /--parallelism is a whole number from 1, not "many"/,
    ],
    ["nothing to scale to", ["scale", "job"], 2, /give one of --parallelism and --task-managers/],
    ["no such duration", ["restart", "job", "--timeout", "soon"], 2, /--timeout is a duration/],
    ["no such job", ["restart", "nobody"], 4, /there is no .* nobody/],
  ])("refuse: %s", async (_what, args, code, stderr) => {
    const here = await place("verbs");
    const before = await createRunning(here, spec);
    expect(await here.run(...args)).toMatchObject({
      code,
      stdout: "",
      stderr: expect.stringMatching(stderr),
    });
    expect(await readBack(here)).toEqual(before);
  });

  test("say which right is missing", async () => {
    const here = await place("verbs");
    await createRunning(here, spec);
    const kubeconfig = await kubeconfigOf(here, ["get", "flinkdeployments.flink.apache.org"]);
    const run = await sluice(kubeconfig, ["restart", "job", "-n", here.namespace]);
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/cannot patch[^]*\nnext: Ask for that right/),
    });
  });
});

describe("--wait", () => {
  test("tells how it goes and ends when the change has its effect", async () => {
    const here = await place("wait");
    await createRunning(here, spec);
    let text = "";
    const run = sluice(here.kubeconfig, ["restart", "job", "--wait", "-n", here.namespace], {
      seen: (more) => (text += more),
    });
    // Ready, but with the spec before.
    await expect.poll(() => text, { timeout: 10_000 }).toContain("the operator has not seen the change yet");
    await report(here, "False", "SavepointInProgress", "stopping the job");
    await expect.poll(() => text).toContain("job: UPGRADING RUNNING: SavepointInProgress: stopping the job");
    await report(here, "True", "Running", "the job is RUNNING");
    expect(await run).toMatchObject({ code: 0, stdout: "flinkdeployment.flink.apache.org/job restarted\n" });
    expect(text).toMatch(/ 0s {2}job: .*\n.* {2}job: STABLE RUNNING: Running: the job is RUNNING\n$/);
  });

  test("ends with 1 when a person has to act, and with 3 when it takes too long", async () => {
    const here = await place("wait");
    await createRunning(here, spec);
    const late = await here.run("restart", "job", "--wait", "--timeout", "1s");
    expect(late).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/not ready after 1 s: .*\nnext: .*sluice doctor job/),
    });
    await report(here, "False", "ValidationError", "spec.job.parallelism: must be 1 or more", "True");
    const wrong = await sluice(here.kubeconfig, [
      "scale",
      "job",
      "--parallelism",
      "2",
      "--wait",
      "-n",
      here.namespace,
    ]);
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/job is stalled: .*spec.job.parallelism/),
    });
  });
});

describe("sluice delete", () => {
  test("waits until the resource is gone", async () => {
    const here = await place("delete");
    await createRunning(here, spec, "job", { finalizers: ["example.com/held"] });
    expect((await here.run("delete", "job", "--dry-run")).stdout).toContain("job deleted (dry run)\n");
    expect((await here.run("delete", "job", "--dry-run=server")).stdout).toContain("(server dry run)\n");
    expect((await readBack(here)).metadata.deletionTimestamp).toBeUndefined();
    let text = "";
    const run = sluice(here.kubeconfig, ["delete", "job", "-n", here.namespace], {
      seen: (more) => (text += more),
    });
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(/deleted\n[^]*job: STABLE RUNNING/);
    const late = await here.run("delete", "job", "--timeout", "1s");
    expect(late).toMatchObject({ code: 3, stderr: expect.stringContaining("is still there after 1 s") });
    await here.client.patch(
      FLINK_DEPLOYMENTS,
      here.namespace,
      "job",
      { metadata: { finalizers: null } },
      { kind: "merge" },
    );
    expect(await run).toMatchObject({ code: 0 });
    expect(await here.run("delete", "job")).toMatchObject({ code: 4 });
  });

  test("with --wait=false does not wait", async () => {
    const here = await place("delete");
    await createRunning(here, spec, "job", { finalizers: ["example.com/held"] });
    expect(await here.run("delete", "job", "--wait=false")).toMatchObject({ code: 0 });
    expect((await readBack(here)).metadata.deletionTimestamp).toBeDefined();
  });
});

describe("sluice apply", () => {
  const manifest = (changed: object = {}): string => {
    const { apiVersion, kind } = spec;
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "flink" } };
    const resource = { apiVersion, kind, metadata: { name: "job" }, spec: { ...spec.spec, ...changed } };
    return `${stringify(account)}---\n${stringify(resource)}`;
  };
  const apply = (here: Place, stdin: string, ...args: string[]) =>
    sluice(here.kubeconfig, ["apply", "-f", "-", "-n", here.namespace, ...args], { stdin });
  const line = (verb: string): string => `flinkdeployment.flink.apache.org/job ${verb}\n`;

  test("creates, changes and leaves alone what kubectl apply would, and the other way round", async () => {
    const here = await place("apply");
    expect((await apply(here, manifest(), "--dry-run")).stdout).toBe(
      `serviceaccount/flink created (dry run)\n${line("created (dry run)")}`,
    );
    expect((await apply(here, manifest(), "--dry-run=server")).stdout).toContain(
      line("created (server dry run)"),
    );
    const created = await apply(here, manifest({ restartNonce: 1 }));
    expect(created).toMatchObject({ code: 0, stdout: `serviceaccount/flink created\n${line("created")}` });
    const kubectl = (stdin: string): Promise<string> =>
      apiTestbed().kubectl(["-n", here.namespace, "apply", "-f", "-"], stdin);
    expect(await kubectl(manifest({ restartNonce: 1 }))).toContain(line("unchanged"));
    // Somebody else's field stays; one that was applied and is not named any more goes.
    await here.run("scale", "job", "--task-managers", "3");
    expect((await apply(here, manifest())).stdout).toContain(line("configured"));
    const { spec: after } = await readBack(here);
    expect(after.restartNonce).toBeUndefined();
    expect(after.taskManager).toEqual({ ...spec.spec.taskManager, replicas: 3 });
    expect((await apply(here, manifest())).stdout).toBe(
      `serviceaccount/flink unchanged\n${line("unchanged")}`,
    );
    expect(await kubectl(manifest({ image: "registry/job:2" }))).toContain(line("configured"));
    expect((await apply(here, manifest({ image: "registry/job:2" }))).stdout).toContain(line("unchanged"));
  });

  test("applies nothing of files with errors", async () => {
    const here = await place("apply");
    const run = await apply(here, manifest({ flinkVersion: "v9" }));
    expect(run).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("spec.flinkVersion") });
    expect(run.stderr).toMatch(/error: nothing was applied: the files have errors\nnext: /);
    expect((await here.run("get", "-o", "name")).stdout).toBe("");
  });

  test("names a kind that the cluster does not know", async () => {
    const here = await place("apply");
    const stranger = { apiVersion: "example.org/v1", kind: "Stranger", metadata: { name: "s" } };
    const run = await apply(here, stringify(stranger));
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("the cluster knows no kind Stranger"),
    });
  });
});
