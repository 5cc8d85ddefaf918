/** Takes an installation away, after a look at what would not end without an operator. */
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { isKubeError } from "../../kube/client.ts";
import { CRDS, type ResourceType } from "../../kube/resource-type.ts";
import { announceChange, type DryRun } from "../change.ts";
import type { Cluster } from "../cluster.ts";
import { type Streams, UserError } from "../command.ts";
import { FLINK_TYPES, fullName } from "../reference.ts";
import { deleteInventory, type Entry, type Recorded } from "./inventory.ts";
import { knownType, typesOf } from "./types.ts";
import { waitUntilGone } from "./wait.ts";

const KEEP = "helm.sh/resource-policy";

export interface Removal {
  readonly name: string;
  readonly before: Recorded;
  readonly dryRun: DryRun;
  /** Although deletions are under way. */
  readonly force: boolean;
  readonly timeoutMs: number;
}

interface Resource {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

/** Flink resources that the operator looks after. */
async function lookedAfter({ client }: Cluster, namespaces: readonly string[]): Promise<Resource[]> {
  const places = namespaces.length > 0 ? namespaces : [undefined];
  const found: Resource[] = [];
  for (const type of FLINK_TYPES)
    for (const namespace of places) {
      try {
        const { items } = await client.list<FlinkDeployment>(type, { namespace });
        found.push(...items.map((object) => ({ type, object })));
      } catch (error) {
        if (!isKubeError(error, "not-found")) throw error;
      }
    }
  return found;
}

const held = ({ object }: Resource): boolean => (object.metadata.finalizers ?? []).length > 0;
const ending = ({ object }: Resource): boolean => object.metadata.deletionTimestamp !== undefined;

function named(resources: readonly Resource[]): string {
  const most = 10;
  const lines = resources
    .slice(0, most)
    .map(
      ({ type, object: { metadata } }) => `  ${fullName(type, metadata.name)} in ${metadata.namespace ?? ""}`,
    );
  const more = resources.length > most ? [`  and ${resources.length - most} more`] : [];
  return [...lines, ...more].join("\n");
}

/** @throws UserError for what would never end */
function checkWhatStays(
  resources: readonly Resource[],
  deletesCrds: boolean,
  force: boolean,
  streams: Streams,
): void {
  if (deletesCrds && resources.length > 0)
    throw new UserError(
      `the CRDs would go (crds.keep is false), and with them every Flink resource, whose jobs nobody would stop:\n${named(resources)}`,
      "Delete these first (sluice delete), or keep the CRDs: sluice upgrade --reuse-values --set crds.keep=true.",
    );
  const stuck = resources.filter((one) => held(one) && ending(one));
  if (stuck.length > 0 && !force)
    throw new UserError(
      `these are being deleted, which never ends without an operator:\n${named(stuck)}`,
      "Wait until they are gone, or go on with --force.",
    );
  const staying = resources.filter(held);
  if (staying.length > 0)
    streams.stderr.write(
      `these stay, and their jobs run on; nobody looks after them, and deleting one waits until an operator runs again:\n${named(staying)}\n`,
    );
}

async function anyCrdGoes({ client }: Cluster, objects: readonly Entry[]): Promise<boolean> {
  for (const { kind, name } of objects) {
    if (kind !== CRDS.kind) continue;
    const live = await client.get(CRDS, undefined, name);
    if (live !== undefined && live.metadata.annotations?.[KEEP] !== "keep") return true;
  }
  return false;
}

async function removeOne(
  cluster: Cluster,
  type: ResourceType,
  { name, namespace }: Entry,
  { dryRun, timeoutMs }: Removal,
  streams: Streams,
): Promise<void> {
  const { client } = cluster;
  const live = await client.get(type, namespace, name);
  if (live === undefined) return;
  if (live.metadata.annotations?.[KEEP] === "keep") {
    streams.stderr.write(`${fullName(type, name)} stays (${KEEP}: keep)\n`);
    return;
  }
  const { uid } = live.metadata;
  // The operator ends before its rights go, so that it can hand over what it does.
  const propagation = type.kind === "Deployment" ? ("Foreground" as const) : undefined;
  if (dryRun !== "client")
    await client.delete(type, namespace, name, { uid, propagation, dryRun: dryRun === "server" });
  streams.stdout.write(announceChange(type, name, "deleted", dryRun));
  if (propagation === undefined || dryRun !== "none") return;
  const gone = async (): Promise<boolean> => (await client.get(type, namespace, name))?.metadata.uid !== uid;
  await waitUntilGone(gone, fullName(type, name), performance.now() + timeoutMs, streams);
}

/** @throws UserError, KubeApiError */
export async function uninstall(cluster: Cluster, removal: Removal, streams: Streams): Promise<void> {
  const { before, name, dryRun, force } = removal;
  const { values, objects } = before.inventory;
  const typeOf = typesOf(cluster);
  const deletesCrds = await anyCrdGoes(cluster, objects);
  // Not completed: the values may be of another version.
  const watchNamespaces = (values["watchNamespaces"] ?? []) as readonly string[];
  const resources = await lookedAfter(cluster, deletesCrds ? [] : watchNamespaces);
  checkWhatStays(resources, deletesCrds, force, streams);
  for (const entry of objects.toReversed()) {
    const type = await knownType(typeOf, entry);
    if (type !== undefined) await removeOne(cluster, type, entry, removal, streams);
  }
  if (dryRun === "none") await deleteInventory(cluster.client, cluster.namespace, name, before);
}
