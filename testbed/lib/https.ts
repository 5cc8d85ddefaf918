/** One HTTPS request with a private certificate authority, for health questions. */
import { request } from "node:https";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** GET with a deadline of `deadline` milliseconds (default 2 s). */
export function get(
  url: string,
  caPem: string,
  token: string | undefined,
  deadline = 2_000,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const signal = AbortSignal.timeout(deadline);
    const call = request(url, { ca: caPem, headers, agent: false, signal }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}
