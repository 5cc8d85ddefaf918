/** `--set` and `--set-string` are read as the real Helm reads them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { overlay } from "../../../src/installation/read-values.ts";
import { SetError, setValues } from "../../../src/installation/set-values.ts";
import { type HelmRun, helm } from "./helm.ts";

/** A chart that prints its values. */
let chart: string;
let run: HelmRun;
let removeHelm: () => void;
beforeAll(async () => {
  ({ run, remove: removeHelm } = await helm());
  chart = mkdtempSync(join(tmpdir(), "sluice-set-"));
  mkdirSync(join(chart, "templates"));
  writeFileSync(join(chart, "Chart.yaml"), "apiVersion: v2\nname: x\nversion: 0.1.0\n");
  writeFileSync(join(chart, "templates/values.yaml"), "values: {{ toJson .Values }}\n");
});
afterAll(() => {
  removeHelm();
  rmSync(chart, { recursive: true });
});

/** Undefined: refused. */
async function helmReads(flag: string, text: string): Promise<unknown> {
  const { code, stdout } = await run(["template", "x", chart, flag, text]);
  return code === 0 ? (parse(stdout) as { values: object }).values : undefined;
}

function sluiceReads(text: string, asText: boolean): unknown {
  try {
    return setValues({}, text, asText);
  } catch (error) {
    if (error instanceof SetError) return undefined;
    throw error;
  }
}

const texts = [
  "a=b",
  "a=1",
  "a=01",
  "a=-3",
  "a=1.5",
  "a=true,b=false",
  "a=yes",
  "a=",
  "a.b.c=d",
  "a.b=1,a.c=2",
  "a={b,c}",
  "a={1,true,x}",
  "a={}",
  "a={b},c=d",
  "a[0]=x",
  "a[1]=x",
  "a[0].b=x,a[0].c=y",
  "a[0][1]=x",
  "nodeSelector.kubernetes\\.io/os=linux",
  "a=b\\,c",
  "a=b=c",
  "a=b c",
  "a.b={x,y},a.c=z",
  "a=b,a=c",
];

test.each(texts)("--set %s", async (text) => {
  expect(sluiceReads(text, false)).toEqual(await helmReads("--set", text));
});

test.each(texts)("--set-string %s", async (text) => {
  expect(sluiceReads(text, true)).toEqual(await helmReads("--set-string", text));
});

test.each(["a", "a[b]=c", "a={b", "a[-1]=x"])("refused by both: --set %s", async (text) => {
  expect(sluiceReads(text, false)).toBeUndefined();
  expect(await helmReads("--set", text)).toBeUndefined();
});

test("whatever is set, in whatever order", { timeout: 300_000 }, async () => {
  const key = fc.constantFrom("a", "b", "c.d", "e[0]", "e[1]", "f[0].g", "h\\.i");
  const value = fc.constantFrom("", "x", "1", "-1", "0", "true", "{p,q}", "{}", "x y", "1e3");
  const pair = fc
    .tuple(key, value)
    // Helm loses an empty text that is set below a place of a list; here it is what it says.
    .filter(([name, text]) => text !== "" || !name.includes("]."))
    .map(([name, text]) => `${name}=${text}`);
  await fc.assert(
    fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 4 }), async (pairs) => {
      const text = pairs.join(",");
      expect(sluiceReads(text, false)).toEqual(await helmReads("--set", text));
    }),
    { numRuns: 40 },
  );
});

test("files lie over one another as in Helm, and null takes away", async () => {
  const layers = [{ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null }, d: [2], e: { f: 1 } }, { a: { g: 3 } }];
  const files = layers.map((layer, index) => {
    const file = join(chart, `layer-${index}.json`);
    writeFileSync(file, JSON.stringify(layer));
    return ["--values", file];
  });
  const { stdout } = await run(["template", "x", chart, ...files.flat()]);
  const { values } = parse(stdout) as { values: object };
  expect(layers.reduce<Record<string, unknown>>(overlay, {})).toEqual({
    ...values,
    a: { b: null, c: 2, g: 3 },
  });
});
