/** Events in a table, as `kubectl get events` prints them. */
import { countOf, type JobEvent, timeOf } from "../job-events.ts";
import { age, table } from "./table.ts";

const HEADER = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"];

export function eventTable(events: readonly JobEvent[], now: number): string {
  const rows = events.map((event) => {
    const { kind = "", name = "" } = event.involvedObject ?? {};
    const message = (event.message ?? "").replaceAll(/\s+/g, " ");
    const object = `${kind.toLowerCase()}/${name}`;
    const what = [event.type ?? "", event.reason ?? "", object, String(countOf(event)), message];
    return [age(timeOf(event), now), ...what];
  });
  return table([HEADER, ...rows]);
}
