/**
 * Makes an installation as its values say: record, apply, wait, prune. Each step may be repeated, so that a command that
 * was killed anywhere is run again.
 */
import type { KubeObject } from "../../api/kube-object.ts";
import { installationObjects } from "../../installation/objects.ts";
import { ignoredValues } from "../../installation/read-values.ts";
import type { Release } from "../../installation/release.ts";
import { isKubeError } from "../../kube/client.ts";
import { NAMESPACES, type ResourceType } from "../../kube/resource-type.ts";
import { announceChange, type DryRun, FIELD_MANAGER } from "../change.ts";
import type { Cluster } from "../cluster.ts";
import { type Streams, UserError } from "../command.ts";
import { fullName } from "../reference.ts";
import { type Entry, entryOf, keyOf, type Recorded, writeInventory } from "./inventory.ts";
import { type Foreign, foreignOwner, refuse } from "./ownership.ts";
import { checkKinds, knownType, type TypeOf, typesOf } from "./types.ts";
import { completeValues } from "./values.ts";
import { waitUntilInstalled } from "./wait.ts";

export interface Order {
  readonly release: Release;
  /** As the user wrote them. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly before: Recorded | undefined;
  readonly dryRun: DryRun;
  readonly takeOwnership: boolean;
  /** Milliseconds; undefined: nothing is waited for. */
  readonly timeoutMs: number | undefined;
}

/** A CRD is half a megabyte. */
const SLOW = { deadlineMs: 60_000 };
const KEEP = "helm.sh/resource-policy";

/** @throws UserError for two objects of one name */
export function objectsOf(values: Readonly<Record<string, unknown>>, release: Release): KubeObject[] {
  const objects = installationObjects(completeValues(values), release);
  const seen = new Set<string>();
  for (const object of objects) {
    const key = keyOf(entryOf(object));
    if (seen.has(key))
      throw new UserError(
        `two objects would be ${object.kind} ${object.metadata.name}`,
        "Give one another name.",
      );
    seen.add(key);
  }
  return objects;
}

async function ensureNamespace(
  { client, namespace }: Cluster,
  dryRun: DryRun,
  streams: Streams,
): Promise<void> {
  try {
    if ((await client.get(NAMESPACES, undefined, namespace)) !== undefined) return;
  } catch (error) {
    // Whoever may not look at namespaces has one.
    if (isKubeError(error, "forbidden")) return;
    throw error;
  }
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  if (dryRun !== "client")
    await client.create(NAMESPACES, object, { fieldManager: FIELD_MANAGER, dryRun: dryRun === "server" });
  streams.stdout.write(announceChange(NAMESPACES, namespace, "created", dryRun));
  if (dryRun === "server")
    throw new UserError(
      `namespace ${namespace} is not there, and the API server checks nothing for a namespace that is not`,
      "Make it first, or use --dry-run=client.",
    );
}

interface Wanted {
  readonly object: KubeObject;
  readonly type: ResourceType;
  readonly live: KubeObject | undefined;
}

/** In the installation's namespace where it names none and needs one, as Helm does. */
async function placed(object: KubeObject, typeOf: TypeOf, namespace: string): Promise<KubeObject> {
  if (object.metadata.namespace !== undefined) return object;
  const type = await knownType(typeOf, object);
  return type?.namespaced === true ? { ...object, metadata: { ...object.metadata, namespace } } : object;
}

/** @throws UserError for objects that others have made */
async function lookedUp(
  { client }: Cluster,
  objects: readonly KubeObject[],
  typeOf: TypeOf,
  { release, before, takeOwnership }: Order,
): Promise<Map<KubeObject, Wanted | undefined>> {
  const ours = new Set((before?.inventory.objects ?? []).map(keyOf));
  const foreign: Foreign[] = [];
  const found = new Map<KubeObject, Wanted | undefined>();
  for (const object of objects) {
    const { name, namespace } = object.metadata;
    const type = await knownType(typeOf, object);
    const live = type && (await client.get(type, namespace, name));
    // Without a type, of a kind that comes with this installation.
    found.set(object, type && { object, type, live });
    if (type === undefined || live === undefined || ours.has(keyOf(entryOf(object)))) continue;
    const owner = foreignOwner(live, release.name);
    if (owner !== undefined) foreign.push({ what: fullName(type, name), owner });
  }
  if (foreign.length > 0 && !takeOwnership) refuse(foreign);
  return found;
}

async function applyOne(
  { client }: Cluster,
  { object, type, live }: Wanted,
  dryRun: DryRun,
): Promise<"created" | "configured" | "unchanged"> {
  if (dryRun === "client") return live === undefined ? "created" : "configured";
  const params = { fieldManager: FIELD_MANAGER, force: true, dryRun: dryRun === "server" };
  const after = await client.apply(type, object, params, SLOW);
  if (live === undefined) return "created";
  return after.metadata.resourceVersion === live.metadata.resourceVersion ? "unchanged" : "configured";
}

/** What an earlier version of this installation had, and this one has not. */
async function prune(
  { client }: Cluster,
  unwanted: readonly Entry[],
  typeOf: TypeOf,
  dryRun: DryRun,
  streams: Streams,
): Promise<void> {
  for (const entry of unwanted) {
    const type = await knownType(typeOf, entry);
    if (type === undefined) continue;
    const { name, namespace } = entry;
    const live = await client.get(type, namespace, name);
    if (live === undefined) continue;
    if (live.metadata.annotations?.[KEEP] === "keep") {
      streams.stderr.write(`${fullName(type, name)} stays (${KEEP}: keep)\n`);
      continue;
    }
    const { uid } = live.metadata;
    if (dryRun !== "client") await client.delete(type, namespace, name, { uid, dryRun: dryRun === "server" });
    streams.stdout.write(announceChange(type, name, "pruned", dryRun));
  }
}

/** @throws UserError, KubeApiError */
export async function carryOut(cluster: Cluster, order: Order, streams: Streams): Promise<void> {
  const { release, values, dryRun, timeoutMs } = order;
  const { client, namespace } = cluster;
  const rendered = objectsOf(values, release);
  const typeOf = typesOf(cluster);
  await checkKinds(cluster, rendered);
  const objects = await Promise.all(rendered.map((object) => placed(object, typeOf, namespace)));
  await ensureNamespace(cluster, dryRun, streams);
  const found = await lookedUp(cluster, objects, typeOf, order);
  const entries = objects.map(entryOf);
  const wanted = new Set(entries.map(keyOf));
  const unwanted = (order.before?.inventory.objects ?? []).filter((entry) => !wanted.has(keyOf(entry)));
  const record = (listed: readonly Entry[], before: Recorded | undefined): Promise<Recorded> =>
    writeInventory(
      client,
      namespace,
      release.name,
      { version: release.version, values, objects: listed },
      before,
    );
  const recorded = dryRun === "none" ? await record([...entries, ...unwanted], order.before) : undefined;
  for (const object of objects) {
    const known = found.get(object) ?? { object, type: await typeOf(object), live: undefined };
    const verb = await applyOne(cluster, known, dryRun);
    streams.stdout.write(announceChange(known.type, object.metadata.name, verb, dryRun));
    // The next objects may be of this kind.
    if (object.kind === "CustomResourceDefinition" && dryRun === "none")
      await waitUntilInstalled(client, [object], timeoutMs ?? SLOW.deadlineMs, streams);
  }
  await prune(cluster, unwanted, typeOf, dryRun, streams);
  if (recorded !== undefined) await record(entries, recorded);
  const ignored = ignoredValues(completeValues(values));
  if (ignored.length > 0)
    streams.stderr.write(
      `set and without effect, because there is no JVM, no keystore and no second container here: ${ignored.join(", ")}\n`,
    );
  if (dryRun === "none" && timeoutMs !== undefined)
    await waitUntilInstalled(client, objects, timeoutMs, streams);
}
