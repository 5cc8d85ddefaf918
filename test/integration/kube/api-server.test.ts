/** The API server itself goes away and comes back, or stops answering, while a client works. */
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { Informer } from "../../../src/kube/informer.ts";
import { CONFIG_MAPS } from "../../../src/kube/resource-type.ts";
import { type ApiTestbed, startApi } from "../../../testbed/api.ts";
import { clientFor, configMap, sameAsServer, until } from "./support.ts";

const times = { idleMs: 1500, headersMs: 1500, backoffBaseMs: 100, backoffMaxMs: 500, healthyMs: 500 };

let api: ApiTestbed;
beforeAll(async () => {
  api = await startApi({ controllers: false });
});
afterAll(() => api.stop());

async function started(
  name: string,
): Promise<{ client: KubeClient; namespace: string; informer: Informer<KubeObject> }> {
  const client = clientFor(api);
  const namespace = await api.freshNamespace(name);
  const informer = new Informer<KubeObject>(client, CONFIG_MAPS, { namespace, times });
  onTestFinished(() => informer.stop());
  informer.start();
  await informer.synced;
  return { client, namespace, informer };
}

test.skipIf(process.env["SLUICE_USE_EXISTING_CLUSTER"] === "1")(
  "an API server that is killed and started again",
  async () => {
    const { client, namespace, informer } = await started("restart");
    await client.create(CONFIG_MAPS, configMap(namespace, "before"));
    await until("it is seen", () => informer.get(namespace, "before") !== undefined);
    await api.killApiServer();
    await until("the loss is noticed", () => informer.health.error !== undefined);
    await api.restartApiServer();
    await client.delete(CONFIG_MAPS, namespace, "before");
    await client.create(CONFIG_MAPS, configMap(namespace, "after"));
    await until("the informer follows again", () => sameAsServer(informer, client, namespace));
    expect(informer.list({ namespace }).map(({ metadata }) => metadata.name)).toEqual(["after"]);
    await until("the loss is over", () => informer.health.error === undefined);
  },
);

test.skipIf(process.env["SLUICE_USE_EXISTING_CLUSTER"] === "1")(
  "an API server that stops answering for a while",
  async () => {
    const { client, namespace, informer } = await started("stall");
    await client.create(CONFIG_MAPS, configMap(namespace, "before"));
    await api.stallApiServer();
    const reading = client.get(CONFIG_MAPS, namespace, "before", { deadlineMs: 20_000 });
    await until("the stall is noticed", () => informer.health.error?.code === "timeout");
    api.resumeApiServer();
    expect((await reading)?.metadata.name).toBe("before");
    await client.create(CONFIG_MAPS, configMap(namespace, "after"));
    await until("the informer follows again", () => sameAsServer(informer, client, namespace));
    expect(informer.size).toBe(2);
  },
);
