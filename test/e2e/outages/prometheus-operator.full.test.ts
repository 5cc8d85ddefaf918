/** The real Prometheus Operator takes Sluice's monitors and rules, and a real Prometheus finds every process by them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alerts } from "../../../src/monitoring/alerts.ts";
import { Prometheus } from "../../../testbed/prometheus.ts";
import { PrometheusOperator } from "../../../testbed/prometheus-operator.ts";
import { attachCluster, type Cluster, installOperator, Job, until } from "../../../testbed/scenario.ts";
import { nodeMissing } from "../../support/node-testbed.ts";

const HOME = "sluice-system";
/** As kube-prometheus-stack chooses. */
const labels = { release: "prometheus" };
const INSTALLED = {
  podMonitor: { create: true, labels },
  prometheusRule: { create: true, labels },
};

describe.skipIf(nodeMissing())("with the Prometheus Operator", () => {
  let cluster: Cluster;
  let folder: string;
  let operator: PrometheusOperator;
  let prometheus: Prometheus;
  let byPods: Job;
  let byService: Job;

  async function monitored(
    flink: "1.20" | "2.3",
    mode: "native" | "standalone",
    monitor: string,
  ): Promise<Job> {
    const job = await Job.create(cluster, { flink, upgradeMode: "savepoint", spec: { mode } });
    const { spec, ...rest } = job.manifest();
    const flinkConfiguration = {
      ...(spec.flinkConfiguration as object),
      "sluice.metrics.prometheus": "true",
      "sluice.metrics.monitor": monitor,
      "sluice.metrics.monitor.labels": "{release: prometheus}",
    };
    await cluster.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify({ ...rest, spec: { ...spec, flinkConfiguration } }),
    );
    return job;
  }

  const jobsOf = () => [
    `podMonitor/${byPods.namespace}/counting/0`,
    `podMonitor/${HOME}/sluice-operator/0`,
    `serviceMonitor/${byService.namespace}/counting/0`,
  ];
  const has = (wanted: readonly string[]) => (names: readonly string[]) =>
    names.toSorted().join(" ") === wanted.toSorted().join(" ");

  beforeAll(async () => {
    cluster = attachCluster();
    folder = mkdtempSync(join(tmpdir(), "sluice-prometheus-operator-"));
    const { testbed } = cluster;
    operator = await PrometheusOperator.start({ testbed, dir: folder, namespace: HOME, labels });
    await installOperator(INSTALLED);
  });

  afterAll(async () => {
    await prometheus?.stop();
    // As whoever comes next expects it.
    await installOperator();
    await operator?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("the monitors of jobs and of Sluice are taken, with the rules", async () => {
    byPods = await monitored("2.3", "native", "pod");
    byService = await monitored("1.20", "standalone", "service");
    const config = await operator.configuration(has(jobsOf()));
    prometheus = await Prometheus.start({ dir: join(folder, "prometheus"), config });
    await Promise.all([byPods.stable(300), byService.stable(300)]);
  });

  it.each([
    ["a PodMonitor, TaskManagers that Flink made as well", () => byPods],
    ["a ServiceMonitor", () => byService],
  ])("every process of a job is found by %s", async (_, job) => {
    const { namespace } = job();
    const found = await until("both to be scraped", 60, async () => {
      const targets = (await prometheus.targets()).filter(
        ({ labels: one }) => one["namespace"] === namespace,
      );
      const components = new Set(targets.map(({ labels: one }) => one["component"]));
      return targets.every(({ health }) => health === "up") && components.size === 2 && targets;
    });
    for (const { labels: one } of found)
      expect(one).toMatchObject({ flink_deployment: "counting", pod: expect.stringContaining("counting") });
    const running = `flink_jobmanager_job_runningTime{namespace="${namespace}"}`;
    const reading = `flink_taskmanager_job_task_numRecordsIn{namespace="${namespace}"}`;
    for (const query of [running, reading])
      await until(query, 60, async () => (await prometheus.query(query)).length > 0);
  });

  it("Sluice is found, and tells of both", async () => {
    const ready = await until("what it tells of them", 60, async () => {
      const series = await prometheus.query("sluice_resource_ready == 1");
      return series.length >= 2 && series;
    });
    const namespaces = ready.map(({ metric }) => metric["resource_namespace"]);
    expect(namespaces).toEqual(expect.arrayContaining([byPods.namespace, byService.namespace]));
    expect(ready.every(({ metric }) => metric["namespace"] === HOME)).toBe(true);
  });

  it("every rule is evaluated, and none of them fires", async () => {
    const found = await until("the rules", 30, async () => {
      const answer = await fetch(`${prometheus.url}/api/v1/rules`);
      const { data } = (await answer.json()) as {
        data: { groups: { rules: { name: string; health: string }[] }[] };
      };
      const rules = data.groups.flatMap((group) => group.rules);
      return rules.every(({ health }) => health !== "unknown") && rules;
    });
    expect(found.map(({ name }) => name).toSorted()).toEqual(alerts.map(({ name }) => name).toSorted());
    expect(found.filter(({ health }) => health !== "ok")).toEqual([]);
    const firing = await prometheus.query('ALERTS{alertstate="firing"}');
    expect(firing.map(({ metric }) => metric)).toEqual([]);
  });

  it("a monitor goes with its option, and the job goes on", async () => {
    const before = await byPods.get();
    await byPods.patch({ flinkConfiguration: { "sluice.metrics.monitor": "none" } });
    const [gone = "", ...others] = jobsOf();
    const config = await operator.configuration(has(others));
    expect(JSON.stringify(config)).not.toContain(gone);
    const after = await byPods.stable();
    expect(after.status?.jobStatus?.jobId).toBe(before.status?.jobStatus?.jobId);
    await byPods.provesNoLoss();
  });

  it("nothing is left", async () => {
    await Promise.all([byPods, byService].map((job) => job.deleteLeavesNothing()));
    await operator.configuration(has([`podMonitor/${HOME}/sluice-operator/0`]));
  });
});
