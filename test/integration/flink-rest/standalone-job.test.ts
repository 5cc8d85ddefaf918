/** A real standalone JobManager, given the arguments and the options that Sluice renders for one. */
import type { Container } from "kubernetes-types/core/v1.d.ts";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FlinkVersion } from "../../../src/api/flink-deployment.ts";
import { LAST_STATE_MARKER } from "../../../src/reconcile/upgrade-mode.ts";
import { renderCluster } from "../../../src/resources/cluster.ts";
import { type ClusterInputs, deployConfiguration } from "../../../src/resources/native-cluster.ts";
import { buildScriptedJob, flinkHome, startFlink } from "../../../testbed/flink-rest/local-flink.ts";
import { newId } from "../../../testbed/flink-rest/stage.ts";
import { logFile, ProcessEnded } from "../../../testbed/lib/processes.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";

function inputs(flinkVersion: FlinkVersion, jobId: string): ClusterInputs {
  return {
    owner: { name: "job", namespace: "default", uid: "" },
    spec: {
      mode: "standalone",
      flinkVersion,
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1g" } },
      job: {
        entryClass: "ScriptedJob",
        // Flink would take the first for the beginning of --fromSavepoint. ScriptedJob makes it the job's name.
        args: ["--from", "3"],
        parallelism: 1,
        allowNonRestoredState: true,
        upgradeMode: "last-state",
      },
    },
    generation: 1,
    jobId,
    restore: { kind: "last-state", marker: true },
    attemptId: "attempt",
    defaults: {},
  };
}

/** Without the image's entry point, whose first argument names the script. */
function argumentsOf(given: ClusterInputs): string[] {
  const { spec } = renderCluster(given).deployment as { spec?: unknown };
  const { template } = spec as { template: { spec: { containers: Container[] } } };
  const [script, ...args] = template.spec.containers[0]?.args ?? [];
  expect(script).toBe("standalone-job");
  return args;
}

const OPTIONS = ["$internal.pipeline.job-id", "execution.savepoint.path", "execution.target"];

/** What the JobManager logs until its restore fails. */
async function logOf(version: "1.20" | "2.3", given: ClusterInputs, folder: string): Promise<string> {
  const home = await flinkHome(version);
  const config = deployConfiguration(given);
  const cluster = join(folder, "cluster");
  const starting = startFlink({
    home,
    folder: cluster,
    configuration: Object.fromEntries(OPTIONS.map((key) => [key, config[key] ?? ""])),
    application: { jar: await buildScriptedJob(home, folder), args: argumentsOf(given) },
  });
  // Flink 1.20 ends with a job that it cannot restore, and may do so before it is looked at.
  const local = await starting.catch((error: unknown) => {
    if (!(error instanceof ProcessEnded)) throw error;
  });
  const failure = `Cannot find checkpoint or savepoint file/directory '${LAST_STATE_MARKER}'`;
  try {
    const log = async (): Promise<string | false> => {
      const text = await readFile(logFile(cluster, "jobmanager"), "utf8");
      return text.includes(failure) && text;
    };
    return await waitFor("the restore to fail", log, { deadline: 45_000 });
  } finally {
    await local?.stop();
  }
}

test.concurrent.each<["1.20" | "2.3", FlinkVersion]>([
  ["1.20", "v1_20"],
  ["2.3", "v2_3"],
])(
  "Flink %s runs the job under its id, gives it its arguments, and fails at the marker instead of starting empty",
  async (version, flinkVersion) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-standalone-job-"));
    const jobId = newId();
    try {
      const log = await logOf(version, inputs(flinkVersion, jobId), folder);
      expect(log).toContain(`Submitting job '--from' (${jobId})`);
      // None of its tasks ever.
      expect(log).not.toContain("switched from CREATED to SCHEDULED");
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
