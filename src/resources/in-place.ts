/**
 * What of a cluster's objects can follow the job file while the cluster runs: Flink does not look at it, or reads it
 * again by itself. Labels and annotations of pods are not among it: what acts on them (admission webhooks, injectors,
 * monitors) acts when a pod is made.
 */
import type { DefaultedSpec } from "../api/defaults.ts";
import { modeOf } from "../api/defaults.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { renderIngress } from "./ingress.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";
import { logFiles } from "./log-files.ts";
import { hasLeftover, includes, mergePatch } from "./merge-patch.ts";
import { flinkConfigMapName } from "./names.ts";
import { serviceMetadata } from "./services.ts";

/** As much of an object as the job file decides in place. */
export interface Piece {
  readonly kind: "Ingress" | "Service" | "ConfigMap";
  readonly name: string;
  readonly wanted: object;
}

/** A JSON merge patch of an object. */
export interface Patch {
  readonly metadata?: { readonly annotations?: object };
  readonly [field: string]: unknown;
}

export type PieceInputs = Pick<ClusterInputs, "owner" | "defaults"> & { readonly spec: DefaultedSpec };

function configurationOf({ spec, defaults }: PieceInputs): FlinkConfiguration {
  const own = flattenConfiguration(spec.flinkConfiguration);
  return { ...defaults, ...own, "$internal.flink.version": spec.flinkVersion ?? "" };
}

/** Undefined without one in the job file. */
export function ingressPiece(inputs: PieceInputs): (Piece & { readonly whole: KubeObject }) | undefined {
  if (inputs.spec.ingress === undefined) return undefined;
  const ingress = renderIngress(inputs.owner, inputs.spec.ingress, configurationOf(inputs));
  if (ingress === undefined) return undefined;
  const { labels, annotations } = ingress.metadata;
  const wanted = {
    metadata: { labels, ...(annotations === undefined ? {} : { annotations }) },
    spec: ingress["spec"],
  };
  const metadata = { ...ingress.metadata, annotations: { ...annotations, ...noteOn(wanted) } };
  return { kind: "Ingress", name: ingress.metadata.name, wanted, whole: { ...ingress, metadata } };
}

/** Of objects that the cluster has in any case. */
export function clusterPieces(inputs: PieceInputs): Piece[] {
  const { spec, owner } = inputs;
  const cluster = { id: owner.name, mode: modeOf(spec), config: configurationOf(inputs) };
  const services = [...serviceMetadata(cluster)].map(([name, metadata]): Piece => ({
    kind: "Service",
    name,
    wanted: { metadata },
  }));
  if (spec.logConfiguration === undefined) return services;
  const name = flinkConfigMapName(owner.name);
  return [...services, { kind: "ConfigMap", name, wanted: { data: logFiles(spec) } }];
}

/** What cannot be rendered was never asked for. */
export function unlessInvalid<T>(render: () => T): T | undefined {
  try {
    return render();
  } catch (error) {
    if (error instanceof InvalidClusterError) return undefined;
    throw error;
  }
}

/** On an object: what was last asked for in place, so that it is known what is not asked for any more. */
const NOTE = "sluice/applied";

/** The annotation for what is made as it is wanted. */
export function noteOn(wanted: object): Record<string, string> {
  return { [NOTE]: JSON.stringify(wanted) };
}

function noteOf({ metadata }: KubeObject): unknown {
  try {
    return JSON.parse(metadata.annotations?.[NOTE] ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * The merge patch that brings an object to what is wanted; undefined when it is there. What others have added stays.
 * `before`: what was asked for when it was made, in case that the object itself does not tell.
 */
export function patchFor(
  found: KubeObject,
  { kind, wanted }: Pick<Piece, "wanted"> & { readonly kind: string },
  before: object | undefined,
): Patch | undefined {
  const note = noteOf(found);
  const isNoted = note === undefined || (includes(note, wanted) && includes(wanted, note));
  const last = note ?? before;
  if (isNoted && includes(found, wanted) && !hasLeftover(found, last, wanted)) return undefined;
  const patch = mergePatch(last, wanted) as Patch;
  // Files keep their names: none is left over.
  if (kind === "ConfigMap") return patch;
  const annotations = { ...patch.metadata?.annotations, ...noteOn(wanted) };
  return { ...patch, metadata: { ...patch.metadata, annotations } };
}
