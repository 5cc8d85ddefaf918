/**
 * The whole operator on a real API server: a job whose cluster and HA metadata are gone starts again from what a killed
 * Flink left in its checkpoint directory.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import type { FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import { flattenConfiguration } from "../../../src/flink/configuration.ts";
import { runOperator } from "../../../src/operator/run.ts";
import {
  flinkDeployment,
  type ResourceChange,
  withConfiguration,
} from "../../../testbed/gen/flink-deployment.ts";
import { running } from "../../../testbed/gen/recorded-status.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { apiTestbed } from "../../support/api-testbed.ts";

/** A job that ran with Flink 2.3, with its checkpoints in a folder of the test's own. */
function checkpointed(): { jobId: string; directory: string } {
  const kept = join(repository, "testbed/flink-rest/recordings/2.3/checkpoints");
  const [jobId = ""] = readdirSync(kept);
  const folder = mkdtempSync(join(tmpdir(), "sluice-recovery-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(kept, folder, { recursive: true });
  return { jobId, directory: `file://${folder}` };
}

/** Creates the resource with the status that it has while its job runs, and nothing else. */
async function create(namespace: string, ...changes: ResourceChange[]): Promise<void> {
  const { kubectl } = apiTestbed();
  const { status, ...resource } = flinkDeployment(...changes);
  const { name, finalizers } = resource.metadata;
  const manifest: FlinkDeployment = {
    ...resource,
    metadata: { name, namespace, finalizers: finalizers ?? [] },
  };
  await kubectl(["create", "-f", "-"], JSON.stringify(manifest));
  const patch = ["patch", "flinkdep", name, "--subresource=status", "--type=merge", "-p"];
  await kubectl(["-n", namespace, ...patch, JSON.stringify({ status })]);
}

function startOperator(namespace: string): void {
  const stop = new AbortController();
  const ended = runOperator(
    {
      kubeconfig: apiTestbed().kubeconfigPath,
      context: undefined,
      namespace,
      configFile: undefined,
      flinkRest: "proxy",
      healthPort: 0,
      workers: 2,
      logLevel: "silent",
      leaderElection: { isAskedFor: false, namespace: "sluice-system" },
      env: {},
    },
    stop.signal,
  );
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
}

async function readinessOf(namespace: string): Promise<string> {
  const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].message}';
  return apiTestbed().kubectl(["-n", namespace, "get", "flinkdep", "job", "-o", path]);
}

beforeAll(async () => {
  const served = () =>
    apiTestbed()
      .kubectl(["get", "flinkdep", "-A"])
      .then(() => true);
  await waitFor("the API server to serve FlinkDeployments", served, { deadline: 30_000 });
});

test("a lost job starts from the newest retained checkpoint, and an event says which", async () => {
  const { kubectl, freshNamespace } = apiTestbed();
  const namespace = await freshNamespace("retained");
  const { jobId, directory } = checkpointed();
  const checkpoint = `${directory}/${jobId}/chk-3`;
  await create(
    namespace,
    withConfiguration({ "state.checkpoints.dir": directory }),
    running({ job: { jobId } }),
  );
  startOperator(namespace);
  const file = await waitFor(
    "the cluster",
    () =>
      kubectl([
        "-n",
        namespace,
        "get",
        "configmap",
        "flink-config-job",
        "-o",
        "jsonpath={.data.config\\.yaml}",
      ]),
    { deadline: 30_000 },
  );
  const configuration = flattenConfiguration(parse(file));
  expect(configuration["execution.savepoint.path"]).toBe(checkpoint);
  // As another job: the old one's checkpoints stay what they are.
  expect(configuration["$internal.pipeline.job-id"]).not.toBe(jobId);
  const events = await waitFor(
    "the event",
    async () => {
      const query = ["get", "events", "--field-selector", "reason=RestoringFromCheckpoint"];
      return (await kubectl(["-n", namespace, ...query, "-o", "jsonpath={.items[*].message}"])) || undefined;
    },
    { deadline: 10_000 },
  );
  expect(events).toMatch(
    new RegExp(`retained checkpoint 3 of job ${jobId}, completed .* ago: ${checkpoint}$`),
  );
});

test("a lost job whose storage cannot be reached waits, says so, and starts when it can", async () => {
  const { kubectl, freshNamespace } = apiTestbed();
  const namespace = await freshNamespace("retained");
  const { jobId, directory } = checkpointed();
  const unreachable = {
    "state.checkpoints.dir": "s3://state/checkpoints",
    "s3.endpoint": "http://127.0.0.1:1",
    "s3.access-key": "id",
    "s3.secret-key": "the-secret",
  };
  await create(namespace, withConfiguration(unreachable), running({ job: { jobId } }));
  startOperator(namespace);
  const message = await waitFor(
    "the condition",
    async () => {
      const text = await readinessOf(namespace);
      return text.includes("cannot be looked for") && text;
    },
    { deadline: 30_000 },
  );
  expect(message).toMatch(/127\.0\.0\.1:1 for bucket state: ECONNREFUSED/);
  expect(await kubectl(["-n", namespace, "get", "deployments", "-o", "name"])).toBe("");
  const status = JSON.parse(
    await kubectl(["-n", namespace, "get", "flinkdep", "job", "-o", "jsonpath={.status}"]),
  ) as object;
  // Both hold the spec as the user wrote it, secrets and all, as the resource itself does.
  const copiesOfSpec = { reconciliationStatus: undefined, history: undefined };
  expect(JSON.stringify({ ...status, ...copiesOfSpec })).not.toContain("the-secret");

  // The storage is where the deployed configuration says; here that is changed in place of mending the server.
  const found = flinkDeployment(
    withConfiguration({ "state.checkpoints.dir": directory }),
    running({ job: { jobId } }),
  );
  const { lastReconciledSpec } = found.status?.reconciliationStatus ?? {};
  const patch = {
    status: { reconciliationStatus: { lastReconciledSpec, lastStableSpec: lastReconciledSpec } },
  };
  const command = ["patch", "flinkdep", "job", "--subresource=status", "--type=merge", "-p"];
  await kubectl(["-n", namespace, ...command, JSON.stringify(patch)]);
  await waitFor("the cluster", () => kubectl(["-n", namespace, "get", "deployment", "job", "-o", "name"]), {
    deadline: 30_000,
  });
});
