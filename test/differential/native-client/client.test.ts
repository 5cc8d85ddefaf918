/**
 * Sluice's rendering against Flink's own client: for each cluster of the table and each Flink version, the same
 * configuration goes through both, and the objects are compared field by field. Both sides' objects also go to a real
 * API server, which has to accept them.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { withSpecDefaults } from "../../../src/api/defaults.ts";
import type { FlinkVersion } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { manifests } from "../../../src/cli/output/manifests.ts";
import { assembledConfiguration } from "../../../src/resources/configuration.ts";
import { InvalidClusterError } from "../../../src/resources/invalid-cluster.ts";
import { logFiles } from "../../../src/resources/log-files.ts";
import {
  type ClusterInputs,
  deployConfiguration,
  ownedBy,
  renderNativeCluster,
} from "../../../src/resources/native-cluster.ts";
import { ownedObjectNames } from "../../../src/resources/names.ts";
import { jobManagerTemplate, taskManagerTemplate } from "../../../src/resources/pod-template.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { type AllowedDifference, allowedDifferences } from "./allowed-differences.ts";
import { clusters } from "./clusters.ts";
import { allowedBy, compare, describeDifference } from "./compare.ts";
import { type DeployRequest, FlinkClient, flinkHome } from "./flink-client.ts";
import { refused } from "./refused-clusters.ts";
import type { Cluster } from "./specs.ts";
import { storedObjects, submit } from "./submission.ts";

const versions: [string, FlinkVersion][] = [
  ["1.20", "v1_20"],
  ["2.2", "v2_2"],
  ["2.3", "v2_3"],
];

/** The clusters of the table that also go the whole way, one for each version: a JVM each. */
const submitted: Readonly<Record<string, string>> = {
  "1.20": "a template for each process, over the common one",
  "2.2": "a session with HA, templates and slots",
  "2.3": "requests and limits",
};

function inputsFor(cluster: Cluster, version: FlinkVersion, namespace = "jobs"): ClusterInputs {
  return {
    owner: { name: cluster.id ?? "my-job", namespace, uid: "5c5e9a86-3b1f-4a6f-8d0a-0d6b1d1b7a11" },
    spec: { ...cluster.spec, flinkVersion: version },
    generation: 4,
    jobId: "0123456789abcdef0123456789abcdef",
    restore: cluster.restore ?? { kind: "none" },
    attemptId: "9f2f6d2e-attempt",
    defaults: { "state.backend.type": "rocksdb" },
  };
}

/** What the Apache operator hands to the client: the same configuration, with templates and log files on disk. */
async function requestFor(
  cluster: Cluster,
  inputs: ClusterInputs,
  version: FlinkVersion,
  flink: FlinkClient,
): Promise<DeployRequest> {
  const confDir = await flink.folder(cluster.name);
  const file = cluster.clientFile ?? (version === "v1_20" ? "flink-conf.yaml" : "config.yaml");
  await writeFile(join(confDir, file), "");
  const spec = withSpecDefaults(inputs.spec);
  for (const [name, text] of Object.entries(logFiles(spec))) await writeFile(join(confDir, name), text);
  const options = deployConfiguration(inputs);
  const assembled = assembledConfiguration(inputs);
  const templates = {
    jobmanager: jobManagerTemplate(spec, assembled),
    taskmanager: taskManagerTemplate(spec, assembled),
  };
  for (const [side, template] of Object.entries(templates)) {
    if (template === undefined) continue;
    const path = join(confDir, `${side}.yaml`);
    await writeFile(path, JSON.stringify(template));
    options[`kubernetes.pod-template-file.${side}`] = path;
  }
  return { confDir, options, args: spec.job?.args ?? [], main: spec.job?.entryClass };
}

const used = new Set<AllowedDifference>();
let compared = 0;

describe.each(versions)("the objects of Flink %s", (name, version) => {
  let flink: FlinkClient;
  let home: string;
  const applies = (cluster: Cluster): boolean => cluster.versions?.includes(version) ?? true;

  beforeAll(async () => {
    home = await flinkHome(name);
    flink = await FlinkClient.start(home);
  }, 1_500_000);
  afterAll(() => flink.stop());

  async function unexpectedDifferences(theirs: KubeObject[], ours: KubeObject[]): Promise<string[]> {
    compared++;
    const unexpected = (await compare(theirs, ours, flink)).filter((difference) => {
      const allowed = allowedBy(difference, version);
      if (allowed !== undefined) used.add(allowed);
      return allowed === undefined;
    });
    return unexpected.map(describeDifference);
  }

  it.each(clusters.filter(applies))("are the client's: $name", async (cluster) => {
    const inputs = inputsFor(cluster, version);
    const { objects, error } = await flink.deploy(await requestFor(cluster, inputs, version, flink));
    expect(error).toBeUndefined();
    const { deployment, owned } = renderNativeCluster(inputs);
    expect(await unexpectedDifferences(objects ?? [], [deployment, ...owned])).toEqual([]);
    const names = ownedObjectNames(inputs.owner.name, withSpecDefaults(inputs.spec), inputs.defaults);
    expect(names.map((one) => `${one.kind}/${one.name}`)).toEqual(
      owned.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    );
  });

  it.each(refused.filter(applies))("are refused by both: $name", async (cluster) => {
    const inputs = inputsFor(cluster, version);
    const request = await requestFor(cluster, inputs, version, flink).catch((error: unknown) => {
      expect(error).toBeInstanceOf(InvalidClusterError);
    });
    if (request !== undefined) expect((await flink.deploy(request)).error).toBeDefined();
    expect(() => renderNativeCluster(inputs)).toThrow(InvalidClusterError);
  });

  it("are what Flink's command line leaves on a real API server", { timeout: 400_000 }, async () => {
    const api = apiTestbed();
    const namespace = await api.freshNamespace("submitted");
    const cluster = clusters.find((one) => one.name === submitted[name]);
    if (cluster === undefined) throw new Error(`no cluster of the name ${submitted[name]}`);
    const inputs = inputsFor(cluster, version, namespace);
    // The garbage collector would remove what a FlinkDeployment owns that does not exist.
    const orphan = { ...inputs, owner: { ...inputs.owner, uid: "" } };
    await submit(home, name, await requestFor(cluster, orphan, version, flink), api);
    const theirs = await storedObjects(api, namespace);

    await api.kubectl(["delete", "deployment", inputs.owner.name, "-n", namespace, "--cascade=foreground"]);
    const { deployment, owned } = renderNativeCluster(orphan);
    const created = await api.kubectl(["create", "-f", "-", "-o", "json"], manifests([deployment]));
    const objects = owned.map((object) => ownedBy(object, JSON.parse(created) as KubeObject));
    await api.kubectl(["create", "-f", "-"], manifests(objects));
    expect(await unexpectedDifferences(theirs, await storedObjects(api, namespace))).toEqual([]);
  });

  it("are accepted by a real API server, every one", async () => {
    const { kubectl, freshNamespace } = apiTestbed();
    const namespace = await freshNamespace("rendered");
    const objects = clusters.filter(applies).flatMap((cluster) => {
      const { deployment, owned } = renderNativeCluster(inputsFor(cluster, version, namespace));
      const created = { ...deployment, metadata: { ...deployment.metadata, uid: "0d3c1d1e-uid" } };
      return [deployment, ...owned.map((object) => ownedBy(object, created))];
    });
    const answer = await kubectl(
      ["create", "--dry-run=server", "--validate=strict", "-o", "yaml", "-f", "-"],
      manifests(objects),
    );
    const items = parseAllDocuments(answer, { version: "1.1" }).map(
      (document) => document.toJS() as KubeObject,
    );
    expect(items).toHaveLength(objects.length);
    for (const [index, object] of objects.entries()) {
      // What went through YAML came out as it was.
      if (object.kind === "ConfigMap") expect(items[index]?.["data"]).toEqual(object["data"]);
    }
  });
});

describe("the list of allowed differences", () => {
  it("has no entry that nothing shows any more", ({ skip }) => {
    // A run of some rows only says nothing about the others.
    skip(compared < clusters.length, "not all rows ran");
    expect(allowedDifferences.filter((allowed) => !used.has(allowed)).map(({ reason }) => reason)).toEqual(
      [],
    );
  });
});
