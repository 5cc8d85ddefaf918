/** A session cluster and its counting jobs, each with an output of its own: what their end-to-end tests share. */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { stringify } from "yaml";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../src/api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../src/api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../../src/api/flink-state-snapshot.ts";
import { FLINK_SESSION_JOBS } from "../../src/kube/resource-type.ts";
import {
  attachCluster,
  BUCKET,
  countingJar,
  Job,
  type JobOptions,
  look,
  until,
} from "../../testbed/scenario.ts";
import { type CountingResult, verifyCounting } from "../../testbed/verify/counting.ts";

interface Ready {
  readonly metadata: { readonly generation?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly lifecycleState?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** STABLE with the newest spec, and Ready says so. */
function isStable({ metadata, status }: Ready): boolean {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const current = status?.observedGeneration === metadata.generation;
  return current && status?.lifecycleState === "STABLE" && ready?.status === "True";
}

export class SessionJobs {
  /** The cluster: as a resource like any other, though what it runs is none of its own. */
  readonly session: Job;

  private constructor(session: Job) {
    this.session = session;
  }

  /** A namespace, and the jar in the bucket. */
  static async create(flink: JobOptions["flink"]): Promise<SessionJobs> {
    const cluster = attachCluster();
    const jars = join(cluster.testbed.s3.bucketDir(BUCKET), "jars");
    mkdirSync(jars, { recursive: true });
    copyFileSync(await countingJar(), join(jars, "counting-job.jar"));
    return new SessionJobs(await Job.create(cluster, { flink, upgradeMode: "savepoint" }));
  }

  kubectl(...args: string[]): Promise<string> {
    return this.session.cluster.kubectl(["-n", this.session.namespace, ...args]);
  }

  /** Of the cluster; `options` over the example's in its configuration. */
  async applyCluster(spec: Partial<FlinkDeploymentSpec>, options: Record<string, string>): Promise<void> {
    const manifest = this.session.manifest();
    const { job: _, ...example } = manifest.spec;
    const flinkConfiguration = { ...(example.flinkConfiguration as object), ...options };
    const deployment = { ...manifest, spec: { ...example, ...spec, flinkConfiguration } };
    await this.session.cluster.kubectl(["apply", "-f", "-"], stringify(deployment));
  }

  async apply(name: string, flinkConfiguration: Record<string, string> = {}): Promise<void> {
    const { namespace, name: deploymentName } = this.session;
    const manifest: FlinkSessionJob = {
      apiVersion: "flink.apache.org/v1beta1",
      kind: "FlinkSessionJob",
      metadata: { name, namespace },
      spec: {
        deploymentName,
        flinkConfiguration,
        job: {
          jarURI: `s3://${BUCKET}/jars/counting-job.jar`,
          args: ["--output", `s3://${BUCKET}/${namespace}/output-${name}`, "--rate", "200"],
          parallelism: 1,
          upgradeMode: "savepoint",
          state: "running",
        },
      },
    };
    await this.session.cluster.kubectl(["apply", "-f", "-"], stringify(manifest));
  }

  get(name: string): Promise<FlinkSessionJob> {
    return look(this.session.cluster, FLINK_SESSION_JOBS, this.session.namespace, name);
  }

  async patch(name: string, job: object): Promise<void> {
    const spec = JSON.stringify({ spec: { job } });
    await this.kubectl("patch", "flinksessionjob", name, "--type=merge", "-p", spec);
  }

  async jobId(name: string): Promise<string | undefined> {
    return (await this.get(name)).status?.jobStatus?.jobId;
  }

  /** The path in the newest event that says what a job was restored from. */
  async restoredFrom(name: string): Promise<string> {
    const query = ["--field-selector", `reason=RestoringFromCheckpoint,involvedObject.name=${name}`];
    const message = until(`an event that names the checkpoint of ${name}`, 240, async () => {
      const { items } = JSON.parse(await this.kubectl("get", "events", ...query, "-o", "json")) as {
        items: { message: string }[];
      };
      return items.at(-1)?.message;
    });
    return (await this.explained(message)).split(" ").at(-1) ?? "";
  }

  /** The highest complete checkpoint in a folder below the namespace's in the bucket. */
  newestCheckpoint(folder: string): number {
    const path = join(this.session.cluster.testbed.s3.bucketDir(BUCKET), this.session.namespace, folder);
    const complete = readdirSync(path).filter((one) => existsSync(join(path, one, "_metadata")));
    return Math.max(...complete.map((one) => Number(/^chk-(?<id>\d+)$/.exec(one)?.groups?.["id"] ?? 0)));
  }

  /** The path of the first savepoint of a job that was asked for by hand. */
  completedSavepoint(name: string): Promise<string> {
    const selector = "snapshot.type=SAVEPOINT,snapshot.trigger-type=MANUAL";
    const completed = until(`a savepoint of ${name}`, 180, async () => {
      const text = await this.kubectl("get", "flinksnp", "-l", selector, "-o", "json");
      const { items } = JSON.parse(text) as { items: FlinkStateSnapshot[] };
      return items.find(
        ({ spec, status }) => spec?.jobReference?.name === name && status?.state === "COMPLETED",
      )?.status?.path;
    });
    return this.explained(completed);
  }

  private async explained<T>(work: Promise<T>): Promise<T> {
    return work.catch(async (error: unknown) => {
      const jobs = await this.kubectl("get", "flinksessionjobs", "-o", "yaml");
      throw new Error(`${String(error)}\n${jobs}\n${await this.session.explain()}`, { cause: error });
    });
  }

  /** A job: RUNNING as well. */
  stable(name: string): Promise<FlinkSessionJob> {
    const stable = until(`session job ${name} STABLE`, 240, async () => {
      const found = await this.get(name);
      return found.status?.jobStatus?.state === "RUNNING" && isStable(found) && found;
    });
    return this.explained(stable);
  }

  clusterStable(): Promise<FlinkDeployment> {
    const stable = until(`session cluster ${this.session.name} STABLE`, 240, async () => {
      const found = await this.session.get();
      return isStable(found) && found;
    });
    return this.explained(stable);
  }

  result(name: string): Promise<CountingResult> {
    const bucket = this.session.cluster.testbed.s3.bucketDir(BUCKET);
    return verifyCounting(join(bucket, this.session.namespace, `output-${name}`));
  }

  /** More records than there were, none missing, none double, and one start without state. */
  async provesNoLoss(name: string): Promise<void> {
    const before = (await this.result(name)).records;
    const grown = until(`new records of ${name}`, 240, async () => {
      const now = await this.result(name);
      return now.records > before && now;
    });
    const { missing, duplicates, countBreaks, damaged, freshStarts } = await this.explained(grown);
    expect({ missing, duplicates, countBreaks, damaged, freshStarts }).toEqual({
      missing: [],
      duplicates: [],
      countBreaks: [],
      damaged: [],
      freshStarts: 1,
    });
  }

  async goesInAnyOrder(...names: string[]): Promise<void> {
    await this.kubectl("delete", "flinkdep", this.session.name, "--wait=false");
    await this.kubectl("delete", "flinksessionjob", ...names, "--timeout=180s");
    await this.session.deleteLeavesNothing();
  }
}
