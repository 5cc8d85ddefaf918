import { describe, expect, it, test } from "vitest";
import { withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { diffSpecs } from "../reconcile/spec-diff.ts";
import { renderCluster } from "./cluster.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { MONITOR_LABEL, monitorSteps, renderMonitors } from "./monitors.ts";

const owner = { name: "counting", namespace: "jobs", uid: "u-1" };

function spec(options: Record<string, string>, own: Partial<FlinkDeploymentSpec> = {}): FlinkDeploymentSpec {
  return {
    flinkVersion: "v2_3",
    job: { jarURI: "local:///job.jar", parallelism: 1 },
    jobManager: { resource: { memory: "1g" } },
    taskManager: { resource: { memory: "1g" } },
    flinkConfiguration: options,
    ...own,
  };
}

function monitors(options: Record<string, string>, own: Partial<FlinkDeploymentSpec> = {}): KubeObject[] {
  return renderMonitors({ owner, spec: withSpecDefaults(spec(options, own)), defaults: {} });
}

interface Relabeling {
  readonly sourceLabels: string[];
  readonly regex?: string;
  readonly replacement?: string;
  readonly targetLabel?: string;
}

/** As Prometheus replaces: the expression has to match the whole value. */
function relabelled(
  relabelings: readonly Relabeling[],
  labels: Record<string, string>,
): Record<string, string> {
  const result = { ...labels };
  for (const { sourceLabels, regex = "(.*)", replacement = "$1", targetLabel } of relabelings) {
    const value = sourceLabels.map((label) => result[label] ?? "").join(";");
    const match = new RegExp(`^(?:${regex})$`).exec(value);
    if (targetLabel !== undefined && match !== null)
      result[targetLabel] = replacement.replaceAll(
        /\$(\d)/g,
        (_, group: string) => match[Number(group)] ?? "",
      );
  }
  return result;
}

describe("a PodMonitor", () => {
  const options = {
    "sluice.metrics.monitor": "pod",
    "sluice.metrics.monitor.labels": "{release: prometheus}",
  };
  const [monitor, ...rest] = monitors(options);

  it("is all there is, chosen by its labels, and goes with the resource", () => {
    expect(rest).toEqual([]);
    expect(monitor?.metadata).toMatchObject({
      name: "counting",
      namespace: "jobs",
      labels: { release: "prometheus", [MONITOR_LABEL]: "counting" },
      ownerReferences: [{ kind: "FlinkDeployment", uid: "u-1" }],
    });
    expect(monitor?.["spec"]).toMatchObject({
      selector: { matchLabels: { app: "counting", type: "flink-native-kubernetes" } },
      podMetricsEndpoints: [{ path: "/" }],
    });
  });

  it.each([
    ["10.0.0.7", "10.0.0.7:9249"],
    ["fd00::7", "[fd00::7]:9249"],
  ])("makes the address of the pod's, %s", (ip, address) => {
    const { podMetricsEndpoints } = (monitor as KubeObject)["spec"] as {
      podMetricsEndpoints: { relabelings: Relabeling[] }[];
    };
    const labels = {
      __address__: "10.0.0.7:8081",
      __meta_kubernetes_pod_ip: ip,
      __meta_kubernetes_pod_label_app: "counting",
      __meta_kubernetes_pod_label_component: "taskmanager",
    };
    expect(relabelled(podMetricsEndpoints[0]?.relabelings ?? [], labels)).toMatchObject({
      __address__: address,
      flink_deployment: "counting",
      component: "taskmanager",
    });
  });
});

test.each<["v1_20" | "v2_3", string]>([
  ["v1_20", "{release: prometheus, a: b}"],
  ["v1_20", "release:prometheus,a:b"],
  ["v2_3", "release:prometheus,a:b"],
])("labels are read alike whatever Flink's version: %s, %s", (flinkVersion, labels) => {
  const options = { "sluice.metrics.monitor": "pod", "sluice.metrics.monitor.labels": labels };
  const [monitor] = monitors(options, { flinkVersion });
  expect(monitor?.metadata.labels).toEqual({ release: "prometheus", a: "b", [MONITOR_LABEL]: "counting" });
});

test("a Service and a ServiceMonitor find each other, and nobody takes the Service for a part of the cluster", () => {
  const options = { "sluice.metrics.monitor": "service", "metrics.reporter.prom.port": "9300" };
  const [service, monitor] = monitors(options, { mode: "standalone" });
  expect(service).toMatchObject({
    metadata: { name: "counting-metrics", labels: { [MONITOR_LABEL]: "counting" } },
    spec: {
      clusterIP: "None",
      ports: [{ name: "metrics", port: 9300, targetPort: 9300 }],
      selector: { app: "counting", type: "flink-standalone-kubernetes" },
    },
  });
  expect(service?.metadata.labels).not.toHaveProperty("app");
  expect(monitor).toMatchObject({
    kind: "ServiceMonitor",
    spec: { selector: { matchLabels: service?.metadata.labels }, endpoints: [{ port: "metrics" }] },
  });
});

describe("what is to be done", () => {
  const [wanted] = monitors({
    "sluice.metrics.monitor": "pod",
    "sluice.metrics.monitor.labels": "{a: b, c: d}",
  });
  const steps = monitorSteps(wanted === undefined ? [] : [wanted], [], "counting");
  const made = steps[0]?.type === "create" ? steps[0].object : undefined;

  it("at first: to make it", () => {
    expect(steps).toEqual([{ type: "create", object: expect.objectContaining({ kind: "PodMonitor" }) }]);
  });

  it("when it is there: nothing, also with what others added", () => {
    const added = applyMergePatch(made, { metadata: { labels: { other: "x" } } }) as KubeObject;
    expect(monitorSteps([wanted as KubeObject], [added], "counting")).toEqual([]);
  });

  it("for another label: a patch, which takes the old one away", () => {
    const [other] = monitors({ "sluice.metrics.monitor": "pod", "sluice.metrics.monitor.labels": "{a: x}" });
    const added = applyMergePatch(made, { metadata: { labels: { other: "x" } } }) as KubeObject;
    const [step, ...rest] = monitorSteps([other as KubeObject], [added], "counting");
    expect(rest).toEqual([]);
    const after = step?.type === "patch" ? (applyMergePatch(added, step.patch) as KubeObject) : undefined;
    expect(after?.metadata.labels).toEqual({ a: "x", other: "x", [MONITOR_LABEL]: "counting" });
    expect(monitorSteps([other as KubeObject], [after as KubeObject], "counting")).toEqual([]);
  });

  it("when it belongs to one that was there before: a patch, or it would go with that one", () => {
    const metadata = {
      ...made?.metadata,
      ownerReferences: [{ ...made?.metadata.ownerReferences?.[0], uid: "old" }],
    };
    const [step] = monitorSteps([wanted as KubeObject], [{ ...made, metadata } as KubeObject], "counting");
    const after =
      step?.type === "patch" ? (applyMergePatch({ ...made, metadata }, step.patch) as KubeObject) : made;
    expect(step?.type).toBe("patch");
    expect(after?.metadata.ownerReferences).toEqual(made?.metadata.ownerReferences);
  });

  it("when it is not wanted any more: to delete it, and nobody else's", () => {
    const foreign = { ...made, metadata: { name: "counting", namespace: "jobs" } } as KubeObject;
    expect(monitorSteps([], [made as KubeObject, foreign], "counting")).toEqual([
      { type: "delete", found: made },
    ]);
    expect(monitorSteps([wanted as KubeObject], [foreign], "counting")).toEqual([
      { type: "leave", found: foreign },
    ]);
  });
});

describe("the reporter", () => {
  const inputs = (options: Record<string, string>, mode: "native" | "standalone") => ({
    owner,
    spec: spec(options, { mode }),
    generation: 1,
    restore: { kind: "none" as const },
    attemptId: "a",
    defaults: {},
  });
  const on = { "sluice.metrics.prometheus": "true" };

  it.each(["native", "standalone"] as const)(
    "has a port named metrics, and is in the configuration: %s",
    (mode) => {
      const { deployment, owned } = renderCluster(inputs(on, mode));
      const deployments = [deployment, ...owned.filter(({ kind }) => kind === "Deployment")];
      expect(deployments).toHaveLength(mode === "native" ? 1 : 2);
      for (const one of deployments)
        expect(JSON.stringify(one)).toContain('{"name":"metrics","containerPort":9249}');
      const files = JSON.stringify(owned.find(({ metadata }) => metadata.name === "flink-config-counting"));
      expect(files).toContain("PrometheusReporterFactory");
      expect(files).not.toContain("sluice.metrics");
    },
  );

  it("is off by default, and leaves the objects as Flink's own client makes them", () => {
    expect(JSON.stringify(renderCluster(inputs({}, "native")))).not.toContain("9249");
  });

  it("is an upgrade; the monitor is not", () => {
    const from = spec({});
    expect(diffSpecs(from, spec(on), "native").type).toBe("UPGRADE");
    expect(diffSpecs(from, spec({ "sluice.metrics.monitor": "pod" }), "native").type).toBe("IGNORE");
    expect(diffSpecs(from, spec({ "sluice.metrics.monitor.labels": "a:b" }), "native").type).toBe("IGNORE");
  });
});
