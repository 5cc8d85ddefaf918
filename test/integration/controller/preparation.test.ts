/** What pods need before Flink, before a real API server: every object is accepted as it is. */
import { expect, test } from "vitest";
import type { FlinkDeploymentSpec } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { DEPLOYMENTS } from "../../../src/kube/resource-type.ts";
import { renderCluster } from "../../../src/resources/cluster.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor } from "../kube/support.ts";

function initContainers(deployment: KubeObject): { readonly name: string }[] {
  const { template } = deployment["spec"] as { template: { spec: { initContainers: { name: string }[] } } };
  return template.spec.initContainers;
}

test.each(["native", "standalone"] as const)(
  "Secrets and a remote jar, %s: nothing is dropped, nothing refused",
  async (mode) => {
    const api = apiTestbed();
    const client = clientFor(api);
    const namespace = await api.freshNamespace("preparation");
    const spec: FlinkDeploymentSpec = {
      mode,
      flinkVersion: "v2_3",
      serviceAccount: "default",
      flinkConfiguration: {
        "sluice.secret.s3.secret-key": "s3/secret",
        "sluice.jar.fetcher.image": "sluice:1",
        "sluice.jar.secret": "login",
      },
      // The API server writes 1024Mi as 1Gi.
      jobManager: { resource: { memory: "1025m" } },
      taskManager: { resource: { memory: "1025m" } },
      job: { jarURI: "https://example.com/job.jar", parallelism: 1 },
    };
    // Without an owner that is not there, which the garbage collector would miss.
    const { deployment, owned } = renderCluster({
      owner: { name: "job", namespace, uid: "" },
      spec,
      generation: 1,
      restore: { kind: "none" },
      attemptId: "attempt",
      defaults: {},
    });
    for (const object of [deployment, ...owned.filter(({ kind }) => kind === "Deployment")]) {
      const created = await client.create<KubeObject>(DEPLOYMENTS, object);
      expect(initContainers(created)).toMatchObject(initContainers(object));
      expect(initContainers(created).map(({ name }) => name)).toEqual([
        "sluice-configuration",
        "sluice-fetch-jar",
      ]);
    }
  },
);
