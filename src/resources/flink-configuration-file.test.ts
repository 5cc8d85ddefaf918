import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { flattenConfiguration } from "../flink/configuration.ts";
import { configurationFile, configurationFileName } from "./flink-configuration-file.ts";

describe("the configuration file", () => {
  it("is nested YAML since 2.0 and lines before", () => {
    expect(configurationFileName("v1_20")).toBe("flink-conf.yaml");
    expect(configurationFileName("v2_0")).toBe("config.yaml");
    const config = { "a.b": "1", "a.c": "x: y" };
    expect(configurationFile(config, "v1_20")).toBe("a.b: 1\na.c: x: y\n");
    expect(configurationFile(config, "v2_0")).toBe('a:\n  b: "1"\n  c: "x: y"\n');
  });

  it("puts a value of several lines into one, where lines are all there is", () => {
    expect(configurationFile({ "env.java.opts.all": "-Da\n  -Db\n" }, "v1_20")).toBe(
      "env.java.opts.all: -Da -Db\n",
    );
  });

  it.each<[config: Record<string, string>, says: string]>([
    [
      { "high-availability": "kubernetes", "high-availability.storageDir": "x" },
      "Use high-availability.type instead",
    ],
    [
      { "high-availability.storageDir": "x", "high-availability": "kubernetes" },
      "Use high-availability.type instead",
    ],
    [{ "a.b": "1", "a.b.c.d": "2" }, "a.b and a.b.c.d cannot both be"],
  ])("%j is refused by name since 2.0", (config, says) => {
    expect(() => configurationFile(config, "v2_3")).toThrow(says);
    expect(configurationFile(config, "v1_20").split("\n")).toHaveLength(3);
  });

  it("keeps every value as the text that it is", () => {
    const key = fc.array(fc.stringMatching(/^[a-z][a-z0-9-]*$/), { minLength: 1, maxLength: 4 });
    const configs = fc
      .array(fc.tuple(key, fc.string({ unit: "binary" })))
      .map((pairs) =>
        Object.fromEntries(pairs.map(([parts, value]) => [[...parts, "leaf!"].join("."), value])),
      );
    fc.assert(
      fc.property(configs, (config) => {
        expect(flattenConfiguration(parse(configurationFile(config, "v2_3")))).toEqual(config);
      }),
    );
  });
});
