/** Flink's command line against a real API server, and what the server then has. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { run } from "../../../testbed/lib/exec.ts";
import type { ApiForTests } from "../../support/api-testbed.ts";
import { type DeployRequest, SHORT_LIVED } from "./flink-client.ts";

/** With a token: the library in Flink's client cannot read the keys of the administrator's certificate. */
function kubeconfig(api: ApiForTests): string {
  const cluster = {
    server: api.url,
    "certificate-authority-data": Buffer.from(api.caPem).toString("base64"),
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "api", cluster }],
    users: [{ name: "admin", user: { token: api.token } }],
    contexts: [{ name: "api", context: { cluster: "api", user: "admin" } }],
    "current-context": "api",
  });
}

function commandLine(home: string, version: string, request: DeployRequest): [string, string[]] {
  const { options, args, main } = request;
  const given = Object.entries(options).map(([key, value]) => `-D${key}=${value}`);
  if (options["execution.target"] === "kubernetes-session") {
    return [join(home, "bin", "kubernetes-session.sh"), [...given, "-Dexecution.attached=false"]];
  }
  const [jar = ""] = (options["pipeline.jars"] ?? "").match(/[a-z]+:\/\/[^"\]]+/) ?? [];
  return [
    join(home, "bin", "flink"),
    [
      version === "1.20" ? "run-application" : "run",
      "-t",
      "kubernetes-application",
      ...given,
      ...(main === undefined ? [] : ["-c", main]),
      jar,
      ...args,
    ],
  ];
}

/** Submits as a user does. Throws with the client's output when it fails. */
export async function submit(
  home: string,
  version: string,
  request: DeployRequest,
  api: ApiForTests,
): Promise<void> {
  const file = join(request.confDir, "kubeconfig");
  await writeFile(file, kubeconfig(api));
  const options = { ...request.options, "kubernetes.config.file": file };
  const [command, args] = commandLine(home, version, { ...request, options });
  const env = {
    JVM_ARGS: SHORT_LIVED.join(" "),
    FLINK_CONF_DIR: request.confDir,
    FLINK_LOG_DIR: request.confDir,
    KUBECONFIG: "",
    HADOOP_CONF_DIR: "",
  };
  await run(command, args, { env, deadline: 240_000 });
}

type Fields = Record<string, unknown>;

/** Without what the server decides by itself for each object. */
function withoutServerFields(object: KubeObject): KubeObject {
  const { status: _, spec: given, ...rest } = object as KubeObject & { status?: unknown; spec?: Fields };
  const owners = rest.metadata.ownerReferences?.map((owner) => ({ ...owner, uid: "" }));
  const metadata = { ...rest.metadata, ...(owners === undefined ? {} : { ownerReferences: owners }) };
  for (const field of ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"]) {
    delete (metadata as Fields)[field];
  }
  if (given === undefined) return { ...rest, metadata };
  const { clusterIP, clusterIPs: _6, ...spec } = given;
  const ports = spec["ports"] as Fields[] | undefined;
  return {
    ...rest,
    metadata,
    spec: {
      ...spec,
      // Only "None" is the client's; any other address was assigned.
      ...(clusterIP === "None" ? { clusterIP } : {}),
      ...(ports === undefined ? {} : { ports: ports.map(({ nodePort: _7, ...port }) => port) }),
    },
  };
}

/** The cluster's objects as the server stores them. */
export async function storedObjects(api: ApiForTests, namespace: string): Promise<KubeObject[]> {
  const answer = await api.kubectl(["get", "deployments,services,configmaps", "-n", namespace, "-o", "json"]);
  const { items } = JSON.parse(answer) as { items: KubeObject[] };
  return items.filter(({ metadata }) => metadata.name !== "kube-root-ca.crt").map(withoutServerFields);
}
