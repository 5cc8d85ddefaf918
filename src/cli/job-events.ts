/** What Kubernetes and the operator said about a job: events of its resource, its Deployments and its pods. */
import type { KubeObject } from "../api/kube-object.ts";
import { EVENTS } from "../kube/resource-type.ts";
import type { Cluster } from "./cluster.ts";

export interface JobEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly firstTimestamp?: string | null;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
}

/** RFC 3339; empty when nobody wrote one. */
export function timeOf({ series, lastTimestamp, eventTime, metadata }: JobEvent): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "";
}

export function countOf({ series, count }: JobEvent): number {
  return series?.count ?? count ?? 1;
}

/** Names of the kinds that a cluster is made of begin with the resource's own. */
const OF_CLUSTER = new Set(["Deployment", "ReplicaSet", "Pod", "Service", "Ingress"]);

export function isAbout(event: JobEvent, kind: string, name: string): boolean {
  const { kind: of = "", name: about = "" } = event.involvedObject ?? {};
  if (of === kind) return about === name;
  if (kind !== "FlinkDeployment" || !OF_CLUSTER.has(of)) return false;
  const rest = about.startsWith(name) ? about.slice(name.length) : undefined;
  // `job-taskmanager-1-1`, `job-5d8f7c9b4-x2x7k`, `job-rest`; not `job-two-5d8f7c9b4-x2x7k`.
  return rest !== undefined && /^(-rest|-taskmanager(-\S+)?|-[0-9a-z]{6,10}(-[0-9a-z]{5})?)?$/.test(rest);
}

/** Oldest first. */
export async function eventsOf(
  { client, namespace }: Cluster,
  { kind, metadata }: KubeObject,
): Promise<JobEvent[]> {
  const { items } = await client.list<JobEvent>(EVENTS, { namespace });
  return items
    .filter((event) => isAbout(event, kind, metadata.name))
    .sort((a, b) => timeOf(a).localeCompare(timeOf(b)));
}
