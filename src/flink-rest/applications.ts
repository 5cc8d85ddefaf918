/** Applications, what Flink 2.3 and newer have above jobs. */
import type { ApplicationOverview, FlinkAnswer } from "../flink/rest-answers.ts";
import type { Send } from "./call.ts";
import { list, object, optionalText, text } from "./read.ts";

/** Older versions know no such call and count as having none. */
export async function applicationsOverview(send: Send): Promise<FlinkAnswer<readonly ApplicationOverview[]>> {
  const answer = await send({ method: "GET", path: "/applications/overview" }, (json) =>
    list(object(json, "the overview")["applications"], "applications", (one) => ({
      id: text(one, "id"),
      name: optionalText(one, "name") ?? "",
      state: text(one, "status"),
    })),
  );
  return !answer.ok && answer.failure.status === 404 ? { ok: true, value: [] } : answer;
}
