/** Whose an object is that is there already. */
import type { KubeObject } from "../../api/kube-object.ts";
import { UserError } from "../command.ts";

/** Undefined: this installation's, be it from an earlier time. */
export function foreignOwner(live: KubeObject, installation: string): string | undefined {
  const { labels = {}, annotations = {} } = live.metadata;
  const by = labels["app.kubernetes.io/managed-by"];
  if (by === "sluice" && labels["app.kubernetes.io/instance"] === installation) return undefined;
  const release = annotations["meta.helm.sh/release-name"];
  if (release !== undefined)
    return `release ${release} of Helm in namespace ${annotations["meta.helm.sh/release-namespace"] ?? "?"}`;
  return by === undefined ? "nobody that it names" : by;
}

export interface Foreign {
  readonly what: string;
  readonly owner: string;
}

export function refuse(foreign: readonly Foreign[]): never {
  const lines = foreign.map(({ what, owner }) => `${what}, which belongs to ${owner}`);
  throw new UserError(
    `there are objects already which are not this installation's:\n  ${lines.join("\n  ")}`,
    "Take them over with --take-ownership, or leave them out (crds.install, jobServiceAccount.create; docs/install.md).",
  );
}
