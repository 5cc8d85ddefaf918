/** A session cluster with two jobs on a real Kubernetes with a real Flink: no record lost, none double, any order of deletion. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { FlinkSessionJob } from "../../src/api/flink-session-job.ts";
import { run } from "../../testbed/lib/exec.ts";
import { attachCluster, BUCKET, type Cluster, Job, until } from "../../testbed/scenario.ts";
import { type CountingResult, verifyCounting } from "../../testbed/verify/counting.ts";
import { nodeMissing } from "../support/node-testbed.ts";

const JOBS = ["one", "two"] as const;
type Name = (typeof JOBS)[number];

let cluster: Cluster;
let session: Job;

beforeAll(async () => {
  if (nodeMissing()) return;
  cluster = attachCluster();
  const jars = join(cluster.testbed.s3.bucketDir(BUCKET), "jars");
  mkdirSync(jars, { recursive: true });
  const printsItsPath = join(import.meta.dirname, "../../testbed/images/counting-job.sh");
  const jar = (await run("bash", [printsItsPath], { deadline: 300_000 })).trim();
  copyFileSync(jar, join(jars, "counting-job.jar"));
  session = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
});

async function kubectl(...args: string[]): Promise<string> {
  return cluster.kubectl(["-n", session.namespace, ...args]);
}

function manifest(name: Name): FlinkSessionJob {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkSessionJob",
    metadata: { name, namespace: session.namespace },
    spec: {
      deploymentName: session.name,
      job: {
        jarURI: `s3://${BUCKET}/jars/counting-job.jar`,
        args: ["--output", `s3://${BUCKET}/${session.namespace}/output-${name}`, "--rate", "200"],
        parallelism: 1,
        upgradeMode: "savepoint",
        state: "running",
      },
    },
  };
}

async function get(name: Name): Promise<FlinkSessionJob> {
  return JSON.parse(await kubectl("get", "flinksessionjob", name, "-o", "json")) as FlinkSessionJob;
}

async function patch(name: Name, job: object): Promise<void> {
  await kubectl("patch", "flinksessionjob", name, "--type=merge", "-p", JSON.stringify({ spec: { job } }));
}

/** RUNNING and STABLE with the newest spec, and Ready says so. */
async function stable(name: Name): Promise<FlinkSessionJob> {
  try {
    return await until(`session job ${name} STABLE`, 240, async () => {
      const found = await get(name);
      const { observedGeneration, lifecycleState, jobStatus, conditions = [] } = found.status ?? {};
      const ready = conditions.find(({ type }) => type === "Ready");
      const current = observedGeneration === found.metadata.generation;
      const runs = jobStatus?.state === "RUNNING" && lifecycleState === "STABLE";
      return current && runs && ready?.status === "True" && found;
    });
  } catch (error) {
    const job = await kubectl("get", "flinksessionjob", name, "-o", "yaml");
    throw new Error(`${String(error)}\n${job}\n${await session.explain()}`, { cause: error });
  }
}

async function result(name: Name): Promise<CountingResult> {
  const bucket = cluster.testbed.s3.bucketDir(BUCKET);
  return verifyCounting(join(bucket, session.namespace, `output-${name}`));
}

/** More records than there were, none missing, none double, and one start without state. */
async function provesNoLoss(name: Name): Promise<void> {
  const before = (await result(name)).records;
  const after = await until(`new records of ${name}`, 240, async () => {
    const now = await result(name);
    return now.records > before && now;
  });
  const { missing, duplicates, countBreaks, damaged, freshStarts } = after;
  expect({ missing, duplicates, countBreaks, damaged, freshStarts }).toEqual({
    missing: [],
    duplicates: [],
    countBreaks: [],
    damaged: [],
    freshStarts: 1,
  });
}

describe.skipIf(nodeMissing())("a session cluster with two jobs", () => {
  it("runs both", async () => {
    const { job: _, ...spec } = session.manifest().spec;
    const flinkConfiguration = {
      ...(spec.flinkConfiguration as object),
      "taskmanager.numberOfTaskSlots": "2",
    };
    const deployment = { ...session.manifest(), spec: { ...spec, flinkConfiguration } };
    await cluster.kubectl(["apply", "-f", "-"], stringify(deployment));
    for (const name of JOBS) await cluster.kubectl(["apply", "-f", "-"], stringify(manifest(name)));
    for (const name of JOBS) await stable(name);
    for (const name of JOBS) await provesNoLoss(name);
  });

  it("changes one from a savepoint, and leaves the other alone", async () => {
    const other = (await get("two")).status?.jobStatus?.jobId;
    await patch("one", { parallelism: 2 });
    await stable("one");
    await provesNoLoss("one");
    expect((await get("two")).status?.jobStatus?.jobId).toBe(other);
  });

  it("changes one from its last state", async () => {
    await patch("one", { parallelism: 1, upgradeMode: "last-state" });
    await stable("one");
    await provesNoLoss("one");
  });

  it("suspends and resumes one", async () => {
    await patch("two", { state: "suspended" });
    await until("SUSPENDED", 120, async () => (await get("two")).status?.lifecycleState === "SUSPENDED");
    await patch("two", { state: "running" });
    await stable("two");
    await provesNoLoss("two");
  });

  it("loses nothing with its JobManager pod", async () => {
    await session.killPods("jobmanager");
    for (const name of JOBS) await stable(name);
    for (const name of JOBS) await provesNoLoss(name);
  });

  it("goes in any order, and leaves nothing", async () => {
    await kubectl("delete", "flinkdep", session.name, "--wait=false");
    await kubectl("delete", "flinksessionjob", ...JOBS, "--timeout=180s");
    await session.deleteLeavesNothing();
  });
});
