/** The webhook with the rights that it is installed with, asked by a real API server. */
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { rm, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { API_VERSION, type FlinkDeployment } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { kinds } from "../../../src/api/kinds.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { createRequest } from "../../../src/kube/request.ts";
import {
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  FLINK_STATE_SNAPSHOTS,
  MUTATING_WEBHOOKS,
  resourceTypeOf,
  SECRETS,
  VALIDATING_WEBHOOKS,
} from "../../../src/kube/resource-type.ts";
import { issue, makeAuthority } from "../../../src/webhook/certificate.ts";
import { anyManifest } from "../../../testbed/gen/any-manifest.ts";
import { flinkDeployment } from "../../../testbed/gen/flink-deployment.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { type ApiForTests, apiTestbed } from "../../support/api-testbed.ts";
import { ownFolder } from "../../support/operator.ts";
import {
  askWebhook,
  installWebhookRights,
  type RunningWebhook,
  startWebhook,
  stopAsking,
} from "../../support/webhook.ts";
import { accessTo, kubeError } from "../kube/support.ts";

const deadline = 30_000;
let api: ApiForTests;
let client: KubeClient;
let namespace: string;
let folder: string;
let removeFolder: () => Promise<void>;
let webhook: RunningWebhook;
let names = 0;

const fresh = (prefix = "job"): string => `${prefix}-${++names}`;

function deployment(spec: Record<string, unknown> = {}, name = fresh()): FlinkDeployment {
  const { spec: valid } = flinkDeployment();
  return {
    apiVersion: API_VERSION,
    kind: "FlinkDeployment",
    metadata: { name, namespace },
    spec: { ...valid, ...spec },
  };
}

const create = (object: FlinkDeployment): Promise<FlinkDeployment> =>
  client.create(FLINK_DEPLOYMENTS, object);
const patch = (name: string, change: object): Promise<FlinkDeployment> =>
  client.patch(FLINK_DEPLOYMENTS, namespace, name, change, { kind: "merge" });
const refusal = async (work: Promise<unknown>): Promise<string> => (await kubeError(work)).message;

/** The API server hears of a changed configuration a moment later. */
async function untilAsked(isAsked = true): Promise<void> {
  const invalid = deployment({ serviceAccount: undefined }, "invalid");
  await waitFor(
    isAsked ? "the webhook to be asked" : "nobody to be asked",
    async () => {
      const answer = await client.create(FLINK_DEPLOYMENTS, invalid, { dryRun: true }).then(
        () => "taken",
        (error: unknown) => String(error),
      );
      return isAsked ? answer.includes("spec.serviceAccount: is required") : answer === "taken";
    },
    { deadline },
  );
}

beforeAll(async () => {
  api = apiTestbed();
  client = new KubeClient(accessTo(api));
  namespace = await api.freshNamespace("webhook");
  [folder, removeFolder] = await ownFolder();
  await installWebhookRights(api);
  webhook = await startWebhook(api, folder);
});

beforeEach(async () => {
  await askWebhook(api, { port: webhook.port, namespace });
  await untilAsked();
});

afterAll(async () => {
  await stopAsking(api);
  await webhook.stop();
  await client.close();
  await removeFolder();
});

test("the manifests are as the API server takes them", async () => {
  const files = ["deploy/webhook/webhook.yaml", "deploy/webhook/configurations.yaml"];
  const named = files.flatMap((file) => ["-f", join(repository, file)]);
  const said = await api.kubectl([
    "apply",
    "--server-side",
    "--force-conflicts",
    "--dry-run=server",
    ...named,
  ]);
  expect(said).toContain("deployment.apps/sluice-operator-webhook");
  expect(said).toContain("poddisruptionbudget.policy/sluice-operator-webhook");
});

describe("a job file", () => {
  test("that the operator would refuse is refused, with all that is wrong, field by field", async () => {
    const message = await refusal(create(deployment({ serviceAccount: undefined, flinkVersion: "v1_13" })));
    expect(message).toContain('admission webhook "validate.flink.apache.org" denied the request');
    expect(message).toMatch(/spec\.flinkVersion: /);
    expect(message).toMatch(/spec\.serviceAccount: is required/);
  });

  test("that has a warning is taken, and the user is told", async () => {
    const secret = { "s3.secret-key": "hunter2" };
    const { flinkConfiguration } = flinkDeployment().spec;
    const object = deployment({ flinkConfiguration: { ...(flinkConfiguration as object), ...secret } });
    const { status, headers } = await client.raw(createRequest(FLINK_DEPLOYMENTS, object));
    expect(status).toBe(201);
    expect(String(headers["warning"])).toContain("spec.flinkConfiguration");
    expect(String(headers["warning"])).toContain("s3.secret-key");
    expect(String(headers["warning"])).not.toContain("hunter2");
  });

  test("without a name of its own is judged by the one it gets", async () => {
    const object = deployment();
    const metadata = { generateName: "made-", namespace } as unknown as KubeObject["metadata"];
    expect((await create({ ...object, metadata })).metadata.name).toMatch(/^made-/);
    const long = { generateName: `${"x".repeat(50)}-`, namespace } as unknown as KubeObject["metadata"];
    expect(await refusal(create({ ...object, metadata: long }))).toContain("metadata.name: ");
  });

  test("that is a canary is not judged", async () => {
    const canary = deployment({ serviceAccount: undefined });
    const labels = { "flink.apache.org/canary": "true" };
    await create({ ...canary, metadata: { ...canary.metadata, labels } });
  });

  test("of a session job is judged in its cluster and gets the cluster's label, once", async () => {
    const job = { entryClass: "Main", parallelism: 1, upgradeMode: "stateless" };
    const application = await create(deployment());
    const inside = (deploymentName: string) => ({
      apiVersion: API_VERSION,
      kind: "FlinkSessionJob",
      metadata: { name: fresh("session-job"), namespace },
      spec: { deploymentName, job },
    });
    const message = await refusal(client.create(FLINK_SESSION_JOBS, inside(application.metadata.name)));
    expect(message).toContain("spec.deploymentName: ");
    expect(message).toContain("is an application cluster");
    const { job: _, ...session } = deployment().spec;
    const cluster = await create({ ...deployment(), spec: session });
    const made = await client.create<KubeObject>(FLINK_SESSION_JOBS, inside(cluster.metadata.name));
    expect(made.metadata.labels).toEqual({ "target.session": cluster.metadata.name });
    const { resourceVersion } = await client
      .replace(FLINK_SESSION_JOBS, made)
      .then(({ metadata }) => metadata);
    expect(resourceVersion).toBe(made.metadata.resourceVersion);
  });

  test("of a snapshot of a job that does not exist is refused", async () => {
    const snapshot = (name: string) => ({
      apiVersion: API_VERSION,
      kind: "FlinkStateSnapshot",
      metadata: { name: fresh("snapshot"), namespace },
      spec: { jobReference: { kind: "FlinkDeployment", name }, savepoint: {} },
    });
    const message = await refusal(client.create(FLINK_STATE_SNAPSHOTS, snapshot("nobody")));
    expect(message).toContain("spec.jobReference: FlinkDeployment nobody does not exist");
    const { metadata } = await create(deployment());
    await client.create(FLINK_STATE_SNAPSHOTS, snapshot(metadata.name));
  });
});

describe("an update", () => {
  test("is judged against what is deployed", async () => {
    const { metadata } = await create(deployment());
    const lastReconciledSpec = JSON.stringify({ spec: deployment().spec, resource_metadata: {} });
    const status = { reconciliationStatus: { state: "DEPLOYED", lastReconciledSpec } };
    await client.patch(
      FLINK_DEPLOYMENTS,
      namespace,
      metadata.name,
      { status },
      { kind: "merge", subresource: "status" },
    );
    const message = await refusal(patch(metadata.name, { spec: { mode: "standalone" } }));
    expect(message).toMatch(/spec\.mode: /);
  });

  test("of an invalid resource passes where it leaves the spec as it is, or mends it", async () => {
    await stopAsking(api);
    await untilAsked(false);
    const { metadata } = await create(deployment({ serviceAccount: undefined }));
    await askWebhook(api, { port: webhook.port, namespace });
    await untilAsked();
    await patch(metadata.name, { metadata: { labels: { team: "blue" }, finalizers: ["example.org/held"] } });
    expect(await refusal(patch(metadata.name, { spec: { image: "flink:2.2" } }))).toContain(
      "spec.serviceAccount",
    );
    await client.delete(FLINK_DEPLOYMENTS, namespace, metadata.name);
    await patch(metadata.name, { metadata: { finalizers: [] } });
    expect(await client.get(FLINK_DEPLOYMENTS, namespace, metadata.name)).toBeUndefined();
  });
});

/** Accepts connections and never answers. */
async function silentServer(): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<{ destroy(): unknown }>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** With failurePolicy Fail: a spec is refused, and everything that is not about specs goes on. */
async function expectRefusedUntilItIsBack(object: FlinkDeployment, why: RegExp): Promise<void> {
  const { name, resourceVersion } = object.metadata;
  await waitFor(
    "a change to be refused",
    async () => why.test(await refusal(patch(name, { spec: { restartNonce: 1 } })).catch(() => "taken")),
    { deadline },
  );
  expect(
    (await client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name))?.metadata.resourceVersion,
  ).toBe(resourceVersion);
  await patch(name, { metadata: { finalizers: ["example.org/held"] } });
  await client.patch(
    FLINK_DEPLOYMENTS,
    namespace,
    name,
    { status: { lifecycleState: "STABLE" } },
    { kind: "merge", subresource: "status" },
  );
  await client.delete(FLINK_DEPLOYMENTS, namespace, name);
  await patch(name, { metadata: { finalizers: [] } });
  expect(await client.get(FLINK_DEPLOYMENTS, namespace, name)).toBeUndefined();
}

/** As whoever else injects an authority would. */
async function trust(caBundle: string): Promise<void> {
  for (const type of [VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS]) {
    const found = (await client.get<KubeObject>(type, undefined, "sluice-operator-webhook")) as KubeObject;
    const webhooks = (found["webhooks"] as { clientConfig: object }[]).map((one) => ({
      ...one,
      clientConfig: { ...one.clientConfig, caBundle },
    }));
    await client.replace(type, { ...found, webhooks });
  }
}

describe("a webhook", () => {
  test("that is down refuses specs, and holds up nothing else", async () => {
    const object = await create(deployment());
    const silent = await silentServer();
    await silent.close();
    await askWebhook(api, { port: silent.port, namespace });
    await expectRefusedUntilItIsBack(object, /failed calling webhook.*connection refused/);
  });

  test("that is slow refuses specs when the time is up", async () => {
    const object = await create(deployment());
    const silent = await silentServer();
    await askWebhook(api, { port: silent.port, namespace, timeoutSeconds: 1 });
    await waitFor("it to be asked", async () => /failed calling/.test(await refusal(create(deployment()))), {
      deadline,
    });
    const began = performance.now();
    await refusal(create(deployment()));
    expect(performance.now() - began).toBeLessThan(10_000);
    await expectRefusedUntilItIsBack(object, /failed calling webhook.*(deadline exceeded|Timeout|timeout)/);
    await silent.close();
  });

  test("that may be left out lets everything pass while it is down", async () => {
    const silent = await silentServer();
    await silent.close();
    await askWebhook(api, { port: silent.port, namespace, failurePolicy: "Ignore" });
    await untilAsked(false);
    await create(deployment({ serviceAccount: undefined }));
  });

  test("whose authority is not known admits nothing, until it has said so", async () => {
    const object = await create(deployment());
    const other = makeAuthority("other", { from: Date.now(), lasts: 3_600_000 });
    const caBundle = Buffer.from(other.certificate).toString("base64");
    const foreign = await startWebhook(api, folder, { configuration: "nobody" });
    // The certificates are those of the Secret, the bundle somebody else's, and this webhook tells nobody.
    await webhook.stop();
    await askWebhook(api, { port: foreign.port, namespace });
    await trust(caBundle);
    await expectRefusedUntilItIsBack(object, /certificate signed by unknown authority/);
    await foreign.stop();
    webhook = await startWebhook(api, folder);
    await askWebhook(api, { port: webhook.port, namespace });
    await untilAsked();
  });

  test("with certificates that somebody else makes takes new ones when they come", async () => {
    const place = join(folder, "certificates");
    await mkdir(place, { recursive: true });
    const authority = makeAuthority("cert-manager", { from: Date.now(), lasts: 3_600_000 });
    const put = async (): Promise<string> => {
      const made = issue(authority, ["localhost"], { from: Date.now(), lasts: 3_600_000 });
      await writeFile(join(place, "tls.key"), made.key);
      await writeFile(join(place, "tls.crt"), made.certificate);
      return made.certificate;
    };
    await put();
    const given = await startWebhook(api, folder, { certificates: place, configuration: "nobody" });
    await webhook.stop();
    await askWebhook(api, { port: given.port, namespace });
    await trust(Buffer.from(authority.certificate).toString("base64"));
    await untilAsked();
    await put();
    await untilAsked();
    // Half of a new pair, and nothing at all: the last good one stays.
    await writeFile(join(place, "tls.key"), "");
    await untilAsked();
    await rm(place, { recursive: true });
    await untilAsked();
    await given.stop();
    webhook = await startWebhook(api, folder);
  });
});

test("certificates and authorities that are replaced under load cost no request, and lose no update", async () => {
  await webhook.stop();
  const secret = "sluice-operator-webhook-certificates";
  await client.patch(SECRETS, "sluice-system", secret, { data: null }, { kind: "merge" });
  // Certificates begin five minutes ago, so that this settles in three seconds.
  const rotation = { authorityLasts: 24_000, servingLasts: 9000, settles: 303_000 };
  const quick = await startWebhook(api, folder, { interval: 100, rotation });
  await askWebhook(api, { port: quick.port, namespace });
  await untilAsked();
  const bundles = new Set<string>();
  const serving = new Set<string>();
  const end = performance.now() + 40_000;
  const failures: string[] = [];
  const writer = async (): Promise<[name: string, count: number]> => {
    const { metadata } = await create(deployment());
    let count = 0;
    while (performance.now() < end) {
      try {
        await patch(metadata.name, { spec: { restartNonce: count + 1 } });
        count++;
      } catch (error) {
        failures.push(String(error));
      }
    }
    return [metadata.name, count];
  };
  const watcher = async (): Promise<void> => {
    while (performance.now() < end) {
      const secret = await client.get<KubeObject>(
        SECRETS,
        "sluice-system",
        "sluice-operator-webhook-certificates",
      );
      const data = secret?.["data"] as Record<string, string>;
      bundles.add(data["ca.crt"] ?? "");
      serving.add(data["tls.crt"] ?? "");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const [written] = await Promise.all([Promise.all(Array.from({ length: 4 }, writer)), watcher()]);
  expect(failures).toEqual([]);
  for (const [name, count] of written) {
    const found = await client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name);
    expect(found?.spec.restartNonce).toBe(count);
  }
  console.log(
    `${written.reduce((sum, [, count]) => sum + count, 0)} updates, ${serving.size} certificates, ${bundles.size} bundles`,
  );
  expect(serving.size).toBeGreaterThan(3);
  expect(bundles.size).toBeGreaterThan(3);
  await quick.stop();
  webhook = await startWebhook(api, folder);
});

const FIELD = /denied the request: (spec|metadata)(\.[\w-]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\])*: \S/;

test("of some hundred resources that are almost right, every refusal names a field", async () => {
  const outcomes = { taken: 0, refused: 0, unreadable: 0 };
  for (const kind of kinds) {
    const samples = fc.sample(anyManifest(kind), { numRuns: 100, seed: 20_260_301 });
    for (const sample of samples) {
      const object = { ...sample, metadata: { name: fresh("any"), namespace } } as KubeObject;
      const type = resourceTypeOf(object);
      if (type === undefined) throw new Error(`no type for ${object.kind}`);
      const error = await client.create(type, object).then(
        () => undefined,
        (reason: unknown) => String(reason),
      );
      if (error === undefined) outcomes.taken++;
      else if (error.includes("admission webhook")) {
        outcomes.refused++;
        expect(error).toMatch(FIELD);
        // The API server's own words: a value of a wrong type.
      } else {
        expect(error).toMatch(/is invalid|cannot be handled|unknown field|unable to/i);
        outcomes.unreadable++;
      }
    }
  }
  console.log(outcomes);
  expect(outcomes.refused).toBeGreaterThan(50);
  await untilAsked();
});
