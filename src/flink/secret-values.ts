/**
 * Options of Flink whose values are in Secrets: `sluice.secret.<option>: <secret>/<key>`. The value itself reaches only the
 * pods, through the kubelet; Sluice never reads a Secret.
 */
import type { FlinkConfiguration } from "./configuration.ts";

export const SECRET_PREFIX = "sluice.secret.";

export interface SecretReference {
  readonly secret: string;
  readonly key: string;
}

export interface SecretValue extends SecretReference {
  /** As Flink calls it. */
  readonly option: string;
}

/** The names that Kubernetes allows a Secret and its keys. Undefined for another text. */
export function parseSecretReference(text: string): SecretReference | undefined {
  const { secret, key } =
    /^(?<secret>[a-z\d](?:[-a-z\d.]{0,251}[a-z\d])?)\/(?<key>[-._a-zA-Z\d]{1,253})$/.exec(text.trim())
      ?.groups ?? {};
  return secret === undefined || key === undefined ? undefined : { secret, key };
}

/** What Flink's options are made of; a start script takes them as they are. */
export function isOptionName(name: string): boolean {
  return /^[a-zA-Z][\w-]*(\.[\w-]+)*$/.test(name);
}

/** In the order of their names. What is no option or no reference is left out; validation has named it. */
export function secretValues(config: FlinkConfiguration): SecretValue[] {
  return Object.entries(config)
    .filter(([name]) => name.startsWith(SECRET_PREFIX))
    .flatMap(([name, text]) => {
      const option = name.slice(SECRET_PREFIX.length);
      const reference = parseSecretReference(text);
      return reference === undefined || !isOptionName(option) ? [] : [{ option, ...reference }];
    })
    .toSorted((a, b) => (a.option < b.option ? -1 : 1));
}

/** Without the options whose values are in Secrets: those count, wherever else they are set. */
export function withoutSecretValues(config: FlinkConfiguration): Record<string, string> {
  const secret = new Set(secretValues(config).map(({ option }) => option));
  return Object.fromEntries(Object.entries(config).filter(([name]) => !secret.has(name)));
}

/** Options that are read before there are pods, or that Flink itself copies into the specs of pods. */
const NOT_SECRET = [
  "kubernetes.",
  "containerized.",
  "env.",
  "sluice.",
  "job.autoscaler.",
  "internal.",
  "pipeline.",
  "parallelism.",
  "execution.",
  "state.",
  "high-availability",
  "jobmanager.",
  "taskmanager.",
  "rest.",
  "blob.",
  "scheduler-mode",
];

export function canBeSecret(option: string): boolean {
  return !NOT_SECRET.some((prefix) => option.startsWith(prefix));
}

/** Flink's own list: values of options with such names are hidden in its logs and its web interface, others are shown. */
const SENSITIVE = [
  "password",
  "secret",
  "fs.azure.account.key",
  "apikey",
  "api-key",
  "auth-params",
  "service-key",
  "token",
  "basic-auth",
  "jaas.config",
  "http-headers",
];

export function isSensitive(option: string): boolean {
  const name = option.toLowerCase();
  return SENSITIVE.some((word) => name.includes(word));
}
