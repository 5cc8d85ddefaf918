/** The cluster itself. */
import type { ClusterConfig, FlinkAnswer, TaskManager } from "../flink/rest-answers.ts";
import type { Send } from "./call.ts";
import { defined, list, number, object, optionalNumber, optionalText, text } from "./read.ts";

export function config(send: Send): Promise<FlinkAnswer<ClusterConfig>> {
  return send({ method: "GET", path: "/config" }, (json) => {
    const answer = object(json, "the configuration");
    return defined({
      flinkVersion: text(answer, "flink-version"),
      flinkRevision: optionalText(answer, "flink-revision") ?? "",
      refreshInterval: optionalNumber(answer, "refresh-interval"),
    });
  });
}

export function taskManagers(send: Send): Promise<FlinkAnswer<readonly TaskManager[]>> {
  return send({ method: "GET", path: "/taskmanagers" }, (json) =>
    list(object(json, "the answer")["taskmanagers"], "taskmanagers", (one) => ({
      id: text(one, "id"),
      slots: number(one, "slotsNumber"),
      freeSlots: number(one, "freeSlots"),
    })),
  );
}
