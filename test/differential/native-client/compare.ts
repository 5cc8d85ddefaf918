/** Compares the objects of the two sides field by field. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { FlinkVersion } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { parseQuantity } from "../../../src/flink/memory-size.ts";
import {
  type AllowedDifference,
  allowedDifferences,
  type Difference,
  normalisations,
} from "./allowed-differences.ts";
import type { FlinkClient } from "./flink-client.ts";

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

const orderedBy: Readonly<Record<string, string>> = normalisations.unordered;

function isEmpty(value: Json): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function sorted(items: Json[], by: string): Json[] {
  const key = (item: Json): string => JSON.stringify((item as Record<string, Json>)[by]);
  return items.sort((a, b) => key(a).localeCompare(key(b)));
}

function quantities(value: Json): Json {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, quantity]) => {
      const text = typeof quantity === "string" || typeof quantity === "number" ? quantity : "";
      const number = parseQuantity(text);
      return [name, number === undefined ? quantity : Math.round(number * 1e6) / 1e6];
    }),
  );
}

/** The same meaning in one form: see `normalisations`. */
function normalised(value: Json, field = ""): Json {
  if (field === "requests" || field === "limits") return quantities(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => normalised(item));
    const by = orderedBy[field];
    return by === undefined ? items : sorted(items, by);
  }
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([name, child]) => [name, normalised(child, name)] as const);
  return Object.fromEntries(entries.filter(([name, child]) => name === "emptyDir" || !isEmpty(child)));
}

function differencesAt(path: string, client: Json | undefined, sluice: Json | undefined): Difference[] {
  const fields = (value: Json | undefined): Record<string, Json> | undefined =>
    value !== null && typeof value === "object" ? (value as Record<string, Json>) : undefined;
  const [ours, theirs] = [fields(sluice), fields(client)];
  if (ours === undefined || theirs === undefined) {
    return client === sluice ? [] : [{ path, client, sluice }];
  }
  return [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].flatMap((name) =>
    differencesAt(`${path}.${name}`, theirs[name], ours[name]),
  );
}

/** What the files in it mean to Flink, in place of their text. */
async function understood(object: KubeObject, flink: FlinkClient): Promise<object> {
  const { data, ...rest } = object as KubeObject & { data?: Record<string, string> };
  if (data === undefined) return object;
  const folder = await flink.folder(object.metadata.name);
  await Promise.all(Object.entries(data).map(([name, text]) => writeFile(join(folder, name), text)));
  const read = Object.entries(data).map(async ([name, text]) => {
    if (name === "config.yaml" || name === "flink-conf.yaml") {
      return { file: name, ...(await flink.configuration(folder)) };
    }
    if (name !== "taskmanager-pod-template.yaml") return { logs: { [name]: text } };
    return { template: await flink.podTemplate(join(folder, name)), plain: parse(text) as unknown };
  });
  return (await Promise.all(read)).reduce<object>((all, one) => mergeOnce(all, one), rest);
}

/** Log files come one by one into one field. */
function mergeOnce(all: { logs?: object }, one: { logs?: object }): object {
  return { ...all, ...one, ...(one.logs === undefined ? {} : { logs: { ...all.logs, ...one.logs } }) };
}

async function byName(objects: readonly KubeObject[], flink: FlinkClient): Promise<Record<string, Json>> {
  const entries = await Promise.all(
    objects.map(async (object) => {
      const { kind, metadata } = object;
      return [`${kind}/${metadata.name}`, normalised((await understood(object, flink)) as Json)] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** Every field in which they differ. `flink` reads the files inside ConfigMaps as a cluster's processes would. */
export async function compare(
  client: readonly KubeObject[],
  sluice: readonly KubeObject[],
  flink: FlinkClient,
): Promise<Difference[]> {
  const theirs = await byName(client, flink);
  const ours = await byName(sluice, flink);
  return [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].flatMap((name) =>
    differencesAt(name, theirs[name], ours[name]),
  );
}

export function allowedBy(
  difference: Difference,
  version: FlinkVersion,
  list: readonly AllowedDifference[] = allowedDifferences,
): AllowedDifference | undefined {
  return list.find(
    ({ path, versions, when }) =>
      path.test(difference.path) && (versions?.includes(version) ?? true) && (when?.(difference) ?? true),
  );
}

export function describeDifference({ path, client, sluice }: Difference): string {
  return `${path}: client ${JSON.stringify(client)}, sluice ${JSON.stringify(sluice)}`;
}
