/** `make demo-kubernetes`: a real Flink job on a real Kubernetes, changed, broken and healed, with every record counted. */
import { useNode } from "./node.ts";
import { type Cluster, installOperator, Job } from "./scenario.ts";

const started = Date.now();

function say(text: string): void {
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${String(seconds).padStart(4)} s  ${text}`);
}

async function proof(job: Job): Promise<void> {
  const { records, splits } = await job.provesNoLoss();
  say(`        ${records} records of ${splits.length} keys in the output: none missing, none double`);
}

async function story(cluster: Cluster): Promise<void> {
  const job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
  say(
    `apply   FlinkDeployment ${job.name} in namespace ${job.namespace}: Flink 2.3, state on S3, exactly-once output`,
  );
  await job.apply();
  await job.stable(300);
  say("        RUNNING and STABLE");
  await proof(job);
  say("change  job.parallelism 1 -> 2: stopped with a savepoint, started from it");
  await job.patch({ job: { parallelism: 2 } });
  const { status } = await job.stable();
  say(`        RUNNING again from ${status?.jobStatus?.savepointInfo?.lastSavepoint?.location ?? "?"}`);
  await proof(job);
  say("break   the JobManager's Deployment is deleted");
  await cluster.kubectl(["-n", job.namespace, "delete", "deployment", job.name, "--wait=false"]);
  await job.state("DEPLOYED");
  await job.stable();
  say("        recovered from the latest checkpoint");
  await proof(job);
  say(
    "look    " +
      (await cluster.kubectl(["-n", job.namespace, "get", "flinkdep"]))
        .trim()
        .replaceAll("\n", "\n                "),
  );
  say("delete  the FlinkDeployment");
  await job.deleteLeavesNothing();
  say("        nothing left in the namespace");
}

say("bring up Kubernetes, the S3 server and the images (the first time this builds them)");
await useNode(["flink-2.3", "sluice"]);
say("install Sluice: CRDs, rights, operator");
await story(await installOperator());
say("done. The testbed is still up: bin/testbed status, bin/testbed down");
