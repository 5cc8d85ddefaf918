/** What a pod needs before Flink, in the pods of both modes; and the script itself, run by a real shell. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Container, EnvVar, PodSpec } from "kubernetes-types/core/v1.d.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { FlinkDeploymentSpec, FlinkVersion, PodTemplate } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { renderCluster } from "./cluster.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import {
  configurationFile,
  configurationFileName,
  readConfigurationFile,
} from "./flink-configuration-file.ts";

const IMAGE = { "sluice.jar.fetcher.image": "sluice:1" };
const SECRETS = { "sluice.secret.s3.secret-key": "s3/secret", "sluice.secret.s3.access-key": "s3/access" };
const REMOTE = "https://example.com/jobs/first.jar";

interface Given {
  readonly spec?: FlinkDeploymentSpec;
  readonly options?: Record<string, string>;
  readonly jar?: string;
  readonly defaults?: Record<string, string>;
}

function render({ spec, options = {}, jar = "local:///opt/flink/usrlib/a.jar", defaults = {} }: Given) {
  const inputs: ClusterInputs = {
    owner: { name: "job", namespace: "team", uid: "uid-1" },
    spec: {
      flinkVersion: "v2_3",
      job: { jarURI: jar, parallelism: 1 },
      jobManager: { resource: { memory: "1g", cpu: 0.5 } },
      taskManager: { resource: { memory: "2g", cpu: 2 } },
      flinkConfiguration: options,
      ...spec,
    },
    generation: 1,
    restore: { kind: "none" },
    attemptId: "attempt",
    defaults,
  };
  return renderCluster(inputs);
}

function podOf(object: KubeObject | undefined): PodSpec | undefined {
  return (object?.["spec"] as { template: { spec: PodSpec } } | undefined)?.template.spec;
}

/** Of JobManager and TaskManager; natively the latter is the template that Flink makes pods from. */
function pods(given: Given): {
  jobManager: PodSpec | undefined;
  taskManager: PodSpec | undefined;
  config: string;
} {
  const { deployment, owned } = render(given);
  const data = (name: string): Record<string, string> | undefined =>
    owned.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === name)?.["data"] as
      | Record<string, string>
      | undefined;
  const template = data("pod-template-job")?.["taskmanager-pod-template.yaml"];
  const taskManager =
    given.spec?.mode === "standalone"
      ? podOf(owned.find(({ kind }) => kind === "Deployment"))
      : template === undefined
        ? undefined
        : (parse(template) as PodTemplate).spec;
  return {
    jobManager: podOf(deployment),
    taskManager: taskManager as PodSpec | undefined,
    config: Object.values(data("flink-config-job") ?? {}).join("\n"),
  };
}

const main = (pod: PodSpec | undefined): Container | undefined =>
  pod?.containers.find(({ name }) => name === "flink-main-container");
const step = (pod: PodSpec | undefined, name: string): Container | undefined =>
  pod?.initContainers?.find((container) => container.name === name);

const CLUSTERS: [string, FlinkDeploymentSpec][] = [
  ["natively, 1.20", { flinkVersion: "v1_20" }],
  ["natively, 2.3", { flinkVersion: "v2_3" }],
  ["standalone, 1.20", { mode: "standalone", flinkVersion: "v1_20" }],
  ["standalone, 2.3", { mode: "standalone", flinkVersion: "v2_3" }],
];

describe.each(CLUSTERS)("values from Secrets, %s", (_, spec) => {
  it("come into JobManagers and TaskManagers, by reference alone", () => {
    const { jobManager, taskManager, config } = pods({ spec, options: SECRETS });
    for (const pod of [jobManager, taskManager]) {
      const container = step(pod, "sluice-configuration");
      expect(container).toMatchObject({
        args: ["s3.access-key", "s3.secret-key"],
        env: [
          { name: "FROM", value: "/opt/flink/conf" },
          { name: "TO", value: "/opt/sluice/conf" },
          { name: "VALUE_1", valueFrom: { secretKeyRef: { name: "s3", key: "access" } } },
          { name: "VALUE_2", valueFrom: { secretKeyRef: { name: "s3", key: "secret" } } },
        ],
        image: `flink:${spec.flinkVersion?.slice(1).replace("_", ".")}`,
        volumeMounts: [
          { name: "flink-config-volume", mountPath: "/opt/flink/conf" },
          { name: "sluice-configuration", mountPath: "/opt/sluice/conf" },
        ],
      });
      expect(pod?.volumes).toContainEqual({
        name: "sluice-configuration",
        emptyDir: { medium: "Memory", sizeLimit: "16Mi" },
      });
      expect(main(pod)?.env).toContainEqual({ name: "FLINK_CONF_DIR", value: "/opt/sluice/conf" });
      expect(main(pod)?.volumeMounts).toContainEqual({
        name: "sluice-configuration",
        mountPath: "/opt/sluice/conf",
        readOnly: true,
      });
    }
    expect(config).not.toContain("sluice.");
  });

  it("count more than what is set in plain text", () => {
    const options = { ...SECRETS, "s3.secret-key": "plain-1" };
    const { config } = pods({ spec, options, defaults: { "s3.access-key": "plain-2" } });
    expect(config).not.toMatch(/plain-/);
  });

  it("are nobody's business where there are none", () => {
    const { jobManager, taskManager } = pods({ spec });
    for (const pod of [jobManager, taskManager]) {
      expect(pod?.initContainers).toBeUndefined();
      expect(main(pod)?.env?.find(({ name }) => name === "FLINK_CONF_DIR")).toBeUndefined();
    }
    expect(taskManager === undefined).toBe(spec.mode !== "standalone");
  });

  it("leave the template as it is otherwise, its own init containers first", () => {
    const podTemplate: PodTemplate = {
      spec: {
        initContainers: [{ name: "mesh", image: "mesh:1" }],
        containers: [
          {
            name: "flink-main-container",
            image: "own:1",
            imagePullPolicy: "Never",
            env: [
              { name: "FLINK_CONF_DIR", value: "/elsewhere" },
              { name: "A", value: "b" },
            ],
            securityContext: { runAsNonRoot: true },
          },
        ],
      },
    };
    const { jobManager, taskManager } = pods({ spec: { ...spec, podTemplate }, options: SECRETS });
    for (const pod of [jobManager, taskManager]) {
      expect(pod?.initContainers?.map(({ name }) => name)).toEqual(["mesh", "sluice-configuration"]);
      expect(step(pod, "sluice-configuration")).toMatchObject({
        image: "own:1",
        imagePullPolicy: "Never",
        securityContext: { runAsNonRoot: true },
      });
      const values = (name: string): EnvVar[] | undefined =>
        main(pod)?.env?.filter((one) => one.name === name);
      expect(values("FLINK_CONF_DIR")).toEqual([{ name: "FLINK_CONF_DIR", value: "/opt/sluice/conf" }]);
      expect(values("A")).toEqual([{ name: "A", value: "b" }]);
    }
  });

  it("cost the pod nothing: what the step asks for, Flink asks for as well", () => {
    const { jobManager, taskManager } = pods({ spec, options: SECRETS });
    expect(step(jobManager, "sluice-configuration")?.resources).toEqual(main(jobManager)?.resources);
    expect(step(taskManager, "sluice-configuration")?.resources).toEqual({
      requests: { memory: "2048Mi", cpu: "2" },
      limits: { memory: "2048Mi", cpu: "2" },
    });
  });
});

describe.each(CLUSTERS)("a remote jar, %s", (_, spec) => {
  const options = { ...IMAGE, "sluice.jar.secret": "login", "sluice.jar.sha256": "ab".repeat(32) };

  it("is fetched where Flink needs it, and runs from there", () => {
    const { jobManager, taskManager, config } = pods({ spec, options, jar: REMOTE });
    const isStandalone = spec.mode === "standalone";
    for (const pod of isStandalone ? [jobManager, taskManager] : [jobManager]) {
      expect(step(pod, "sluice-fetch-jar")).toMatchObject({
        image: "sluice:1",
        args: [
          "fetch-jar",
          REMOTE,
          "--to",
          "/opt/sluice/jar/job.jar",
          "--flink-conf",
          "/opt/flink/conf",
          "--sha256",
          "ab".repeat(32),
        ],
        envFrom: [{ prefix: "SLUICE_JAR_", secretRef: { name: "login" } }],
        volumeMounts: [
          { name: "flink-config-volume", mountPath: "/opt/flink/conf", readOnly: true },
          { name: "sluice-fetch-jar", mountPath: "/opt/sluice/jar" },
        ],
        terminationMessagePolicy: "FallbackToLogsOnError",
      });
      expect(main(pod)?.envFrom).toBeUndefined();
      expect(main(pod)?.volumeMounts).toContainEqual({
        name: "sluice-fetch-jar",
        mountPath: "/opt/flink/usrlib/job.jar",
        subPath: "job.jar",
        readOnly: true,
      });
    }
    // Natively Flink hands the jar on to its TaskManagers.
    if (!isStandalone) expect(taskManager).toBeUndefined();
    expect(config.includes("local:///opt/flink/usrlib/job.jar")).toBe(!isStandalone);
    expect(config).not.toContain("pipeline.classpaths");
    expect(config).not.toContain("example.com");
  });

  it("is fetched with the keys that Flink has from Secrets", () => {
    const { jobManager } = pods({ spec, options: { ...IMAGE, ...SECRETS }, jar: "s3://jars/first.jar" });
    expect(jobManager?.initContainers?.map(({ name }) => name)).toEqual([
      "sluice-configuration",
      "sluice-fetch-jar",
    ]);
    expect(step(jobManager, "sluice-fetch-jar")?.volumeMounts).toContainEqual({
      name: "sluice-configuration",
      mountPath: "/opt/sluice/conf",
      readOnly: true,
    });
    expect(step(jobManager, "sluice-fetch-jar")?.envFrom).toBeUndefined();
  });

  it.each([
    ["without Sluice's image", {}, REMOTE],
    ["of a scheme that only Flink knows", IMAGE, "hdfs://name/first.jar"],
    ["in the image", IMAGE, "local:///opt/a.jar"],
  ])("%s is not", (__, given, jar) => {
    expect(pods({ spec, options: given, jar }).jobManager?.initContainers).toBeUndefined();
  });

  it("is named as it is, whatever Kubernetes would read into it", () => {
    const { jobManager } = pods({ spec, options, jar: `${REMOTE}?a=$(HOME)&b=$$` });
    expect(step(jobManager, "sluice-fetch-jar")?.args?.[1]).toBe(`${REMOTE}?a=$$(HOME)&b=$$`);
  });
});

describe("the script", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-secrets-"));
    for (const name of ["from", "to"]) mkdirSync(join(folder, name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const CONFIG = { "s3.endpoint": "http://s3", "state.backend.type": "rocksdb", "rest.port": "8081" };

  /** Runs it as the kubelet would, and answers what Flink's reader makes of the file. */
  function run(version: FlinkVersion, values: Record<string, string>): Record<string, string> {
    const name = configurationFileName(version);
    writeFileSync(join(folder, "from", name), configurationFile(CONFIG, version));
    writeFileSync(join(folder, "from", "log4j-console.properties"), "a=b\n");
    const options = Object.fromEntries(
      Object.keys(values).map((option) => [`sluice.secret.${option}`, "s/k"]),
    );
    const { jobManager } = pods({ spec: { flinkVersion: version }, options });
    const { command = [], args = [] } = step(jobManager, "sluice-configuration") ?? {};
    const [program = "", ...rest] = command;
    const variables = args.map((option, index) => [`VALUE_${index + 1}`, values[option] ?? ""]);
    execFileSync(program, [...rest, ...args], {
      env: {
        PATH: process.env["PATH"],
        FROM: join(folder, "from"),
        TO: join(folder, "to"),
        ...Object.fromEntries(variables),
      },
      stdio: "pipe",
    });
    expect(readdirSync(join(folder, "to")).toSorted()).toEqual([name, "log4j-console.properties"].toSorted());
    writeFileSync(join(folder, "from", "log4j-console.properties"), "changed=while Flink runs\n");
    expect(readFileSync(join(folder, "to", "log4j-console.properties"), "utf8")).toContain("changed");
    return readConfigurationFile(readFileSync(join(folder, "to", name), "utf8"), name);
  }

  it.each<[FlinkVersion, string]>(
    [
      "plain",
      "a'b\"c\\d",
      "$HOME $(id) `id` ${HOME} !!",
      "{a: b}",
      "[1, 2]",
      "key: value",
      "ends with a colon:",
      "- x",
      "*a &b !c |d >e %f @g",
      "naïve 🔑 密码",
      "true",
      "0123",
      "null",
      "\\n is no line break",
      "x".repeat(10_000),
    ].flatMap((value): [FlinkVersion, string][] => [
      ["v1_20", value],
      ["v2_3", value],
    ]),
  )("for %s keeps %j", (version, value) => {
    expect(run(version, { "a.password": value, "b.c": "second" })).toEqual({
      ...CONFIG,
      "a.password": value,
      "b.c": "second",
    });
  });

  it.each(["", " a ", "a#b # c", "first\nsecond\n", "tab\tand\rreturn"])("since 2.0 keeps %j", (value) => {
    expect(run("v2_3", { "a.password": value })["a.password"]).toBe(value);
  });

  it.each([
    ["v1_20", "", /a\.password from its Secret is empty/],
    ["v1_20", "it-is#it", /a\.password from its Secret has a #/],
    ["v1_20", "it-is\nit", /has a line break/],
    ["v1_20", "it-is ", /begins or ends with a blank/],
    ["v2_3", "it-is\u0001", /has a control character/],
  ] as const)("for %s refuses %j, without saying it", (version, value, message) => {
    expect(() => run(version, { "a.password": value })).toThrow(message);
    expect(() => run(version, { "a.password": value })).not.toThrow(/it-is/);
  });
});
