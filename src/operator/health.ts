/**
 * `/healthz`: the process turns its event loop, and canaries come by; it does not help to restart it for anything else.
 * `/readyz`: it works, or would at once if it led. `/metrics`: Prometheus.
 */
import type { Readiness } from "../telemetry/health.ts";
import type { NamespaceState } from "./watched-namespaces.ts";

export function healthOf(failingCanaries: readonly string[]): Readiness {
  const notes = failingCanaries.map((name) => `canary ${name}: its change did not come back`);
  return { isReady: notes.length === 0, notes };
}

/**
 * Ready while some namespace can be followed, and about the rest it is known why it cannot. `role`: whether this process
 * leads; a standby is as ready as the leader, as it follows the same.
 */
export function readinessOf(
  states: readonly NamespaceState[],
  isSettled: boolean,
  role: string | undefined,
): Readiness {
  const notes = states.flatMap(({ namespace = "all namespaces", problem }) =>
    problem === undefined ? [] : [`${namespace}: ${problem}`],
  );
  if (!isSettled) return { isReady: false, notes: ["caches not complete", ...notes] };
  const isReady = states.some(({ isFollowed }) => isFollowed);
  return { isReady, notes: role === undefined ? notes : [role, ...notes] };
}
