/** What Flink does not notice changes while the job runs: the same job, the same pods, and a log level that takes effect. */
import { beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_LOG_FILES } from "../../src/resources/log-files.ts";
import { attachCluster, type Cluster, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

const LOG4J = "log4j-console.properties";
/** As clusters have it without a log configuration of their own, but looked at more often. */
const QUIET = (DEFAULT_LOG_FILES[LOG4J] ?? "").replace(/^monitorInterval = .*$/m, "monitorInterval = 5");
const TALKING = `${QUIET}
logger.checkpoint.name = org.apache.flink.runtime.checkpoint
logger.checkpoint.level = DEBUG
`;

let cluster: Cluster;
let job: Job;
beforeAll(() => {
  if (nodeMissing()) return;
  cluster = attachCluster();
});

function kubectl(...args: string[]): Promise<string> {
  return cluster.kubectl(["-n", job.namespace, ...args]);
}

/** What would tell of a restart. */
async function identity(): Promise<object> {
  const pods =
    "jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{' '}{end}";
  const { status } = await job.get();
  return {
    jobId: status?.jobStatus?.jobId,
    startTime: status?.jobStatus?.startTime,
    pods: await kubectl("get", "pods", "--sort-by=.metadata.name", "-o", pods),
    deployment: await kubectl(
      "get",
      "deployment",
      job.name,
      "-o",
      "jsonpath={.metadata.uid} {.metadata.generation}",
    ),
  };
}

function logsOf(component: "jobmanager" | "taskmanager"): Promise<string> {
  return kubectl("logs", "-l", `component=${component}`, "--tail=-1");
}

describe.skipIf(nodeMissing())("changes that Flink does not notice", () => {
  it("leave the job and its pods alone", async () => {
    const spec = { ingress: { template: "{{name}}.example.org" }, logConfiguration: { [LOG4J]: QUIET } };
    job = await Job.create(cluster, { upgradeMode: "savepoint", spec });
    await job.apply();
    await job.stable(240);
    await job.provesNoLoss();
    const before = await identity();
    expect(await logsOf("jobmanager")).not.toContain(" DEBUG ");
    await job.patch({
      ingress: { template: "/{{namespace}}/{{name}}", annotations: { a: "1" } },
      flinkConfiguration: { "kubernetes.rest-service.annotations": "scrape:yes" },
      logConfiguration: { [LOG4J]: TALKING },
    });
    await job.stable(60);
    expect(await identity()).toEqual(before);
    expect(
      await kubectl("get", "ingress", job.name, "-o", "jsonpath={.spec.rules[0].http.paths[0].path}"),
    ).toBe(`/${job.namespace}/${job.name}`);
    const service = await kubectl(
      "get",
      "service",
      `${job.name}-rest`,
      "-o",
      "jsonpath={.metadata.annotations}",
    );
    expect(service).toContain('"scrape":"yes"');
  });

  it("of a log file reach the processes that run", async () => {
    const before = await identity();
    // As long as the kubelet takes to bring a changed ConfigMap into a pod.
    await until("the JobManager to log what it was asked to", 180, async () =>
      / DEBUG .*runtime\.checkpoint/.test(await logsOf("jobmanager")),
    );
    expect(await identity()).toEqual(before);
    await job.provesNoLoss();
  });

  it("come along with the next upgrade", async () => {
    const { jobId } = (await job.get()).status?.jobStatus ?? {};
    await job.patch({
      ingress: null,
      flinkConfiguration: { "kubernetes.rest-service.annotations": null },
      job: { parallelism: 2 },
    });
    const { status } = await job.stable();
    expect(status?.jobStatus?.jobId).not.toBe(jobId);
    const found = await kubectl("get", "ingresses,service", "-o", "yaml");
    expect(found).not.toContain("example.org");
    expect(found).not.toContain("scrape");
    expect(found).not.toContain("kind: Ingress");
    await job.provesNoLoss();
    await job.deleteLeavesNothing();
  });
});
