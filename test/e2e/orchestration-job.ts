/** The example's Job, with no more rights than its Role lists: first deployment, update, stop, start, fork. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import type { KubeObject } from "../../src/api/kube-object.ts";
import type { DirectJob } from "../../testbed/direct-job.ts";
import { BUCKET, until } from "../../testbed/scenario.ts";

const EXAMPLE = join(import.meta.dirname, "../../examples/orchestration-job");

interface ConfigMap extends KubeObject {
  data: Record<string, string>;
}

interface PipelineJob extends KubeObject {
  spec: {
    template: { spec: { containers: { args: string[]; env: { name: string; value: string }[] }[] } };
  };
}

function documents<T>(file: string): T[] {
  return parseAllDocuments(readFileSync(join(EXAMPLE, file), "utf8")).map((one) => one.toJS() as T);
}

/** The example's ConfigMaps, with this test's folders in the bucket. */
function configuration({ job }: DirectJob): ConfigMap[] {
  const { s3 } = job.cluster.testbed;
  const folder = `s3://${BUCKET}/${job.namespace}`;
  return documents<ConfigMap>("configuration.yaml").map((map) => ({
    ...map,
    data: Object.fromEntries(
      Object.entries(map.data).map(([name, text]) => [
        name,
        text
          .replaceAll("s3://flink/counting", folder)
          .replace("http://10.213.0.1:9000", s3.endpoint)
          .replace("access-key: sluice-test", `access-key: ${s3.accessKey}`)
          .replace("secret-key: sluice-test-secret", `secret-key: ${s3.secretKey}`),
      ]),
    ),
  }));
}

export class Pipeline {
  readonly #direct: DirectJob;

  constructor(direct: DirectJob) {
    this.#direct = direct;
  }

  #kubectl(args: readonly string[], stdin?: string): Promise<string> {
    const { cluster, namespace } = this.#direct.job;
    return cluster.kubectl(["-n", namespace, ...args], stdin);
  }

  async install(): Promise<void> {
    await this.#kubectl(["apply", "-f", join(EXAMPLE, "rights.yaml")]);
    await this.#kubectl(
      ["apply", "-f", "-"],
      configuration(this.#direct)
        .map((one) => stringify(one))
        .join("---\n"),
    );
  }

  /** Runs the example's Job with other arguments and variables, and asks that it completes. */
  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const job = parse(readFileSync(join(EXAMPLE, "job.yaml"), "utf8")) as PipelineJob;
    const [container] = job.spec.template.spec.containers;
    if (container === undefined) throw new Error("job.yaml has no container");
    container.args = [...args];
    const others = container.env.filter(({ name }) => env[name] === undefined);
    container.env = [...others, ...Object.entries(env).map(([name, value]) => ({ name, value }))];
    const made = JSON.parse(
      await this.#kubectl(["create", "-o", "json", "-f", "-"], stringify(job)),
    ) as KubeObject;
    const { name } = made.metadata;
    const state = await until(`the end of Job ${name}`, 420, async () => {
      const text = await this.#kubectl(["get", "job", name, "-o", "json"]);
      const { status } = JSON.parse(text) as { status?: { conditions?: { type: string; status: string }[] } };
      return status?.conditions?.find(
        (one) => one.status === "True" && /^(?:Complete|Failed)$/.test(one.type),
      )?.type;
    });
    const log = await this.#kubectl(["logs", "-l", `job-name=${name}`, "--tail=-1"]);
    expect(state, `sluice ${args.join(" ")}:\n${log}`).toBe("Complete");
    return log;
  }
}
