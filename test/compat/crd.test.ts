import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiTestbed } from "../support/api-testbed.ts";
import { type Api, openApi } from "./api.ts";
import { fieldTrees } from "./field-trees.ts";
import { freeForm, maximalObject, type OpenApiSchemas, sampleOf, variants } from "./samples.ts";

const testbed = apiTestbed();
let api: Api;
let namespace: string;
let pod: unknown;

beforeAll(async () => {
  api = openApi();
  namespace = await testbed.freshNamespace("compat");
  const document = await api.call("GET", "/openapi/v3/api/v1");
  const { schemas } = document.body["components"] as { schemas: OpenApiSchemas };
  pod = maximalObject(schemas, "io.k8s.api.core.v1.Pod");
});
afterAll(() => api.close());

const collection = (plural: string): string =>
  `/apis/flink.apache.org/v1beta1/namespaces/${namespace}/${plural}`;

function resource(kind: string, name: string, spec: unknown): Record<string, unknown> {
  return { apiVersion: "flink.apache.org/v1beta1", kind, metadata: { name, namespace }, spec };
}

describe.each(Object.entries(fieldTrees))("%s", (kind, { plural, spec, status }) => {
  it("is established, with a structural schema", async () => {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.flink.apache.org`;
    const conditions = async (): Promise<Record<string, string>> => {
      const { body } = await api.call("GET", path);
      const { conditions } = body["status"] as { conditions: { type: string; status: string }[] };
      return Object.fromEntries(conditions.map((condition) => [condition.type, condition.status]));
    };
    // The API server takes some seconds after it has accepted the names.
    await expect.poll(conditions, { timeout: 30_000 }).toMatchObject({
      Established: "True",
      NamesAccepted: "True",
    });
    expect(await conditions()).not.toHaveProperty("NonStructuralSchema");
  });

  it("takes a manifest with every field set, and gives it back equal", async () => {
    const wanted = { spec: sampleOf(spec, pod), status: sampleOf(status, pod) };
    const created = await api.call(
      "POST",
      `${collection(plural)}?fieldValidation=Strict`,
      resource(kind, "maximal", wanted.spec),
    );
    expect(created.status, JSON.stringify(created.body).slice(0, 2000)).toBe(201);
    const written = await api.call("PUT", `${collection(plural)}/maximal/status?fieldValidation=Strict`, {
      ...created.body,
      status: wanted.status,
    });
    expect(written.status, JSON.stringify(written.body).slice(0, 2000)).toBe(200);
    const { body } = await api.call("GET", `${collection(plural)}/maximal`);
    expect(body["spec"]).toEqual(wanted.spec);
    expect(body["status"]).toEqual(wanted.status);
  });

  it("requires nothing", async () => {
    const { status: code } = await api.call(
      "POST",
      `${collection(plural)}?dryRun=All`,
      resource(kind, "empty", {}),
    );
    expect(code).toBe(201);
  });

  it("takes each enum value, and refuses others and wrong types", async () => {
    const answers = variants(spec).map(async ({ path, value, accepted }) => {
      const answer = await api.call(
        "POST",
        `${collection(plural)}?dryRun=All`,
        resource(kind, "variant", value),
      );
      return { path, accepted, status: answer.status };
    });
    const unexpected = (await Promise.all(answers)).filter(
      (answer) => answer.status !== (answer.accepted ? 201 : 422),
    );
    expect(unexpected).toEqual([]);
  });

  it("takes each enum value in its status, and refuses others and wrong types", async () => {
    const { body } = await api.call("POST", collection(plural), resource(kind, "status", {}));
    const answers = variants(status).map(async ({ path, value, accepted }) => {
      const answer = await api.call("PUT", `${collection(plural)}/status/status?dryRun=All`, {
        ...body,
        status: value,
      });
      return { path, accepted, status: answer.status };
    });
    const unexpected = (await Promise.all(answers)).filter(
      (answer) => answer.status !== (answer.accepted ? 200 : 422),
    );
    expect(unexpected).toEqual([]);
  });
});

describe("FlinkDeployment as people write it", () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ["flat configuration", { flinkConfiguration: { "taskmanager.numberOfTaskSlots": "2" } }],
    ["nested configuration", { flinkConfiguration: { taskmanager: { numberOfTaskSlots: 2 } } }],
    ["every kind of value in the configuration", { flinkConfiguration: freeForm }],
    ["no configuration at all, but its key", { flinkConfiguration: {} }],
    [
      "the first pod templates, with apiVersion, kind and status",
      {
        podTemplate: {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: "pod-template" },
          spec: {
            containers: [{ name: "flink-main-container", volumeMounts: [{ mountPath: "/x", name: "x" }] }],
          },
          status: { phase: "Pending" },
        },
      },
    ],
    [
      "the null that kubectl's dry runs print, dropped as by upstream's CRD",
      { podTemplate: { metadata: { creationTimestamp: null, labels: { a: "b" } } } },
      { podTemplate: { metadata: { labels: { a: "b" } } } },
    ],
    [
      "two containers, two ports or two variables of one name, which a list-map key would refuse",
      {
        podTemplate: {
          spec: {
            containers: [
              { name: "a", env: [{ name: "X" }, { name: "X", value: "2" }] },
              { name: "a", ports: [{ containerPort: 1 }, { containerPort: 1 }] },
            ],
          },
        },
      },
    ],
    [
      "quantities and ports as numbers",
      {
        jobManager: { resources: { requests: { cpu: 1 }, limits: { memory: 2147483648 } } },
        podTemplate: { spec: { containers: [{ livenessProbe: { httpGet: { port: "rest" } } }] } },
      },
    ],
    ["an unknown field, pruned", { imag: "flink", image: "flink" }, { image: "flink" }],
  ])("%s", async (_, spec, expected = spec) => {
    const { status, body } = await api.call(
      "POST",
      `${collection("flinkdeployments")}?dryRun=All`,
      resource("FlinkDeployment", "form", spec),
    );
    expect(status, JSON.stringify(body)).toBe(201);
    expect(body["spec"]).toEqual(expected);
  });

  it("keeps conditions beside Running in the status", async () => {
    const { body } = await api.call(
      "POST",
      collection("flinkdeployments"),
      resource("FlinkDeployment", "conditions", {}),
    );
    const conditions = ["Running", "Ready", "Reconciling", "Stalled"].map((type) => ({
      type,
      status: "True",
      reason: "Reason",
      message: "",
      lastTransitionTime: "2026-01-02T03:04:05Z",
      observedGeneration: 3,
    }));
    const answer = await api.call("PUT", `${collection("flinkdeployments")}/conditions/status`, {
      ...body,
      status: { conditions },
    });
    expect(answer.body["status"]).toEqual({ conditions });
  });

  it("scales its TaskManagers through the scale subresource", async () => {
    const { body } = await api.call(
      "POST",
      collection("flinkdeployments"),
      resource("FlinkDeployment", "scaled", { taskManager: { replicas: 1 } }),
    );
    await api.call("PUT", `${collection("flinkdeployments")}/scaled/status`, {
      ...body,
      status: { taskManager: { labelSelector: "component=taskmanager,app=scaled", replicas: 1 } },
    });
    await testbed.kubectl(["scale", "-n", namespace, "flinkdep/scaled", "--replicas=3"]);
    const { body: scale } = await api.call("GET", `${collection("flinkdeployments")}/scaled/scale`);
    expect(scale).toMatchObject({
      spec: { replicas: 3 },
      status: { replicas: 1, selector: "component=taskmanager,app=scaled" },
    });
    const { body: scaled } = await api.call("GET", `${collection("flinkdeployments")}/scaled`);
    expect(scaled["spec"]).toEqual({ taskManager: { replicas: 3 } });
  });
});

describe("kubectl get prints", () => {
  it.each([
    ["flinkdep", "flinkdeployments", ["JOB STATUS", "LIFECYCLE STATE"], ["RUNNING", "STABLE"]],
    ["sessionjob", "flinksessionjobs", ["JOB STATUS", "LIFECYCLE STATE"], ["RUNNING", "STABLE"]],
    [
      "flinksnp",
      "flinkstatesnapshots",
      ["PATH", "RESULT TIMESTAMP", "SNAPSHOT STATE"],
      ["s3://p", "now", "FAILED"],
    ],
    ["flinkbgdep", "flinkbluegreendeployments", ["JOB STATUS"], ["RUNNING"]],
  ])("the columns of %s", async (short, plural, columns, values) => {
    const kind = Object.entries(fieldTrees).find(([, tree]) => tree.plural === plural)?.[0] ?? "";
    const { body } = await api.call("POST", collection(plural), resource(kind, "columns", {}));
    await api.call("PUT", `${collection(plural)}/columns/status`, {
      ...body,
      status:
        kind === "FlinkStateSnapshot"
          ? { path: "s3://p", resultTimestamp: "now", state: "FAILED" }
          : { jobStatus: { state: "RUNNING" }, lifecycleState: "STABLE" },
    });
    const [header = "", row = ""] = (await testbed.kubectl(["get", "-n", namespace, short, "columns"])).split(
      "\n",
    );
    expect(header.split(/ {2,}/).map((cell) => cell.trim())).toEqual(["NAME", ...columns]);
    expect(row.split(/ {2,}/).map((cell) => cell.trim())).toEqual(["columns", ...values]);
  });
});
