/** Back pressure: how the operators of a job spend their time. */
import type { FlinkAnswer, VertexPressure } from "../flink/rest-answers.ts";
import type { Send } from "./call.ts";
import { type Json, list, number, object, optionalNumber, text } from "./read.ts";

interface Vertex {
  readonly id: string;
  readonly name: string;
  readonly parallelism: number;
}

function readVertices(json: unknown): readonly Vertex[] {
  return list(object(json, "the job")["vertices"], "vertices", (vertex) => ({
    id: text(vertex, "id"),
    name: text(vertex, "name"),
    parallelism: number(vertex, "parallelism"),
  }));
}

/** Of one that has just started Flink knows no shares yet, and sends no subtasks. */
function worst(json: unknown, share: string): number {
  const subtasks = object(json, "the back pressure")["subtasks"] ?? [];
  const shares = list(subtasks, "subtasks", (one: Json) => optionalNumber(one, share) ?? 0);
  return Math.max(0, ...shares);
}

export async function jobPressure(
  send: Send,
  jobId: string,
): Promise<FlinkAnswer<readonly VertexPressure[]>> {
  const vertices = await send({ method: "GET", path: `/jobs/${jobId}` }, readVertices);
  if (!vertices.ok) return vertices;
  const found: VertexPressure[] = [];
  for (const vertex of vertices.value) {
    const path = `/jobs/${jobId}/vertices/${vertex.id}/backpressure`;
    const answer = await send({ method: "GET", path }, (json) => ({
      ...vertex,
      backPressured: worst(json, "ratio"),
      busy: worst(json, "busyRatio"),
    }));
    if (!answer.ok) return answer;
    found.push(answer.value);
  }
  return { ok: true, value: found };
}
