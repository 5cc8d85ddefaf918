/** One GET, for health questions. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Trust {
  readonly caPem: string;
  readonly token: string;
}

/** Throws after `deadline` milliseconds (default 2 s). `trust` is for HTTPS: the authority and the bearer token. */
export function get(url: string, trust?: Trust, deadline = 2_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const common: RequestOptions = { agent: false, signal: AbortSignal.timeout(deadline) };
    const answer = (response: IncomingMessage): void => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    };
    const call =
      trust === undefined
        ? httpRequest(url, common, answer)
        : httpsRequest(
            url,
            { ...common, ca: trust.caPem, headers: { authorization: `Bearer ${trust.token}` } },
            answer,
          );
    call.on("error", reject);
    call.end();
  });
}
