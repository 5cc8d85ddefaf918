/**
 * The real Prometheus Operator, as a process that ends with this one. What it makes of monitors and rules is the
 * configuration of a Prometheus; the pods that it would run with it are not: a Prometheus beside the testbed takes it.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import { builtPrograms } from "./lib/builds.ts";
import { applyCrds, deleteCrds } from "./lib/crds.ts";
import { freePorts } from "./lib/ports.ts";
import { assertAlive, start, stop } from "./lib/processes.ts";
import { waitFor } from "./lib/wait.ts";
import type { NodeTestbed } from "./node.ts";

const API = "monitoring.coreos.com/v1";
const NAME = "all";

export interface PrometheusConfiguration {
  readonly scrape_configs?: readonly {
    readonly job_name: string;
    readonly kubernetes_sd_configs?: readonly object[] | undefined;
  }[];
  readonly rule_files?: readonly string[];
}

export interface PrometheusOperatorOptions {
  readonly testbed: Pick<NodeTestbed, "kubectl" | "kubeconfigPath">;
  /** Holds its log and pid, and the rules. */
  readonly dir: string;
  /** Of the Prometheus. */
  readonly namespace: string;
  /** Which monitors and rules the Prometheus takes, from all namespaces. */
  readonly labels: Readonly<Record<string, string>>;
}

export class PrometheusOperator {
  readonly #options: PrometheusOperatorOptions;
  readonly #crds: string;

  private constructor(options: PrometheusOperatorOptions, crds: string) {
    this.#options = options;
    this.#crds = crds;
  }

  /** Its kinds, itself, and one Prometheus. The first time on a machine it is built, which takes minutes. */
  static async start(options: PrometheusOperatorOptions): Promise<PrometheusOperator> {
    const { testbed, dir, namespace, labels } = options;
    const programs = await builtPrograms("prometheus-operator");
    const operator = new PrometheusOperator(options, join(programs, "crds"));
    await applyCrds(testbed.kubectl, operator.#crds);
    const [port = 0] = await freePorts(1);
    start({
      name: "prometheus-operator",
      command: join(programs, "prometheus-operator"),
      args: [`--web.listen-address=127.0.0.1:${port}`],
      env: { KUBECONFIG: testbed.kubeconfigPath },
      dir,
      lifetime: "parent",
    });
    const chosen = { matchLabels: labels };
    const prometheus = {
      apiVersion: API,
      kind: "Prometheus",
      metadata: { name: NAME, namespace },
      spec: {
        replicas: 0,
        scrapeInterval: "2s",
        evaluationInterval: "5s",
        podMonitorSelector: chosen,
        podMonitorNamespaceSelector: {},
        serviceMonitorSelector: chosen,
        serviceMonitorNamespaceSelector: {},
        ruleSelector: chosen,
        ruleNamespaceSelector: {},
      },
    };
    await testbed.kubectl(["apply", "-f", "-"], JSON.stringify(prometheus));
    return operator;
  }

  /** The configuration as it made it, once its scrape jobs are `jobs`, for a Prometheus on this machine. */
  async configuration(jobs: (names: readonly string[]) => boolean): Promise<PrometheusConfiguration> {
    const { dir } = this.#options;
    let names: readonly string[] = [];
    const made = await waitFor(
      "the Prometheus Operator's configuration",
      async () => {
        const found = await this.#made();
        names = found.scrape_configs?.map(({ job_name }) => job_name) ?? [];
        return jobs(names) && found;
      },
      { deadline: 60_000, interval: 500, alive: () => assertAlive(dir, "prometheus-operator") },
    ).catch((error: unknown) => {
      throw new Error(`it has ${names.join(", ") || "no scrape jobs"}`, { cause: error });
    });
    return { ...made, scrape_configs: this.#fromHere(made), rule_files: await this.#rules() };
  }

  async stop(): Promise<void> {
    const { testbed, dir, namespace } = this.#options;
    await testbed.kubectl(["-n", namespace, "delete", "prometheus", NAME, "--ignore-not-found"]);
    await stop(dir, "prometheus-operator", 5000);
    await deleteCrds(testbed.kubectl, this.#crds);
  }

  async #made(): Promise<PrometheusConfiguration> {
    const { testbed, namespace } = this.#options;
    const data = ["-o", "jsonpath={.data.prometheus\\.yaml\\.gz}"];
    const secret = await testbed.kubectl(["-n", namespace, "get", "secret", `prometheus-${NAME}`, ...data]);
    const text = gunzipSync(Buffer.from(secret, "base64")).toString();
    // The container beside Prometheus, which gives it its configuration, puts these in.
    const completed = text.replaceAll("$(SHARD)", "0").replaceAll("$(POD_NAME)", `prometheus-${NAME}-0`);
    return parse(completed) as PrometheusConfiguration;
  }

  /** A pod finds the API server by itself. */
  #fromHere({ scrape_configs: jobs = [] }: PrometheusConfiguration) {
    const { kubeconfigPath } = this.#options.testbed;
    return jobs.map((job) => ({
      ...job,
      kubernetes_sd_configs: job.kubernetes_sd_configs?.map((one) => ({
        ...one,
        kubeconfig_file: kubeconfigPath,
      })),
    }));
  }

  /** Files of the rules that a pod would have mounted. */
  async #rules(): Promise<string[]> {
    const { testbed, dir, namespace } = this.#options;
    const folder = join(dir, "rules");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const ofIt = ["-l", `prometheus-name=${NAME}`, "-o", "json"];
    const listed = await testbed.kubectl(["-n", namespace, "get", "configmaps", ...ofIt]);
    const { items } = JSON.parse(listed) as { items: { data?: Record<string, string> }[] };
    return items
      .flatMap(({ data = {} }) => Object.entries(data))
      .map(([name, text]) => {
        const file = join(folder, basename(name));
        writeFileSync(file, text);
        return file;
      });
  }
}
