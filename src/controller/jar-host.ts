/**
 * Which JobManager gets the jars of session jobs. Behind the Service of several, each request may reach another one. A jar is
 * on the disk of the one that it was uploaded to, and none but the leader can run it: the others do not find the leader's
 * blob server, which it announces by the name of its pod.
 */
import type { KubeObject } from "../api/kube-object.ts";
import { leaderHost } from "../flink/high-availability.ts";

export interface JarHost {
  /** Of the pod. */
  readonly name: string;
  readonly ip: string;
}

/**
 * The pod of the JobManager that leads, by what Flink writes into its own ConfigMap. Undefined where there is only one, and
 * while none leads: then the Service has to do, and a refusal is tried again.
 */
export function jarHost(
  jobManagers: readonly KubeObject[],
  leaderMap: KubeObject | undefined,
): JarHost | undefined {
  const leader = leaderHost(leaderMap);
  if (jobManagers.length < 2 || leader === undefined) return undefined;
  const pod = jobManagers.find((one) => (one["status"] as { podIP?: string } | undefined)?.podIP === leader);
  return pod && { name: pod.metadata.name, ip: leader };
}
