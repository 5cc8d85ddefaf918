/** What the API server does to a cluster's objects for changes in place: expected by a plan, and in the tests' model. */
import type { KubeObject } from "../../api/kube-object.ts";
import { withSpecDefaults } from "../../api/defaults.ts";
import type { InPlaceAction } from "../decision.ts";
import type { ClusterInputs } from "../../resources/cluster-inputs.ts";
import { clusterPieces } from "../../resources/in-place.ts";
import { applyMergePatch } from "../../resources/merge-patch.ts";

interface Objects {
  ingress?: KubeObject | undefined;
  services: readonly KubeObject[];
  configMaps: readonly KubeObject[];
}

export function carryOutInPlace(objects: Objects, action: InPlaceAction, newId: () => string): void {
  if (action.type === "create-ingress") {
    const { metadata } = action.ingress;
    objects.ingress ??= { ...action.ingress, metadata: { ...metadata, uid: newId() } };
    return;
  }
  if (action.type === "delete-ingress") {
    if (objects.ingress?.metadata.uid === action.uid) objects.ingress = undefined;
    return;
  }
  const { kind, name, uid, patch } = action;
  const patched = (object: KubeObject): KubeObject => {
    const { metadata } = object;
    const isMeant = object.kind === kind && metadata.name === name && metadata.uid === uid;
    return isMeant ? (applyMergePatch(object, patch) as KubeObject) : object;
  };
  objects.ingress = objects.ingress && patched(objects.ingress);
  objects.services = objects.services.map(patched);
  objects.configMaps = objects.configMaps.map(patched);
}

/** An object of a cluster, with what the job file may change of it later. */
export function asChosen(object: KubeObject, inputs: ClusterInputs): KubeObject {
  const pieces = clusterPieces({ ...inputs, spec: withSpecDefaults(inputs.spec) });
  const { kind, metadata } = object;
  const chosen = pieces.find((piece) => piece.kind === kind && piece.name === metadata.name);
  return applyMergePatch(object, chosen?.wanted ?? {}) as KubeObject;
}
