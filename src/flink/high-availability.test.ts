import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/kube-object.ts";
import {
  hasHaCheckpoint,
  hasHaMetadata,
  isHaActive,
  isHaConfigMap,
  isKubernetesHaActive,
  jobGraphKeys,
} from "./high-availability.ts";

const FACTORY = "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory";

function map(
  name: string,
  data: Record<string, string> = {},
  metadata: { labels?: Record<string, string>; deletionTimestamp?: string } = {},
): KubeObject {
  const labels = { app: "job", type: "flink-native-kubernetes", ...metadata.labels };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata, labels }, data };
}

describe("high availability", () => {
  it.each<[config: Record<string, string>, kubernetes: boolean, any: boolean]>([
    [{}, false, false],
    [{ "high-availability.type": "NONE" }, false, false],
    [{ "high-availability.type": "standalone" }, false, false],
    [{ "high-availability.type": "kubernetes" }, true, true],
    [{ "high-availability": "KUBERNETES" }, true, true],
    [{ "high-availability.type": FACTORY }, true, true],
    [{ "high-availability": "kubernetes", "high-availability.type": "none" }, false, false],
    [{ "high-availability.type": "zookeeper" }, false, true],
    [{ "high-availability.type": "org.example.Factory" }, false, true],
  ])("%j: on Kubernetes %s, at all %s", (config, kubernetes, any) => {
    expect(isKubernetesHaActive(config)).toBe(kubernetes);
    expect(isHaActive(config)).toBe(any);
  });
});

describe("HA ConfigMaps", () => {
  it.each<[name: string, object: KubeObject, ha: boolean, metadata: boolean]>([
    ["a job's", map("job-0000-config-map"), true, true],
    ["the cluster's", map("job-cluster-config-map"), true, false],
    ["of the older layout", map("job-0000-jobmanager-leader"), true, true],
    ["the client's", map("flink-config-job"), false, false],
    [
      "the autoscaler's",
      map("autoscaler-job-config-map", {}, { labels: { component: "autoscaler" } }),
      false,
      false,
    ],
    [
      "one on its way out",
      map("job-0000-config-map", {}, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
      true,
      false,
    ],
  ])("%s", (_, object, ha, metadata) => {
    expect(isHaConfigMap(object)).toBe(ha);
    expect(hasHaMetadata([object])).toBe(metadata);
  });

  it("tell of checkpoints and job graphs by their keys", () => {
    const kept = map("job-0000-config-map", { "checkpointID-7": "x", counter: "8" });
    expect(hasHaCheckpoint([kept])).toBe(true);
    expect(hasHaCheckpoint([map("job-cluster-config-map", { "checkpointID-7": "x" })])).toBe(false);
    const graphs = map("job-cluster-config-map", { "jobGraph-0": "x", "executionPlan-1": "y", other: "z" });
    expect(jobGraphKeys(graphs)).toEqual(["jobGraph-0", "executionPlan-1"]);
  });
});
