/** A jar is brought to the JobManager that leads, of several, and run there. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { named, pod } from "../../testbed/gen/kube-objects.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { KubeClient } from "../kube/client.ts";
import { flinkClients } from "./flink-clients.ts";
import { jarHost } from "./jar-host.ts";

const jobManager = (name: string, podIP: string): KubeObject =>
  pod("jobmanager", named(name), (object) => void (object["status"] = { podIP }));

/** As Flink writes it. */
const led = (by: string): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "job-cluster-config-map" },
  data: {
    "org.apache.flink.k8s.leader.dispatcher": `1dba,pekko.tcp://flink@${by}:6123/user/rpc/dispatcher_1`,
    "org.apache.flink.k8s.leader.restserver": `1dba,http://${by}:8081`,
  },
});

describe("of several JobManagers", () => {
  const a = jobManager("a", "10.0.0.1");
  const b = jobManager("b", "10.0.0.2");
  const c = jobManager("c", "fd00::3");
  it.each<[string, KubeObject[], KubeObject | undefined, string | undefined]>([
    ["the one that leads is chosen", [a, b, c], led("10.0.0.2"), "b"],
    ["also by an IPv6 address", [a, b, c], led("[fd00::3]"), "c"],
    ["none is chosen while none leads", [a, b, c], { ...led(""), data: {} }, undefined],
    ["none is chosen while the leader's pod is gone", [a, b], led("10.0.0.9"), undefined],
    ["none is chosen before Flink has written who leads", [a, b], undefined, undefined],
    ["none is chosen where there is only one", [a], led("10.0.0.1"), undefined],
  ])("%s", (_, pods, map, expected) => {
    expect(jarHost(pods, map)?.name).toBe(expected);
  });
});

describe("the one that is chosen is asked", () => {
  it("at its own address, IPv6 as well", async () => {
    const asked: string[] = [];
    const server = createServer(({ url = "" }, response) => {
      asked.push(url);
      response.end(`{"address":"x","files":[]}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "::", resolve));
    const { port } = server.address() as AddressInfo;
    const clients = flinkClients({} as KubeClient, "direct");
    for (const ip of ["127.0.0.1", "::1"]) {
      const client = clients.jarClientFor("default", "session", port, { name: "jm-1", ip });
      expect(await client.listJars()).toEqual({ ok: true, value: [] });
    }
    expect(asked).toEqual(["/jars", "/jars"]);
    await clients.close();
    server.close();
  });

  it("through the API server, where there is no other way", async () => {
    const paths: string[] = [];
    const raw = async ({ path }: { readonly path: string }) => {
      paths.push(path);
      return { status: 200, text: `{"address":"x","files":[]}` };
    };
    const clients = flinkClients({ raw } as unknown as KubeClient, "proxy");
    await clients.jarClientFor("default", "session", 8081, { name: "jm-1", ip: "10.0.0.1" }).listJars();
    await clients.jarClientFor("default", "session", 8081).listJars();
    expect(paths).toEqual([
      "/api/v1/namespaces/default/pods/jm-1:8081/proxy/jars",
      "/api/v1/namespaces/default/services/session-rest:8081/proxy/jars",
    ]);
    await clients.close();
  });
});
