import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../api/kube-object.ts";
import { main } from "../main.ts";

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function sluice(args: readonly string[], input = ""): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  async function* stdin(): AsyncGenerator<string> {
    yield input;
  }
  const code = await main(args, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdin: stdin(),
    env: {},
  });
  return { code, stdout: out.join(""), stderr: err.join("") };
}

const render = (input: string, ...args: string[]): Promise<Run> =>
  sluice(["render", "-f", "-", ...args], input);

const job = `apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: job
  namespace: team
spec:
  flinkVersion: v2_3
  image: registry.example/job:1
  serviceAccount: flink
  jobManager:
    resource:
      memory: 1g
  taskManager:
    resource:
      memory: 2g
  job:
    jarURI: local:///opt/flink/usrlib/job.jar
    parallelism: 2
`;

/** As kubectl reads them: YAML 1.1. */
function read(text: string): KubeObject[] {
  return parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJS() as KubeObject);
}

function names(text: string): string[] {
  return read(text).map(({ kind, metadata }) => `${metadata.namespace}/${kind}/${metadata.name}`);
}

function configuration(text: string): string {
  const map = read(text).find(({ metadata }) => metadata.name === "flink-config-job");
  return (map?.["data"] as Record<string, string> | undefined)?.["config.yaml"] ?? "";
}

describe("sluice render", () => {
  it("prints what belongs to the cluster, then the cluster, with nothing owned by nobody", async () => {
    const { code, stdout, stderr } = await render(job);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(names(stdout)).toEqual([
      "team/Service/job-rest",
      "team/Service/job",
      "team/ConfigMap/flink-config-job",
      "team/Deployment/job",
    ]);
    expect(stdout).not.toContain("ownerReferences");
    expect(stdout).not.toContain("owner.reference");
  });

  it("prints the same bytes for the same file, and keeps the job's id when the file changes", async () => {
    const { stdout } = await render(job);
    expect((await render(job)).stdout).toBe(stdout);
    const id = /job-id: "?([0-9a-f]{32})/.exec(configuration(stdout))?.[1];
    expect(id).toBeDefined();
    expect(configuration((await render(job.replace("parallelism: 2", "parallelism: 3"))).stdout)).toContain(
      id,
    );
  });

  it("puts it into another namespace, with another job id", async () => {
    const id = "f".repeat(32);
    const { stdout } = await render(job, "--namespace", "other", "--job-id", id);
    expect(names(stdout)[0]).toBe("other/Service/job-rest");
    expect(configuration(stdout)).toContain(id);
    expect(configuration(stdout)).toContain("address: job.other");
  });

  it("shows what the pods do before Flink, and the names of Secrets alone", async () => {
    const remote = job.replace("local:///opt/flink/usrlib/job.jar", "https://example.com/job.jar");
    const options = {
      "sluice.jar.fetcher.image": "sluice:1",
      "sluice.jar.secret": "login",
      "sluice.secret.s3.secret-key": "s3/secret",
    };
    const { code, stdout } = await render(`${remote}  flinkConfiguration: ${JSON.stringify(options)}\n`);
    expect(code).toBe(0);
    expect(names(stdout)).toContain("team/ConfigMap/pod-template-job");
    expect(stdout).toContain("name: sluice-configuration");
    expect(stdout).toContain("name: sluice-fetch-jar");
    expect(configuration(stdout)).not.toContain("sluice.");
  });

  it("starts from the initial savepoint", async () => {
    const { stdout } = await render(`${job}    initialSavepointPath: s3://state/sp\n`);
    expect(configuration(stdout)).toContain("path: s3://state/sp");
  });

  it("adds the Ingress and the TaskManagers' template when the file asks for them", async () => {
    const extra = `  ingress:\n    template: "{{name}}.example.org"\n  podTemplate:\n    spec:\n      priorityClassName: low\n`;
    expect(names((await render(job + extra)).stdout).slice(2)).toEqual([
      "team/ConfigMap/flink-config-job",
      "team/ConfigMap/pod-template-job",
      "team/Deployment/job",
      "team/Ingress/job",
    ]);
  });

  it("inherits the operator's defaults, those for the version too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-render-"));
    try {
      const file = join(folder, "config.yaml");
      await writeFile(
        file,
        "state.backend.type: rocksdb\nkubernetes.operator.default-configuration.flink-version.v2_3.x.y: only-here\n",
      );
      const { stdout } = await render(job, "--operator-config", file);
      expect(configuration(stdout)).toContain("type: rocksdb");
      expect(configuration(stdout)).toContain("only-here");
      expect(configuration(stdout)).not.toContain("default-configuration");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("keeps texts that kubectl would take for something else", async () => {
    const extra = `  podTemplate:\n    spec:\n      containers:\n        - name: flink-main-container\n          env:\n`;
    const values = [
      "on",
      "yes",
      "1_000",
      "0o17",
      "017",
      "12:30",
      "null",
      "~",
      "1e3",
      "a: b",
      "#x",
      "",
      "=",
      "two\nlines\n",
    ];
    const env = values.map(
      (value, index) => `            - { name: V${index}, value: ${JSON.stringify(value)} }\n`,
    );
    const { stdout } = await render(job + extra + env.join(""));
    const deployment = read(stdout).find(({ kind }) => kind === "Deployment") as never as {
      spec: { template: { spec: { containers: { env: { name: string; value: string }[] }[] } } };
    };
    const found = deployment.spec.template.spec.containers[0]?.env ?? [];
    expect(found.filter(({ name }) => name.startsWith("V")).map(({ value }) => value)).toEqual(values);
  });

  it("prints nothing but the errors for an invalid file", async () => {
    const { code, stdout, stderr } = await render(job.replace("memory: 1g", "memory: 1q"));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("spec.jobManager.resource.memory");
  });

  it("says what it does not render", async () => {
    const map = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n";
    expect((await render(job + map)).stderr).toBe("not rendered: ConfigMap mine\n");
    const { code, stderr } = await render(map);
    expect(code).toBe(1);
    expect(stderr).toContain("no FlinkDeployment");
  });

  it("prints a standalone cluster: Deployments of JobManager and TaskManagers, owned by nobody", async () => {
    const { code, stdout, stderr } = await render(`${job}  mode: standalone\n`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(names(stdout)).toEqual([
      "team/Service/job-rest",
      "team/Service/job",
      "team/ConfigMap/flink-config-job",
      "team/Deployment/job-taskmanager",
      "team/Deployment/job",
    ]);
    expect(stdout).not.toContain("ownerReferences");
    const replicas = read(stdout).find(({ metadata }) => metadata.name === "job-taskmanager")?.["spec"];
    expect(replicas).toMatchObject({ replicas: 2 });
    expect(stdout).toContain("standalone-job");
  });

  it("refuses a job id that is none, and a call without files", async () => {
    expect((await render(job, "--job-id", "7")).code).toBe(2);
    expect((await sluice(["render"])).code).toBe(2);
  });

  it("names both options when Flink 2 could not hold them", async () => {
    const extra = `  flinkConfiguration:\n    high-availability: kubernetes\n    high-availability.storageDir: s3://x\n`;
    const { code, stderr } = await render(job + extra);
    expect(code).toBe(1);
    expect(stderr).toContain("high-availability");
    expect(stderr).toContain("high-availability.type");
  });
});
