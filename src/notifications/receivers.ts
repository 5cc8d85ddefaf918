/** `sluice.notifications.<name>.<setting>` of the operator's configuration: who is told of what. Pure. */
import { type FlinkConfiguration, parseList } from "../flink/configuration.ts";
import { NOTIFICATIONS } from "../flink/options.ts";
import { type Reason, REASONS, type StateChange } from "./change.ts";

const FORMATS = ["cloudevents", "slack"] as const;
export type Format = (typeof FORMATS)[number];

export interface Receiver {
  readonly name: string;
  /** May hold a token: not for logs, errors or metrics. */
  readonly address: { readonly url: string } | { readonly file: string };
  readonly format: Format;
  /** Undefined: all. */
  readonly namespaces: ReadonlySet<string> | undefined;
  readonly reasons: ReadonlySet<Reason>;
}

/** A receiver that cannot be used. Names the option, never its value. */
export interface Problem {
  readonly receiver: string;
  readonly option: string;
  readonly problem: string;
}

const SETTINGS = ["url", "url-from-file", "format", "namespaces", "reasons"];

/** A bounded one: it is a label of metrics. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function words(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const entries = (parseList(text) ?? []).flatMap((entry) => entry.split(","));
  return entries.map((entry) => entry.trim()).filter((entry) => entry !== "");
}

/** An address that a request can be sent to; undefined for another text. */
export function parseAddress(text: string): URL | undefined {
  const url = URL.parse(text.trim());
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "" ? url : undefined;
}

type Settings = Readonly<Record<string, string>>;

function addressOf(settings: Settings): Receiver["address"] | string {
  const { url, "url-from-file": file } = settings;
  if (url !== undefined && file !== undefined) return "give url or url-from-file, not both";
  if (file !== undefined) return file.startsWith("/") ? { file } : "url-from-file must be an absolute path";
  if (url === undefined) return "needs url or url-from-file";
  return parseAddress(url) === undefined ? "url must begin with https:// or http:// and a host" : { url };
}

function receiver(name: string, settings: Settings): Receiver | string {
  if (!NAME.test(name)) return "its name must be of lower-case letters, digits and dashes";
  const unknown = Object.keys(settings).find((key) => !SETTINGS.includes(key));
  if (unknown !== undefined) return `no such setting: ${unknown}; there are ${SETTINGS.join(", ")}`;
  const address = addressOf(settings);
  if (typeof address === "string") return address;
  const format = FORMATS.find((one) => one === (settings["format"] ?? "cloudevents").trim().toLowerCase());
  if (format === undefined) return `format must be one of ${FORMATS.join(", ")}`;
  const namespaces = words(settings["namespaces"]);
  const wanted = words(settings["reasons"]) ?? REASONS;
  const reasons = REASONS.filter((reason) => wanted.includes(reason));
  if (reasons.length !== new Set(wanted).size) return `reasons must be among ${REASONS.join(", ")}`;
  return {
    name,
    address,
    format,
    namespaces: namespaces === undefined ? undefined : new Set(namespaces),
    reasons: new Set(reasons),
  };
}

/** Every receiver that is right, and what is wrong with the others. */
export function receiversOf(configuration: FlinkConfiguration): {
  readonly receivers: readonly Receiver[];
  readonly problems: readonly Problem[];
} {
  const byName = new Map<string, Record<string, string>>();
  for (const [key, value] of Object.entries(configuration)) {
    if (!key.startsWith(`${NOTIFICATIONS.key}.`)) continue;
    const [name = "", ...setting] = key.slice(NOTIFICATIONS.key.length + 1).split(".");
    const settings = byName.get(name) ?? {};
    settings[setting.join(".")] = value;
    byName.set(name, settings);
  }
  const receivers: Receiver[] = [];
  const problems: Problem[] = [];
  for (const [name, settings] of byName) {
    const made = receiver(name, settings);
    if (typeof made === "string")
      problems.push({ receiver: name, option: `${NOTIFICATIONS.key}.${name}`, problem: made });
    else receivers.push(made);
  }
  return { receivers, problems };
}

/** The reason by which this receiver is told of the change; undefined when it is not. */
export function reasonFor({ namespaces, reasons }: Receiver, change: StateChange): Reason | undefined {
  if (namespaces?.has(change.namespace) === false) return undefined;
  return change.reasons.find((reason) => reasons.has(reason));
}
