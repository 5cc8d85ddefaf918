/** Who else writes a resource from a repository, and would undo what is changed by hand. */
import type { ObjectMeta } from "../api/kube-object.ts";

export interface GitOpsTool {
  readonly tool: "Argo CD" | "Flux";
  /** By what it was recognised. */
  readonly evidence: string;
  /** The command that makes it stop. */
  readonly pause: string;
}

const ARGO_TRACKING = "argocd.argoproj.io/tracking-id";
const ARGO_INSTANCE = "argocd.argoproj.io/instance";
const FLUX = [
  { label: "kustomize.toolkit.fluxcd.io", kind: "kustomization", manager: "kustomize-controller" },
  { label: "helm.toolkit.fluxcd.io", kind: "helmrelease", manager: "helm-controller" },
] as const;

function managers({ managedFields }: ObjectMeta): string[] {
  if (!Array.isArray(managedFields)) return [];
  return (managedFields as { manager?: string }[]).flatMap(({ manager }) => manager ?? []);
}

function argo(metadata: ObjectMeta): GitOpsTool | undefined {
  const { annotations = {}, labels = {} } = metadata;
  // `<application>:<group>/<kind>:<namespace>/<name>`
  const tracked = annotations[ARGO_TRACKING]?.split(":")[0];
  const manager = managers(metadata).find((name) => /^argocd(-application)?-controller$/.test(name));
  const application = tracked ?? labels[ARGO_INSTANCE];
  if (application === undefined && manager === undefined) return undefined;
  const byLabel = application === undefined ? `field manager ${manager}` : `label ${ARGO_INSTANCE}`;
  return {
    tool: "Argo CD",
    evidence: tracked === undefined ? byLabel : `annotation ${ARGO_TRACKING}`,
    pause: `argocd app set ${application ?? "APPLICATION"} --sync-policy none`,
  };
}

function flux(metadata: ObjectMeta): GitOpsTool | undefined {
  const { labels = {} } = metadata;
  for (const { label, kind, manager } of FLUX) {
    const name = labels[`${label}/name`];
    const isManager = managers(metadata).includes(manager);
    if (name === undefined && !isManager) continue;
    const place = labels[`${label}/namespace`];
    return {
      tool: "Flux",
      evidence: name === undefined ? `field manager ${manager}` : `label ${label}/name`,
      pause: `flux suspend ${kind} ${name ?? "NAME"}${place === undefined ? "" : ` -n ${place}`}`,
    };
  }
  return undefined;
}

export function gitOpsTool(metadata: ObjectMeta): GitOpsTool | undefined {
  return argo(metadata) ?? flux(metadata);
}
