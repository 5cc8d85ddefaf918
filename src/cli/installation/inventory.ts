/**
 * What an installation is made of, in a Secret (values may hold what is not for everybody): `upgrade` finds in it what
 * is not wanted any more. It is written before anything is made, so that nothing is ever there that it does not name.
 */
import type { KubeObject } from "../../api/kube-object.ts";
import { isKubeError, type KubeClient } from "../../kube/client.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import { UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

export interface Entry {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined: of the whole cluster. */
  readonly namespace?: string | undefined;
}

export interface Inventory {
  readonly version: string;
  /** As the user wrote them. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly objects: readonly Entry[];
}

const SECRETS: ResourceType = {
  group: "",
  version: "v1",
  plural: "secrets",
  kind: "Secret",
  namespaced: true,
};
const TYPE = "sluice/installation";
const KEY = "inventory";

export function entryOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): Entry {
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

export function keyOf({ apiVersion, kind, namespace, name }: Entry): string {
  return `${apiVersion.replace(/\/.*/, "")}/${kind}/${namespace ?? ""}/${name}`;
}

export function secretName(installation: string): string {
  return `sluice-installation-${installation}`;
}

export interface Recorded {
  readonly inventory: Inventory;
  readonly resourceVersion: string | undefined;
  readonly uid: string | undefined;
}

function parsed({ metadata, data }: KubeObject & { data?: Record<string, string> }): Inventory {
  try {
    return JSON.parse(Buffer.from(data?.[KEY] ?? "", "base64").toString("utf8")) as Inventory;
  } catch {
    throw new UserError(
      `Secret ${metadata.name} is no inventory of an installation`,
      "Delete it, and install with --take-ownership.",
    );
  }
}

/** Undefined when there is none. @throws KubeApiError, UserError */
export async function readInventory(
  client: KubeClient,
  namespace: string,
  installation: string,
): Promise<Recorded | undefined> {
  const secret = await client.get<KubeObject>(SECRETS, namespace, secretName(installation));
  if (secret === undefined) return undefined;
  return {
    inventory: parsed(secret),
    resourceVersion: secret.metadata.resourceVersion,
    uid: secret.metadata.uid,
  };
}

/** On top of the one that was read; of two commands at the same time, one loses. @throws KubeApiError, UserError */
export async function writeInventory(
  client: KubeClient,
  namespace: string,
  installation: string,
  inventory: Inventory,
  before: Recorded | undefined,
): Promise<Recorded> {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: TYPE,
    metadata: {
      name: secretName(installation),
      namespace,
      labels: { "app.kubernetes.io/managed-by": "sluice", "app.kubernetes.io/instance": installation },
      ...(before?.resourceVersion === undefined ? {} : { resourceVersion: before.resourceVersion }),
    },
    data: { [KEY]: Buffer.from(JSON.stringify(inventory)).toString("base64") },
  };
  try {
    const written =
      before === undefined ? await client.create(SECRETS, secret) : await client.replace(SECRETS, secret);
    const { resourceVersion, uid } = (written as KubeObject).metadata;
    return { inventory, resourceVersion, uid };
  } catch (error) {
    if (!isKubeError(error, "conflict") && !isKubeError(error, "already-exists")) throw error;
    throw new UserError(
      `another command changes installation ${installation} at this moment`,
      "Run this one again when it has ended.",
      EXIT_CODES.locked,
    );
  }
}

export async function deleteInventory(
  client: KubeClient,
  namespace: string,
  installation: string,
  { uid }: Recorded,
): Promise<void> {
  await client.delete(SECRETS, namespace, secretName(installation), { uid });
}
