/** One request to a receiver. What comes of it is a value, without a word of the address, which may hold a token. */
import { type Dispatcher, request } from "undici";
import type { Message } from "./message.ts";

export type Outcome =
  | { readonly kind: "sent" }
  /** Trying again would change nothing. */
  | { readonly kind: "rejected"; readonly why: string }
  /** `afterMs`: as the receiver asks. */
  | { readonly kind: "failed"; readonly why: string; readonly afterMs?: number };

/** Refusals that may pass: too slow, too early, too many. */
const PASSING = new Set([408, 425, 429]);
/** A receiver that asks for more is not waited for that long. */
const MOST_ASKED_MS = 5 * 60_000;

function askedFor(header: string | string[] | undefined): { afterMs?: number } {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? { afterMs: Math.min(seconds * 1000, MOST_ASKED_MS) } : {};
}

/** A user and a password in the address, as HTTP has them. */
function authorization({ username, password }: URL): { authorization?: string } {
  if (username === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

function whyNot(error: unknown, deadlineMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${deadlineMs} ms`;
  // The code alone: messages may quote what was asked for.
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "no connection";
}

/** `deadlineMs` is for the whole exchange. Redirects are not followed: the answer to one is a refusal. */
export async function send(
  url: URL,
  { contentType, body }: Message,
  { dispatcher, deadlineMs, signal }: SendOptions,
): Promise<Outcome> {
  const late = AbortSignal.timeout(deadlineMs);
  try {
    const answer = await request(`${url.protocol}//${url.host}${url.pathname}${url.search}`, {
      method: "POST",
      dispatcher,
      headers: { "content-type": contentType, "user-agent": "sluice", ...authorization(url) },
      body,
      signal: AbortSignal.any([late, signal]),
    });
    // The answer's words are not wanted; a connection whose answer is long is given up.
    await answer.body.dump({ limit: 64 * 1024 }).catch(() => undefined);
    const { statusCode: status, headers } = answer;
    if (status >= 200 && status < 300) return { kind: "sent" };
    const why = `HTTP ${status}`;
    if (status >= 500 || PASSING.has(status))
      return { kind: "failed", why, ...askedFor(headers["retry-after"]) };
    return { kind: "rejected", why };
  } catch (error) {
    return { kind: "failed", why: whyNot(late.aborted ? late.reason : error, deadlineMs) };
  }
}

export interface SendOptions {
  readonly dispatcher: Dispatcher;
  /** Milliseconds. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}
