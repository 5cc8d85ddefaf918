/** A change of state as what a receiver reads: a CloudEvent, or the text of a chat. Pure. */
import { kinds } from "../api/kinds.ts";
import type { Reason, StateChange } from "./change.ts";
import type { Format } from "./receivers.ts";

export interface Message {
  readonly contentType: string;
  readonly body: string;
}

/** CloudEvents 1.0, JSON, structured mode. `source` and `id` together name the event. */
function cloudEvent(change: StateChange, reason: Reason): Message {
  const { apiVersion, id, time, ...data } = change;
  const plural = kinds.find(({ kind }) => kind === change.kind)?.plural ?? change.kind.toLowerCase();
  const event = {
    specversion: "1.0",
    id,
    source: `/apis/${apiVersion}/namespaces/${change.namespace}/${plural}/${change.name}`,
    type: `sluice.${reason}`,
    subject: change.name,
    time,
    datacontenttype: "application/json",
    data,
  };
  return { contentType: "application/cloudevents+json; charset=utf-8", body: JSON.stringify(event) };
}

/** As Slack asks for it, so that no text of a job becomes a link or calls everybody. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function chatText(change: StateChange, reason: Reason): Message {
  const { kind, namespace, name, message, lifecycleState } = change;
  const { from = "new", to = "?" } = lifecycleState;
  const states = from === to ? to : `${from} -> ${to}`;
  const text = `${reason}: ${kind} ${namespace}/${name} (${states})${message === "" ? "" : `\n${message}`}`;
  return { contentType: "application/json; charset=utf-8", body: JSON.stringify({ text: escaped(text) }) };
}

export function messageFor(change: StateChange, reason: Reason, format: Format): Message {
  return format === "slack" ? chatText(change, reason) : cloudEvent(change, reason);
}
