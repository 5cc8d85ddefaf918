import { describe, expect, it } from "vitest";
import type { FlinkVersion } from "../api/flink-deployment.ts";
import { defaultsFor } from "./operator-defaults.ts";

const NAMESPACE = "kubernetes.operator.default-configuration.namespace";
const VERSION = "kubernetes.operator.default-configuration.flink-version";

const LAYERS = {
  common: "common",
  key: "common",
  [`${NAMESPACE}.team.key`]: "namespace",
  [`${NAMESPACE}.team.own.key`]: "namespace",
  [`${NAMESPACE}.team-two.key`]: "other namespace",
  [`${VERSION}.v1_20+.key`]: "from 1.20",
  [`${VERSION}.v1_20+.older`]: "from 1.20",
  [`${VERSION}.v2_0+.key`]: "from 2.0",
  [`${VERSION}.v2_10+.key`]: "from 2.10",
  [`${VERSION}.v2_3.key`]: "2.3",
};

describe("the layers of the operator's defaults", () => {
  it.each<[string, FlinkVersion | undefined, string]>([
    ["other", undefined, "common"],
    ["team", undefined, "namespace"],
    ["team-two", undefined, "other namespace"],
    ["other", "v1_19", "common"],
    ["team", "v1_19", "namespace"],
    ["team", "v1_20", "from 1.20"],
    ["other", "v2_0", "from 2.0"],
    ["team", "v2_2", "from 2.0"],
    ["team", "v2_3", "2.3"],
    ["team", "v2_4", "from 2.0"],
  ])("in namespace %s with Flink %s: %s", (namespace, version, expected) => {
    expect(defaultsFor(LAYERS, namespace, version)["key"]).toBe(expected);
  });

  it("add up, and are no options themselves", () => {
    expect(defaultsFor(LAYERS, "team", "v2_3")).toEqual({
      common: "common",
      key: "2.3",
      "own.key": "namespace",
      older: "from 1.20",
    });
  });
});
