import { describe, expect, it } from "vitest";
import { withSpecDefaults } from "../api/defaults.ts";
import type { PodTemplate } from "../api/flink-deployment.ts";
import {
  type ArrayMerge,
  jobManagerTemplate,
  mergePodTemplates,
  taskManagerTemplate,
} from "./pod-template.ts";

const base: PodTemplate = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { labels: { a: "1", b: "1" } },
  spec: {
    containers: [
      { name: "one", image: "one:1", args: ["x", "y"] },
      { name: "two", image: "two:1" },
    ],
  },
  status: { phase: "Running" },
};

function ports(...items: object[]): PodTemplate {
  return { spec: { containers: [{ name: "one", ports: items }] } } as PodTemplate;
}

describe("merging pod templates", () => {
  it.each<[name: string, overlay: PodTemplate, arrays: ArrayMerge, containers: object[]]>([
    [
      "element by element",
      { spec: { containers: [{ name: "two", command: ["sh"] }] } },
      "by-index",
      [
        { name: "two", image: "one:1", args: ["x", "y"], command: ["sh"] },
        { name: "two", image: "two:1" },
      ],
    ],
    [
      "more elements are appended",
      { spec: { containers: [{ name: "one" }, { name: "two" }, { name: "three" }] } },
      "by-index",
      [{ name: "one", image: "one:1", args: ["x", "y"] }, { name: "two", image: "two:1" }, { name: "three" }],
    ],
    [
      "by name, new ones last",
      { spec: { containers: [{ name: "three" }, { name: "two", image: "two:2" }] } },
      "by-name",
      [{ name: "one", image: "one:1", args: ["x", "y"] }, { name: "two", image: "two:2" }, { name: "three" }],
    ],
    [
      "texts in a list are replaced",
      { spec: { containers: [{ name: "one", args: ["z"] }] } },
      "by-name",
      [
        { name: "one", image: "one:1", args: ["z", "y"] },
        { name: "two", image: "two:1" },
      ],
    ],
  ])("arrays: %s", (_, overlay, arrays, containers) => {
    expect(mergePodTemplates(base, overlay, arrays)?.spec?.containers).toEqual(containers);
  });

  it("by name falls back to by index where an element has none", () => {
    const merged = mergePodTemplates(ports({ containerPort: 1 }), ports({ name: "x" }), "by-name");
    expect(merged?.spec?.containers?.[0]?.ports).toEqual([{ containerPort: 1, name: "x" }]);
  });

  it("merges objects field by field, and a null erases nothing", () => {
    const overlay = { metadata: { labels: { b: "2", c: "2" } }, spec: { containers: null } } as never;
    expect(mergePodTemplates(base, overlay, "by-index")).toEqual({
      metadata: { labels: { a: "1", b: "2", c: "2" } },
      spec: base.spec,
    });
  });

  it("keeps metadata and spec only, changes neither side, and nothing comes of nothing", () => {
    const before = structuredClone(base);
    expect(mergePodTemplates(base, undefined, "by-index")).toEqual({
      metadata: base.metadata,
      spec: base.spec,
    });
    expect(mergePodTemplates(undefined, base, "by-index")).toEqual({
      metadata: base.metadata,
      spec: base.spec,
    });
    mergePodTemplates(base, { spec: { containers: [{ name: "changed" }] } }, "by-index");
    expect(base).toEqual(before);
    expect(mergePodTemplates(undefined, undefined, "by-index")).toBeUndefined();
  });
});

describe("the JobManager's template", () => {
  const probe = {
    httpGet: { path: "/config", port: "rest" },
    periodSeconds: 1,
    failureThreshold: 2_147_483_647,
  };

  it("has a startup probe, in a main container of its own when there is none", () => {
    const template = jobManagerTemplate(withSpecDefaults({ podTemplate: base }), {});
    expect(template?.spec?.containers?.at(-1)).toEqual({ name: "flink-main-container", startupProbe: probe });
    expect(template?.spec?.containers).toHaveLength(3);
  });

  it("keeps the user's probe", () => {
    const own = { name: "flink-main-container", startupProbe: { exec: { command: ["true"] } } };
    const template = jobManagerTemplate(
      withSpecDefaults({ podTemplate: { spec: { containers: [own] } } }),
      {},
    );
    expect(template?.spec?.containers).toEqual([own]);
  });

  it("is none when nobody gives one and the probe is switched off", () => {
    const off = { "kubernetes.operator.jm-deployment.startup.probe.enabled": "false" };
    expect(jobManagerTemplate(withSpecDefaults({}), off)).toBeUndefined();
  });
});

describe("the TaskManagers' template", () => {
  it("is none when the job file gives none", () => {
    expect(taskManagerTemplate({ taskManager: { resource: { memory: "1g" } } }, {})).toBeUndefined();
  });

  it("carries what is neither CPU nor memory, over what the template says", () => {
    const podTemplate: PodTemplate = {
      spec: {
        containers: [
          {
            name: "flink-main-container",
            resources: { requests: { "ephemeral-storage": "1Gi", x: "1" }, limits: { y: "1" } },
          },
        ],
      },
    };
    const requests = { cpu: 1, memory: "1Gi", "ephemeral-storage": "5Gi" };
    const resources = { requests, limits: { "nvidia.com/gpu": 1 } };
    const template = taskManagerTemplate({ podTemplate, taskManager: { resources } }, {});
    expect(template?.spec?.containers?.[0]?.resources).toEqual({
      requests: { "ephemeral-storage": "5Gi", x: "1" },
      limits: { y: "1", "nvidia.com/gpu": 1 },
    });
  });

  it("carries the older form's ephemeral storage as request and limit", () => {
    const template = taskManagerTemplate({ taskManager: { resource: { ephemeralStorage: "2Gi" } } }, {});
    const quantities = { "ephemeral-storage": "2Gi" };
    expect(template?.spec?.containers).toEqual([
      { name: "flink-main-container", resources: { requests: quantities, limits: quantities } },
    ]);
  });
});
