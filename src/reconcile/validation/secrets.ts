/** Rules on values that are in Secrets, and on those that should be. */
import { JAR_PREFIX } from "../../flink/jar-fetch.ts";
import {
  canBeSecret,
  isOptionName,
  isSensitive,
  parseSecretReference,
  SECRET_PREFIX,
} from "../../flink/secret-values.ts";
import { configPath, error, type Finding, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

function checkReference(name: string, text: string): Finding | undefined {
  const path = configPath(name);
  const option = name.slice(SECRET_PREFIX.length);
  if (!isOptionName(option)) {
    return error(path, "names no option of Flink's", `write ${SECRET_PREFIX}<option>: <secret>/<key>`);
  }
  if (!canBeSecret(option)) {
    const advice = `set ${option} in flinkConfiguration, or an environment variable in podTemplate with valueFrom`;
    return error(
      path,
      `${option} is read before its pods exist: its value cannot come from a Secret`,
      advice,
    );
  }
  if (parseSecretReference(text) === undefined) {
    // Not the text: it may be the secret itself, put into the wrong place.
    return error(path, "must name a Secret and one of its keys", "for example s3-credentials/secret-key");
  }
  return isSensitive(option)
    ? undefined
    : warning(
        path,
        `Flink shows the value of ${option} in its logs and web interface: by its name it is no secret`,
        "allow only those to see these who may know it",
      );
}

export function checkSecretValues({ own }: Subject): Finding[] {
  return Object.entries(own).flatMap(([name, text]) => {
    if (!name.startsWith(SECRET_PREFIX)) return [];
    const option = name.slice(SECRET_PREFIX.length);
    const wrong = checkReference(name, text);
    const doubled =
      own[option] === undefined
        ? undefined
        : warning(configPath(option), `is not used: its value comes from a Secret (${name})`, "remove it");
    return [wrong, doubled].filter((finding) => finding !== undefined);
  });
}

/** Named like secrets, and none: names of Secrets, and switches. */
const NO_SECRETS = ["kubernetes.", SECRET_PREFIX, "sluice.", "security.delegation.token"];

/** A value in a job file is in its ConfigMap, in the status and in whatever keeps the file. */
export function checkPlainSecrets({ own }: Subject): Finding[] {
  return Object.entries(own).flatMap(([option, value]) => {
    if (value.trim() === "" || !isSensitive(option) || !canBeSecret(option)) return [];
    if (NO_SECRETS.some((prefix) => option.startsWith(prefix))) return [];
    if (own[SECRET_PREFIX + option] !== undefined) return [];
    return [
      warning(
        configPath(option),
        "is a secret in plain text: it is in the job file, its ConfigMap and its status",
        `put it into a Secret and write ${SECRET_PREFIX}${option}: <secret>/<key>`,
      ),
    ];
  });
}

/** What a session job cannot have of its own: its pods are the cluster's, and its jar is the operator's to fetch. */
export function checkClusterOnly({ own }: Subject): Finding[] {
  const prefixes = [SECRET_PREFIX, JAR_PREFIX];
  return Object.keys(own)
    .filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))
    .map((name) => {
      const advice = name.startsWith(SECRET_PREFIX)
        ? "set it in the session cluster's FlinkDeployment"
        : "remove it";
      return warning(configPath(name), "does nothing in a FlinkSessionJob", advice);
    });
}
