import { describe, expect, it } from "vitest";
import { customResourceDefinition } from "./crd.ts";
import { kinds } from "./kinds.ts";

/** Every schema keyword that occurs; names of fields are none. */
function keywords(schema: Record<string, unknown>, found = new Set<string>()): Set<string> {
  for (const [keyword, value] of Object.entries(schema)) {
    found.add(keyword);
    if (keyword === "properties") {
      for (const child of Object.values(value as Record<string, Record<string, unknown>>))
        keywords(child, found);
    } else if (keyword === "items" || keyword === "additionalProperties") {
      keywords(value as Record<string, unknown>, found);
    }
  }
  return found;
}

describe.each(kinds.map((kind) => [kind.kind, kind] as const))("the CRD of %s", (_, kind) => {
  const { spec } = customResourceDefinition(kind);
  const [version] = spec["versions"] as {
    schema: { openAPIV3Schema: Record<string, unknown> };
  }[];

  it("asks for nothing that upstream's does not: no required fields, defaults, formats, list keys or rules", () => {
    const allowed = [
      "type",
      "description",
      "properties",
      "items",
      "additionalProperties",
      "enum",
      "anyOf",
      "x-kubernetes-int-or-string",
      "x-kubernetes-preserve-unknown-fields",
    ];
    const used = [...keywords(version?.schema.openAPIV3Schema ?? {})];
    expect(used.filter((keyword) => !allowed.includes(keyword))).toEqual([]);
  });
});

it("leaves Kubernetes' types as they are and splices them in", () => {
  const [deployment] = kinds;
  const text = JSON.stringify(deployment && customResourceDefinition(deployment));
  expect(text).not.toContain("x-sluice");
  expect(text).toContain('"topologySpreadConstraints"');
});
