/** The lock on one job: a Lease, as operators have for their leadership. */
import { randomBytes } from "node:crypto";
import type { KubeClient } from "../../kube/client.ts";
import { LeaderElector } from "../../kube/lease.ts";
import { type Lock, Refusal } from "../target.ts";

/** Milliseconds. Who was killed holds the lock no longer than that. */
const LEASE_MS = 15_000;
/** Until a holder that is alive must have renewed it, or one that is dead has lost it. */
const WAIT_MS = LEASE_MS + 5000;

export interface LockOptions {
  readonly namespace: string;
  readonly name: string;
  /** For people: who holds it. */
  readonly holder: string;
}

/** @throws Refusal that names who holds it, and the KubeApiError of a lease that may not be read or written */
export async function takeLock(client: KubeClient, { namespace, name, holder }: LockOptions): Promise<Lock> {
  const lost = new AbortController();
  let problem: unknown;
  let elector: LeaderElector | undefined;
  const elected = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), WAIT_MS);
    const decide = (won: boolean): void => {
      clearTimeout(timer);
      resolve(won);
    };
    elector = new LeaderElector(client, {
      namespace,
      name: `sluice-${name}`,
      identity: `${holder}_${randomBytes(4).toString("hex")}`,
      onElected: () => decide(true),
      onLost: () => lost.abort(),
      onError: (error) => {
        problem = error;
        // No right, or no such namespace: waiting mends neither.
        const { code } = error as { code?: string };
        if (code === "forbidden" || code === "not-found") decide(false);
      },
      leaseDurationMs: LEASE_MS,
      retryPeriodMs: 1000,
    });
    elector.start();
  });
  if (elected) return { lost: lost.signal, release: async () => elector?.stop() };
  const other = elector?.holder;
  await elector?.stop();
  if (other === undefined && problem !== undefined) throw problem;
  throw new Refusal(
    "locked",
    `another command works on ${name}: ${other ?? "unknown"} holds Lease sluice-${name} in namespace ${namespace}`,
    "Wait until it has ended.",
  );
}
