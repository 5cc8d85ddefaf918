/** The rule on jars that the operator itself downloads: session jobs must not make it reach into the cluster. */
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import {
  ALLOWED_SCHEMES,
  allowedSchemes,
  areRestrictedHostsAllowed,
  DISALLOW_RESTRICTED_HOSTS,
  isRestrictedHost,
  schemeOf,
} from "../../flink/user-artifacts.ts";
import { error, type Finding } from "./finding.ts";

/** Names of hosts are resolved, and checked again, where the download happens. `operator`: its own configuration. */
export function checkDownloadedJar(jar: string | undefined, operator: FlinkConfiguration): Finding[] {
  if (jar === undefined) return [];
  const path = "spec.job.jarURI";
  const scheme = schemeOf(jar);
  if (scheme === undefined) {
    const example = "for example https://repository.example.com/job.jar";
    return [error(path, `has no scheme: ${JSON.stringify(jar)}`, example)];
  }
  const allowed = allowedSchemes(operator);
  if (!allowed.includes(scheme)) {
    return [
      error(
        path,
        `scheme ${scheme} is not allowed; allowed are ${allowed.join(", ")}`,
        `add it to ${ALLOWED_SCHEMES.key} in the operator's configuration`,
      ),
    ];
  }
  if ((scheme !== "http" && scheme !== "https") || areRestrictedHostsAllowed(operator)) return [];
  const url = URL.parse(jar);
  if (url === null || url.hostname === "") return [error(path, `has no host: ${JSON.stringify(jar)}`)];
  if (!isRestrictedHost(url.hostname)) return [];
  return [
    error(
      path,
      `points to ${url.hostname}, an address of this machine or of a private network`,
      `use a public host, or set ${DISALLOW_RESTRICTED_HOSTS.key}: false in the operator's configuration`,
    ),
  ];
}
