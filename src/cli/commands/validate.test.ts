import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
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

const validate = (input: string, ...args: string[]): Promise<Run> =>
  sluice(["validate", "-f", "-", ...args], input);

const good = `apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata:
  name: job
spec:
  flinkVersion: v1_20
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

/** The good file with one line replaced by others. */
function changed(line: string, by: string): string {
  expect(good).toContain(line);
  return good.replace(line, by);
}

describe("sluice validate", () => {
  it("is content with a good file, and with what is not Flink's", async () => {
    const others = `---\napiVersion: v1\nkind: ConfigMap\ndata:\n  anything: goes\n---\n# nothing\n---\napiVersion: example.com/v1\nkind: FlinkCluster\n`;
    expect(await validate(good + others)).toEqual({
      code: 0,
      stdout: "",
      stderr: "1 Flink resource checked: 0 errors, 0 warnings\n",
    });
  });

  it.each<[string, string, string]>([
    [
      "YAML that does not parse",
      changed("  jobManager:", "  jobManager: {"),
      "stdin:10:7: error: Block collections are not allowed within flow collections\n",
    ],
    [
      "a tab",
      changed("      memory: 1g", "\tmemory: 1g"),
      "stdin:10:1: error: Tabs are not allowed as indentation\n  next: indent with spaces\n",
    ],
    [
      "a duplicate key",
      changed("    parallelism: 2", "    parallelism: 2\n    args: []\n    parallelism: 3"),
      'stdin:18:5: error: duplicate key "parallelism", first on line 16\n  next: keep one\n',
    ],
    [
      "an unknown kind",
      changed("kind: FlinkDeployment", "kind: FlinkDeploymnet"),
      "stdin:2:7: error: kind: no such kind in flink.apache.org: FlinkDeploymnet\n  next: did you mean FlinkDeployment?\n",
    ],
    [
      "another version of the API",
      changed("v1beta1", "v1"),
      "stdin:1:13: error: apiVersion: must be flink.apache.org/v1beta1, is flink.apache.org/v1\n  next: write apiVersion: flink.apache.org/v1beta1\n",
    ],
    [
      "no kind",
      changed("kind: FlinkDeployment\n", ""),
      "stdin:1:1: error: kind: is required\n  next: one of FlinkDeployment, FlinkSessionJob, FlinkStateSnapshot, FlinkBlueGreenDeployment\n",
    ],
    ["no object", "- a\n- b\n", "stdin:1:1: error: is no Kubernetes object\n"],
    [
      "no object of Kubernetes",
      "a: 1\n",
      "stdin:1:1: error: apiVersion: is required in a Kubernetes object\n  next: for example flink.apache.org/v1beta1\n",
    ],
    [
      "a misspelt field",
      changed("    jarURI:", "    jarUri:"),
      "stdin:15:5: error: spec.job.jarUri: no such field\n  next: did you mean jarURI?\n",
    ],
    [
      "a field on the wrong level",
      changed("  job:", "  upgradeMode: stateless\n  job:"),
      "stdin:14:3: error: spec.upgradeMode: no such field\n  next: did you mean spec.job.upgradeMode?\n",
    ],
    [
      "an unknown enum",
      changed("    parallelism: 2", "    parallelism: 2\n    upgradeMode: last_state"),
      'stdin:17:18: error: spec.job.upgradeMode: must be one of stateless, last-state, savepoint; is the text "last_state"\n  next: did you mean "last-state"?\n',
    ],
    [
      "no Flink version and no service account",
      changed("  flinkVersion: v1_20\n  serviceAccount: flink\n", ""),
      "stdin:5:1: error: spec.flinkVersion: is required\n  next: set it to the version in the image, for example v1_20 or v2_3\n" +
        "stdin:5:1: error: spec.serviceAccount: is required\n  next: name an account that may edit pods, deployments and config maps; the usual one is flink\n",
    ],
    [
      "memory that cannot be read",
      changed("memory: 2g", "memory: 2 gigs"),
      'stdin:13:15: error: spec.taskManager.resource.memory: is no memory size: "2 gigs"\n  next: write it as 2g, 2048m or 2Gi\n',
    ],
    [
      "memory too small for Flink",
      changed("memory: 2g", "memory: 800m"),
      "stdin:13:15: error: spec.taskManager.resource.memory: is too small for Flink: 800 MiB leaves Flink 352 MiB, which is less than framework heap 128 MiB, framework off-heap 128 MiB, task off-heap 0 MiB, managed 140.8 MiB and network 64 MiB together\n  next: set it to at least 982m (Flink's own default is 1728m)\n",
    ],
    [
      "parallelism 0",
      changed("parallelism: 2", "parallelism: 0"),
      "stdin:16:18: error: spec.job.parallelism: must be at least 1, is 0\n  next: set it, or set spec.taskManager.replicas, which decides it on its own\n",
    ],
    [
      "a forbidden key, nested",
      changed("  job:", "  flinkConfiguration:\n    kubernetes:\n      cluster-id: mine\n  job:"),
      'stdin:16:19: error: spec.flinkConfiguration["kubernetes.cluster-id"]: is set by the operator and must not be given\n  next: remove it\n',
    ],
    [
      "a number among the arguments",
      changed("    parallelism: 2", "    parallelism: 2\n    args:\n      - --port\n      - 9000"),
      'stdin:19:9: error: spec.job.args[1]: must be text, is the number 9000\n  next: put it in quotes: "9000"\n',
    ],
  ])("finds %s", async (_, input, expected) => {
    const { code, stdout } = await validate(input);
    expect(stdout).toBe(expected);
    expect(code).toBe(1);
  });

  it("shows every finding at once, in the order of the lines, over several documents", async () => {
    const input = `${changed("parallelism: 2", "parallelism: 0\n    paralelism: 2")}---\n${changed("name: job", "name: Job")}`;
    const { stdout, stderr } = await validate(input);
    expect(stdout.split("\n").filter((line) => line.startsWith("stdin"))).toEqual([
      "stdin:16:18: error: spec.job.parallelism: must be at least 1, is 0",
      "stdin:17:5: error: spec.job.paralelism: no such field",
      'stdin:22:9: error: metadata.name: must be lower case letters, digits and "-", starting with a letter and not ending with "-"; is "Job"',
    ]);
    expect(stderr).toBe("2 Flink resources checked: 3 errors, 0 warnings\n");
  });

  it("lets warnings pass", async () => {
    const input = changed(
      "  job:",
      "  ingress:\n  flinkConfiguration:\n    kubernetes.operator.job.restart.fail: true\n  job:",
    );
    expect(await validate(input)).toEqual({
      code: 0,
      stdout:
        "stdin:14:3: warning: spec.ingress: is empty, which counts as absent\n  next: fill it in, or remove it\n" +
        'stdin:16:43: warning: spec.flinkConfiguration["kubernetes.operator.job.restart.fail"]: no such option, so it does nothing\n  next: did you mean kubernetes.operator.job.restart.failed?\n',
      stderr: "1 Flink resource checked: 0 errors, 2 warnings\n",
    });
  });

  it("checks a session job in the cluster of the same files, and the items of lists", async () => {
    const session = good.slice(0, good.indexOf("  job:"));
    const item = `apiVersion: v1\nkind: List\nitems:\n  - apiVersion: flink.apache.org/v1beta1\n    kind: FlinkSessionJob\n    metadata: {name: a}\n    spec:\n      deploymentName: job\n      job: {parallelism: 0}\n`;
    const { stdout } = await validate(`${session}---\n${item}`);
    expect(stdout).toContain("stdin:23:26: error: spec.job.parallelism: must be at least 1, is 0\n");
  });

  it("prints JSON", async () => {
    const { code, stdout } = await validate(changed("parallelism: 2", "parallelism: 0"), "-o", "json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual([
      {
        file: "stdin",
        line: 16,
        column: 18,
        severity: "error",
        kind: "FlinkDeployment",
        name: "job",
        path: "spec.job.parallelism",
        message: "must be at least 1, is 0",
        next: "set it, or set spec.taskManager.replicas, which decides it on its own",
      },
    ]);
  });

  it("takes the operator's defaults", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-validate-"));
    try {
      const file = join(folder, "config.yaml");
      await writeFile(
        file,
        "jobmanager.memory.process.size: 1600m\nkubernetes:\n  operator:\n    default-configuration.flink-version.v1_19+.taskmanager.memory.process.size: 1728m\n",
      );
      const input = good.replace(/ {2}jobManager:[^]*(?= {2}job:)/, "");
      expect((await validate(input)).code).toBe(1);
      expect(await validate(input, "--operator-config", file)).toMatchObject({ code: 0, stdout: "" });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("passes over files of a folder that are none of Kubernetes', but not over broken ones", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-validate-"));
    try {
      await writeFile(join(folder, "job.yaml"), good);
      await writeFile(join(folder, "values.yaml"), "replicas: 1\n");
      await writeFile(join(folder, "list.json"), "[1]");
      expect(await sluice(["validate", "-f", folder])).toMatchObject({ code: 0, stdout: "" });
      await writeFile(join(folder, "broken.yaml"), "a: [");
      const { code, stdout } = await sluice(["validate", "-f", folder]);
      expect(code).toBe(1);
      expect(stdout).toMatch(/broken\.yaml:1:5: error: /);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    [["validate"], 2, "error: name the files: sluice validate -f FILE...\n"],
    [
      ["validate", "-f", "/no/such/file.yaml"],
      1,
      "error: cannot read /no/such/file.yaml: no such file or folder\n",
    ],
    [
      ["validate", "-f", "-", "-o", "xml"],
      2,
      "error: option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are text, json.\n",
    ],
    [["validate", "--files"], 2, "error: unknown option '--files'\n"],
  ])("answers %j with %d", async (args, code, stderr) => {
    expect(await sluice(args)).toEqual({ code, stdout: "", stderr });
  });
});
