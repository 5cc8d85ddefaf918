/** Plain HTTP to the API server, so that these tests do not depend on the code that they are about. */
import { Agent, request } from "undici";
import { apiTestbed } from "../support/api-testbed.ts";

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface Api {
  call(method: "GET" | "POST" | "PUT", path: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

export function openApi(): Api {
  const { url, token, caPem } = apiTestbed();
  const dispatcher = new Agent({ connect: { ca: caPem }, connections: 4, bodyTimeout: 30_000 });
  return {
    async call(method, path, body) {
      const answer = await request(`${url}${path}`, {
        method,
        dispatcher,
        headersTimeout: 30_000,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> };
    },
    close: () => dispatcher.close(),
  };
}
