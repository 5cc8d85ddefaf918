/** The parallelism that a job of the adaptive scheduler asks for. */
import type { FlinkAnswer, ResourceRequirements } from "../flink/rest-answers.ts";
import { nothing, type Send } from "./call.ts";
import { number, object } from "./read.ts";

/** HTTP 500 from a job of the default scheduler, and for an unknown job. */
export function getResourceRequirements(
  send: Send,
  jobId: string,
): Promise<FlinkAnswer<ResourceRequirements>> {
  return send({ method: "GET", path: `/jobs/${jobId}/resource-requirements` }, (json) =>
    Object.fromEntries(
      Object.entries(object(json, "the requirements")).map(([vertex, value]) => {
        const bounds = object(object(value, "a vertex")["parallelism"], "parallelism");
        return [
          vertex,
          { lowerBound: number(bounds, "lowerBound"), upperBound: number(bounds, "upperBound") },
        ];
      }),
    ),
  );
}

/** Names every vertex of the job; HTTP 400 otherwise. The job rescales soon after, without losing state. */
export function putResourceRequirements(
  send: Send,
  jobId: string,
  wanted: ResourceRequirements,
): Promise<FlinkAnswer<undefined>> {
  const body = Object.fromEntries(Object.entries(wanted).map(([id, parallelism]) => [id, { parallelism }]));
  return send({ method: "PUT", path: `/jobs/${jobId}/resource-requirements`, body }, nothing);
}
