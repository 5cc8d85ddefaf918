import { expect, it } from "vitest";
import { gitOpsTool } from "./gitops.ts";

const managedBy = (manager: string) => ({ managedFields: [{ manager: "kubectl" }, { manager }] });

it.each<[string, object, object | undefined]>([
  ["nobody", { ...managedBy("sluice"), labels: { "app.kubernetes.io/instance": "x" } }, undefined],
  [
    "Argo CD's annotation",
    { annotations: { "argocd.argoproj.io/tracking-id": "shop:flink.apache.org/FlinkDeployment:ns/job" } },
    {
      tool: "Argo CD",
      evidence: "annotation argocd.argoproj.io/tracking-id",
      pause: "argocd app set shop --sync-policy none",
    },
  ],
  [
    "Argo CD's label",
    { labels: { "argocd.argoproj.io/instance": "shop" } },
    { evidence: "label argocd.argoproj.io/instance", pause: "argocd app set shop --sync-policy none" },
  ],
  [
    "Argo CD's writes",
    managedBy("argocd-controller"),
    { evidence: "field manager argocd-controller", pause: "argocd app set APPLICATION --sync-policy none" },
  ],
  [
    "a Kustomization of Flux",
    {
      labels: {
        "kustomize.toolkit.fluxcd.io/name": "jobs",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
      },
    },
    { tool: "Flux", pause: "flux suspend kustomization jobs -n flux-system" },
  ],
  [
    "a HelmRelease of Flux",
    managedBy("helm-controller"),
    { tool: "Flux", evidence: "field manager helm-controller", pause: "flux suspend helmrelease NAME" },
  ],
])("a resource is recognised by %s", (_what, metadata, expected) => {
  const found = gitOpsTool({ name: "job", ...metadata });
  if (expected === undefined) expect(found).toBeUndefined();
  else expect(found).toMatchObject(expected);
});
