/** Evidence is printed, saved and sent to others: what holds a credential by its name, or inside an address, is hidden. */
import { withoutCredentials } from "../../flink/credentials.ts";
import { isSecret } from "../spec-diff.ts";

const HIDDEN = "***";
/** Copies of the spec that nobody needs twice. */
const DROPPED = new Set(["kubectl.kubernetes.io/last-applied-configuration", "managedFields"]);

const isSecretName = (name: string): boolean => isSecret({ path: name, from: undefined, to: undefined });

function text(value: string): string {
  if (value.startsWith("{")) {
    try {
      return JSON.stringify(hidden(JSON.parse(value), ""));
    } catch {
      // It only looks like JSON.
    }
  }
  return withoutCredentials(value);
}

function hidden(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((item) => hidden(item, name));
  if (typeof value === "object" && value !== null) {
    const holdsSecret = "name" in value && typeof value.name === "string" && isSecretName(value.name);
    const entries = Object.entries(value).filter(([key]) => !DROPPED.has(key));
    return Object.fromEntries(
      entries.map(([key, child]) => [key, key === "value" && holdsSecret ? HIDDEN : hidden(child, key)]),
    );
  }
  if (typeof value !== "string") return value;
  return isSecretName(name) ? HIDDEN : text(value);
}

export function withoutSecrets<T>(value: T): T {
  return hidden(value, "") as T;
}
