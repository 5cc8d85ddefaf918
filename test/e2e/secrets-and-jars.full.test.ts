/**
 * Values from Secrets and jars from servers, on a real Kubernetes with a real Flink: they arrive as they are, and are to be
 * seen nowhere else.
 */
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, createReadStream, mkdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { FlinkDeploymentSpec, PodTemplate } from "../../src/api/flink-deployment.ts";
import { attachCluster, BUCKET, type Cluster, countingJar, Job, until } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";

const MARK = randomBytes(6).toString("hex");
/** What people have in passwords, and what YAML, shells and Kubernetes do something with. */
const PASSWORD = `${MARK} 'a' "b" \\n $HOME $(HOME) {c: d} #e *é%`;

let cluster: Cluster;
let jar: string;
beforeAll(async () => {
  if (nodeMissing()) return;
  cluster = attachCluster();
  jar = await countingJar();
});

/** Nothing of the image's own folder for jars is there. */
const WITHOUT_JARS: PodTemplate = {
  spec: {
    containers: [
      { name: "flink-main-container", volumeMounts: [{ name: "no-jars", mountPath: "/opt/flink/usrlib" }] },
    ],
    volumes: [{ name: "no-jars", emptyDir: {} }],
  },
};

async function secret(job: Job, name: string, values: Record<string, string>): Promise<void> {
  const object = { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: values };
  await cluster.kubectl(["-n", job.namespace, "apply", "-f", "-"], stringify(object));
}

/** Applies the job without keys in its configuration. */
async function apply(job: Job, options: Record<string, string>, spec: FlinkDeploymentSpec): Promise<void> {
  const manifest = job.manifest();
  const {
    "s3.access-key": _,
    "s3.secret-key": __,
    ...own
  } = manifest.spec.flinkConfiguration as Record<string, string>;
  manifest.spec = {
    ...manifest.spec,
    podTemplate: WITHOUT_JARS,
    ...spec,
    job: { ...manifest.spec.job, ...spec.job },
    flinkConfiguration: {
      ...own,
      "sluice.secret.s3.access-key": "s3/access",
      "sluice.secret.s3.secret-key": "s3/secret",
      ...options,
    },
  };
  await cluster.kubectl(["apply", "-f", "-"], stringify(manifest));
}

function condition(found: Awaited<ReturnType<Job["get"]>>, type: string): string {
  const { reason, message } = found.status?.conditions?.find((one) => one.type === type) ?? {};
  return `${reason}: ${message}`;
}

/** Everything that Kubernetes shows of a job except its Secrets, and what the operator and the job's pods have logged. */
async function everythingShown(job: Job): Promise<string> {
  const inNamespace = (...args: string[]): Promise<string> => cluster.kubectl(["-n", job.namespace, ...args]);
  const kinds =
    "flinkdeployments,flinkstatesnapshots,configmaps,deployments,replicasets,pods,services,events";
  const shown = await Promise.all([
    inNamespace("get", kinds, "-o", "yaml"),
    inNamespace("logs", "-l", `app=${job.name},component=jobmanager`, "--all-containers", "--tail=-1"),
    inNamespace("logs", "-l", `app=${job.name},component=taskmanager`, "--all-containers", "--tail=-1"),
    cluster.kubectl(["-n", "sluice-system", "logs", "deployment/sluice-operator", "--tail=-1"]),
  ]);
  return shown.join("\n");
}

async function isShownNowhere(job: Job, ...values: string[]): Promise<void> {
  const shown = await everythingShown(job);
  // It does look at what it should.
  expect(shown).toContain("flink-main-container");
  for (const value of values) {
    for (const form of [value, Buffer.from(value).toString("base64")]) {
      const at = shown.indexOf(form);
      expect(at < 0 ? "" : shown.slice(Math.max(0, at - 300), at).replaceAll(form, "***")).toBe("");
    }
  }
}

describe.skipIf(nodeMissing())("Flink 2.3, natively", () => {
  let job: Job;

  it("runs a jar from S3 and keeps its state there, with keys from a Secret", async () => {
    const { s3 } = cluster.testbed;
    job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
    const folder = join(s3.bucketDir(BUCKET), job.namespace);
    mkdirSync(folder, { recursive: true });
    copyFileSync(jar, join(folder, "first.jar"));
    await secret(job, "s3", { access: s3.accessKey, secret: s3.secretKey });
    await secret(job, "marked", { password: PASSWORD });
    await apply(
      job,
      {
        "sluice.secret.marked.password": "marked/password",
        // Flink shows it, as its name is no secret's: that is how it can be seen that it has arrived as it is.
        "sluice.secret.marked.text": "marked/password",
        "kubernetes.env.secretKeyRef": "env:MARKED,secret:marked,key:password",
        "kubernetes.secrets": "marked:/opt/marked",
        "sluice.jar.sha256": createHash("sha256").update(readFileSync(jar)).digest("hex"),
      },
      { job: { jarURI: `s3://${BUCKET}/${job.namespace}/first.jar` } },
    );
    await job.stable(300);
    await job.provesNoLoss();
  });

  it("gives Flink the value as it is", async () => {
    const path = `/api/v1/namespaces/${job.namespace}/services/${job.name}-rest:8081/proxy/jobmanager/config`;
    const options = JSON.parse(await cluster.kubectl(["get", "--raw", path])) as {
      key: string;
      value: string;
    }[];
    const valueOf = (name: string): string | undefined => options.find(({ key }) => key === name)?.value;
    expect(valueOf("marked.text")).toBe(PASSWORD);
    expect(valueOf("marked.password")).toMatch(/^\*+$/);
  });

  it.each(["jobmanager", "taskmanager"])(
    "gives it to the %s's pods in Flink's own ways, too",
    async (component) => {
      const selector = ["get", "pods", "-l", `app=${job.name},component=${component}`, "-o", "name"];
      const [pod = ""] = (await cluster.kubectl(["-n", job.namespace, ...selector])).split("\n");
      const inPod = (...command: string[]): Promise<string> =>
        cluster.kubectl(["-n", job.namespace, "exec", pod, "-c", "flink-main-container", "--", ...command]);
      expect(await inPod("printenv", "MARKED")).toBe(`${PASSWORD}\n`);
      expect(await inPod("cat", "/opt/marked/password")).toBe(PASSWORD);
      expect(await inPod("ls", "/opt/flink/usrlib")).toBe(component === "jobmanager" ? "job.jar\n" : "");
    },
  );

  it("shows it nowhere", async () => {
    // Flink logs what is no secret by its name; the rest of that value's text must not be there.
    await isShownNowhere(job, cluster.testbed.s3.secretKey);
    const kinds = "flinkdeployments,configmaps,deployments,replicasets,pods,events";
    const objects = await cluster.kubectl(["-n", job.namespace, "get", kinds, "-o", "yaml"]);
    expect(objects).not.toContain(MARK);
  });

  it("goes on with another jar, from its state", async () => {
    const folder = join(cluster.testbed.s3.bucketDir(BUCKET), job.namespace);
    copyFileSync(jar, join(folder, "second.jar"));
    await job.patch({ job: { jarURI: `s3://${BUCKET}/${job.namespace}/second.jar` } });
    const { spec, status } = await job.stable();
    expect(spec.job?.jarURI).toMatch(/second\.jar$/);
    expect(status?.reconciliationStatus?.lastReconciledSpec).toContain("second.jar");
    await job.provesNoLoss();
  });

  it("goes back when a Secret or a key is not there, and says which", async () => {
    await job.patch({ flinkConfiguration: { "kubernetes.operator.deployment.readiness.timeout": "15 s" } });
    for (const [reference, cause] of [
      ["nobody/password", /secret .*nobody.* not found/],
      ["marked/nothing", /couldn't find key nothing in Secret .*marked/],
    ] as const) {
      await job.patch({ flinkConfiguration: { "sluice.secret.marked.password": reference } });
      const back = await until(`rolled back from ${reference}`, 300, async () => {
        const found = await job.get();
        const { lifecycleState, jobStatus } = found.status ?? {};
        return lifecycleState === "ROLLED_BACK" && jobStatus?.state === "RUNNING" && found;
      });
      expect(back.status?.error).toMatch(cause);
      expect(condition(back, "Stalled")).toMatch(cause);
      await job.provesNoLoss();
      await job.patch({ flinkConfiguration: { "sluice.secret.marked.password": "marked/password" } });
      await job.stable();
    }
  });

  it("is deleted and leaves nothing", async () => {
    await isShownNowhere(job, cluster.testbed.s3.secretKey);
    await job.deleteLeavesNothing();
  });
});

describe.skipIf(nodeMissing())("Flink 1.20, standalone", () => {
  let job: Job;
  let server: Server;
  const login = { username: "flink", password: `p:${MARK}` };
  const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.headers.authorization !== basic) response.writeHead(401).end();
      else if (request.url === "/job.jar") createReadStream(jar).pipe(response);
      else response.writeHead(404).end();
    });
    const { hostname } = new URL(cluster.testbed.s3.endpoint);
    await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const at = (path: string): string => {
    const { hostname } = new URL(cluster.testbed.s3.endpoint);
    return `http://${hostname}:${(server.address() as AddressInfo).port}${path}`;
  };

  it("runs a jar from a server that asks for a password", async () => {
    const { s3 } = cluster.testbed;
    job = await Job.create(cluster, { flink: "1.20", upgradeMode: "savepoint" });
    await secret(job, "s3", { access: s3.accessKey, secret: s3.secretKey });
    await secret(job, "login", login);
    await apply(
      job,
      {
        "sluice.jar.secret": "login",
        "kubernetes.operator.deployment.readiness.timeout": "30 s",
      },
      { mode: "standalone", job: { jarURI: at("/job.jar") } },
    );
    await job.stable(300);
    await job.provesNoLoss();
  });

  it.each([
    ["is not there", { job: { jarURI: "/none.jar" } }, /none\.jar: HTTP 404/],
    [
      "is another one",
      { flinkConfiguration: { "sluice.jar.sha256": "0".repeat(64) } },
      /another file than sluice\.jar\.sha256 says/,
    ],
    ["is refused", { flinkConfiguration: { "sluice.jar.secret": "s3" } }, /job\.jar: HTTP 401/],
  ])("goes back when the jar %s, and says so", async (_, change, cause) => {
    const before = await job.get();
    const uri = "job" in change && change.job !== undefined ? { job: { jarURI: at(change.job.jarURI) } } : {};
    await job.patch({ ...change, ...uri });
    const back = await until("ROLLED_BACK and RUNNING", 300, async () => {
      const found = await job.get();
      const { lifecycleState, jobStatus } = found.status ?? {};
      return lifecycleState === "ROLLED_BACK" && jobStatus?.state === "RUNNING" && found;
    });
    expect(back.status?.error).toMatch(cause);
    await job.provesNoLoss();
    await cluster.kubectl(
      ["-n", job.namespace, "replace", "-f", "-"],
      JSON.stringify({ ...(await job.get()), spec: before.spec }),
    );
    await job.stable();
  });

  it("shows keys and password nowhere", async () => {
    await isShownNowhere(job, cluster.testbed.s3.secretKey, login.password, basic);
  });

  it("is deleted and leaves nothing", async () => {
    await job.deleteLeavesNothing();
  });
});
