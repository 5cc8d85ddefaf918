/** Calls of Flink's REST API. */
import { type FlinkTransport, TransportError } from "../../flink-rest/transport.ts";
import type { Metrics } from "./metrics.ts";

/** Words stay; what may be an id does not: `/jobs/:id/checkpoints`. So there are as many routes as Sluice calls. */
export function routeOf(path: string): string {
  return path
    .split("/")
    .map((part) => (/^[a-z][a-z-]*$/.test(part) && !/^[0-9a-f]{32}$/.test(part) ? part : part && ":id"))
    .join("/");
}

/** The transport, with its calls counted. */
export function measuredFlink(metrics: Metrics, transport: FlinkTransport): FlinkTransport {
  const { flinkRequests, flinkSeconds } = metrics.record;
  return async (request) => {
    const { method, path } = request;
    const route = routeOf(path);
    const stop = flinkSeconds.startTimer({ route });
    let code = "unreachable";
    try {
      const response = await transport(request);
      code = String(response.status);
      return response;
    } catch (error) {
      if (error instanceof TransportError) code = error.kind;
      throw error;
    } finally {
      stop();
      flinkRequests.inc({ method, route, code });
    }
  };
}
