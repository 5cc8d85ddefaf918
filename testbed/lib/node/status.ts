/** How the components are. */
import { isAlive, readIdentity } from "../processes.ts";
import { components, type Health } from "./components.ts";
import type { NodeState } from "./state.ts";

export interface ComponentStatus {
  readonly name: string;
  /** Undefined: not running. */
  readonly pid: number | undefined;
  readonly healthy: boolean;
}

async function statusOf(dir: string, name: string, state: NodeState | undefined): Promise<ComponentStatus> {
  const identity = readIdentity(dir, name);
  if (identity === undefined || !isAlive(identity)) return { name, pid: undefined, healthy: false };
  const ask = components[name];
  if (ask === undefined) return { name, pid: identity.pid, healthy: true };
  if (state === undefined) return { name, pid: identity.pid, healthy: false };
  const { url, caPem, token, launch } = state;
  const health: Health = { dir, url, caPem, token, etcdPort: launch.plane.etcdPort };
  return { name, pid: identity.pid, healthy: await ask(health).catch(() => false) };
}

export function status(dir: string, state: NodeState | undefined): Promise<ComponentStatus[]> {
  return Promise.all(Object.keys(components).map((name) => statusOf(dir, name, state)));
}

/** The names of the components that are not well. */
export async function unhealthy(dir: string, state: NodeState): Promise<string[]> {
  return (await status(dir, state)).filter(({ healthy }) => !healthy).map(({ name }) => name);
}
