/** A cluster that says what real Flink said in one situation, and nothing else. */
import type { Version } from "./local-flink.ts";
import { loadRecording, type Situation } from "./recordings.ts";
import type { RestAnswer, RestCluster, RestRequest } from "./server.ts";

export function replayedCluster(version: Version, situation: Situation): RestCluster {
  const recording = loadRecording(version, situation);
  return {
    answer({ method, path, query }: RestRequest): RestAnswer {
      const plain = `${method} ${path}`;
      const found = recording[plain] ?? recording[`${plain}?${decodeURIComponent(query.toString())}`];
      return found ?? { status: 404, body: { errors: [`Unable to load requested file ${path}.`] } };
    },
  };
}
