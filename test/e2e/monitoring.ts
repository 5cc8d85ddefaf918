/** A real Prometheus beside real jobs: every panel and every rule finds what it asks for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository } from "../../testbed/lib/paths.ts";
import { Prometheus } from "../../testbed/prometheus.ts";
import { attachCluster, type Cluster, Job, type JobOptions, until } from "../../testbed/scenario.ts";
import { alerts } from "../../src/monitoring/alerts.ts";
import { withoutVariables } from "../../src/monitoring/dashboard.ts";
import { dashboards } from "../../src/monitoring/dashboards.ts";
import { scrapeConfigs } from "../../tools/generate/monitoring/scrape.ts";
import { nodeMissing } from "../support/node-testbed.ts";

/** What no job of this test can have, and why. */
const MISSING = new Map([
  ["sluice_webhook_certificate_expiry_timestamp_seconds", "the operator of this test has no webhook"],
  ["controller_runtime_reconcile_errors_total", "no pass has failed"],
  ["sluice_resource_stalled", "nothing is stalled"],
]);

/** Panels that have nothing to show here, and why. */
const EMPTY = new Map([
  ["Lag of the consumer", "there is no Kafka"],
  ["Offsets committed and failed", "there is no Kafka"],
  ["Records that came too late", "no operator drops late records"],
  ["Idle for", "the source is not idle, but for moments"],
  ["Not ready", "all are ready, but for moments"],
  ["Why a person has to act", "nothing is stalled"],
]);
/** Panels of the jobs with RocksDB alone. */
const OF_ROCKSDB = new Set(["Live data", "Memory of block cache"]);
const ROCKSDB = {
  "state.backend.type": "rocksdb",
  "state.backend.rocksdb.metrics.estimate-live-data-size": "true",
  "state.backend.rocksdb.metrics.block-cache-usage": "true",
};

const METRIC = /\b(?:flink|sluice|workqueue|controller_runtime)_[A-Za-z_]+/g;

export interface Monitored {
  readonly flink: JobOptions["flink"];
  readonly mode: "native" | "standalone";
  readonly rocksdb?: boolean;
}

export function monitoring(
  monitored: readonly Monitored[],
  afterwards?: (url: string) => Promise<void>,
): void {
  let cluster: Cluster;
  let folder: string;
  let prometheus: Prometheus;
  let jobs: readonly Job[];

  /** The queries that find nothing, of panels that should have something; of one job, where it is named. */
  async function empty(job?: { readonly namespace: string; readonly rocksdb: boolean }): Promise<string[]> {
    const found: string[] = [];
    for (const dashboard of dashboards) {
      // What is said of the operator and of the fleet is not said by the pods of a job.
      if (job !== undefined && !dashboard.uid.startsWith("sluice-flink")) continue;
      for (const { title, queries } of dashboard.rows.flatMap(({ panels }) => panels)) {
        if (EMPTY.has(title) || (job?.rocksdb === false && OF_ROCKSDB.has(title))) continue;
        for (const { expr } of queries) {
          const own = job === undefined ? expr : expr.replaceAll("$namespace", job.namespace);
          const series = await prometheus.query(withoutVariables(dashboard, own));
          if (series.length === 0) found.push(`${dashboard.title}, ${title}: ${own}`);
        }
      }
    }
    return found;
  }

  /** @throws AssertionError with the queries that still find nothing */
  async function untilFull(job?: Parameters<typeof empty>[0]): Promise<void> {
    let last: string[] = [];
    await until("every panel to have data", 90, async () => {
      last = await empty(job);
      return last.length === 0;
    }).catch((error: unknown) => {
      expect(last).toEqual([]);
      throw error;
    });
  }

  beforeAll(() => {
    if (nodeMissing()) return;
    cluster = attachCluster();
    folder = mkdtempSync(join(tmpdir(), "sluice-prometheus-"));
  });

  afterAll(async () => {
    if (nodeMissing()) return;
    await prometheus?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const title = monitored.map(({ flink, mode }) => `Flink ${flink} ${mode}`).join(", ");
  describe.skipIf(nodeMissing())(`monitoring of ${title}`, () => {
    it("every pod is scraped, TaskManagers that Flink made as well", async () => {
      jobs = await Promise.all(
        monitored.map(async ({ flink, mode, rocksdb = false }) => {
          const job = await Job.create(cluster, { flink, upgradeMode: "savepoint", spec: { mode } });
          const { flinkConfiguration } = job.manifest().spec;
          const configured = {
            ...(flinkConfiguration as object),
            ...(rocksdb ? ROCKSDB : {}),
            "sluice.metrics.prometheus": "true",
          };
          await cluster.kubectl(
            ["apply", "-f", "-"],
            JSON.stringify({
              ...job.manifest(),
              spec: { ...job.manifest().spec, flinkConfiguration: configured },
            }),
          );
          return job;
        }),
      );
      const config = {
        global: { scrape_interval: "2s", evaluation_interval: "5s" },
        rule_files: [join(repository, "deploy/alerts/rules.yaml")],
        scrape_configs: scrapeConfigs({ kubeconfig_file: cluster.testbed.kubeconfigPath }),
      };
      prometheus = await Prometheus.start({ dir: folder, config });
      await Promise.all(jobs.map((job) => job.stable(300)));
      for (const { namespace } of jobs) {
        await until(`${namespace} to be scraped`, 60, async () => {
          const targets = (await prometheus.targets()).filter(
            ({ labels }) => labels["namespace"] === namespace,
          );
          const up = targets.filter(({ health }) => health === "up");
          const components = new Set(up.map(({ labels }) => labels["component"]));
          expect(targets.every(({ labels }) => labels["flink_deployment"] === "counting")).toBe(true);
          return (
            components.has("jobmanager") && components.has("taskmanager") && up.length === targets.length
          );
        });
      }
    });

    it("every panel has data, after an upgrade", async () => {
      await Promise.all(jobs.map((job) => job.patch({ job: { parallelism: 2 } })));
      await Promise.all(jobs.map((job) => job.stable()));
      await untilFull();
    });

    it("of each job, in each version, whatever Flink calls it", async () => {
      for (const [nth, { namespace }] of jobs.entries())
        await untilFull({ namespace, rocksdb: monitored[nth]?.rocksdb === true });
      await afterwards?.(prometheus.url);
    });

    it("every rule is evaluated, and asks for what is there", async () => {
      const absent = new Set<string>();
      for (const name of new Set(alerts.flatMap(({ expr }) => expr.match(METRIC) ?? []))) {
        if (name === "flink_deployment") continue;
        if ((await prometheus.query(`count(${name})`)).length === 0) absent.add(name);
      }
      expect([...absent].filter((name) => !MISSING.has(name))).toEqual([]);
      const rules = await fetch(`${prometheus.url}/api/v1/rules`);
      const { data } = (await rules.json()) as {
        data: { groups: { rules: { name: string; health: string }[] }[] };
      };
      const found = data.groups.flatMap((group) => group.rules);
      expect(found.map(({ name }) => name).sort()).toEqual(alerts.map(({ name }) => name).sort());
      expect(found.filter(({ health }) => health !== "ok")).toEqual([]);
    });

    it("the downtime of the upgrades was measured, and no alert fires for jobs that are well", async () => {
      await until("the downtime of each", 30, async () => {
        const [count] = await prometheus.query("sum(sluice_upgrade_downtime_seconds_count)");
        return Number(count?.value[1]) >= jobs.length;
      });
      const own = jobs.map(({ namespace }) => namespace).join("|");
      expect(await prometheus.query(`ALERTS{alertstate="firing",namespace=~"${own}"}`)).toEqual([]);
      const firing = await prometheus.query(`ALERTS{alertstate="firing",resource_namespace=~"${own}"}`);
      expect(firing.map(({ metric }) => metric)).toEqual([]);
    });

    it("nothing is left", async () => {
      await Promise.all(jobs.map((job) => job.deleteLeavesNothing()));
    });
  });
}
