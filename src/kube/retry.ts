import type { KubeApiError } from "./api-error.ts";

const MAX_RETRIES = 5;
/** A server that says when to come back is believed for longer. */
const MAX_INVITED_RETRIES = 10;

export interface Attempt {
  readonly idempotent: boolean;
  /** Retries so far. */
  readonly retries: number;
  readonly remainingMs: number;
  /** 0 to 1. */
  readonly random: number;
}

/**
 * Milliseconds until the call may be sent again; undefined: give up. Every call is repeated when the server invites
 * it (429, or 5xx with Retry-After: it has not acted); an idempotent one also when the answer got lost.
 */
export function retryDelay(error: KubeApiError, attempt: Attempt): number | undefined {
  const delay = invitedDelay(error, attempt) ?? ownDelay(error, attempt);
  return delay !== undefined && delay < attempt.remainingMs ? delay : undefined;
}

function invitedDelay(error: KubeApiError, { retries, random }: Attempt): number | undefined {
  const invited =
    error.code === "too-many-requests" || (error.status >= 500 && error.retryAfterSeconds !== undefined);
  if (!invited || retries >= MAX_INVITED_RETRIES) return undefined;
  const seconds = Math.max(error.retryAfterSeconds ?? 1, 0.1);
  // Never earlier than told, and spread, since everybody was told the same.
  return seconds * 1000 * (1 + random / 4);
}

function ownDelay(error: KubeApiError, { idempotent, retries, random }: Attempt): number | undefined {
  const lost = error.code === "network" || error.code === "timeout" || error.code === "server-error";
  if (!idempotent || !lost || retries >= MAX_RETRIES) return undefined;
  return Math.min(100 * 2 ** retries, 2000) * (0.5 + random / 2);
}
