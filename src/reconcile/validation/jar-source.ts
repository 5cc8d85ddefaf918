/** Rules on jars that are downloaded: by the operator itself for session jobs, by an application's own pods. */
import { type FlinkConfiguration, getOption } from "../../flink/configuration.ts";
import {
  FETCHED_SCHEMES,
  FETCHER_IMAGE,
  isRemoteJar,
  JAR_SECRET,
  JAR_SHA256,
  type JarFetch,
  jarFetch,
} from "../../flink/jar-fetch.ts";
import {
  ALLOWED_SCHEMES,
  allowedSchemes,
  areRestrictedHostsAllowed,
  DISALLOW_RESTRICTED_HOSTS,
  isRestrictedHost,
  schemeOf,
} from "../../flink/user-artifacts.ts";
import { configPath, error, type Finding, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** For the end of a message: the URI. What may be a user's name and password, or a signed query, is not repeated. */
export function quoted(jar: string): string {
  return /[@?]/.test(jar) ? "" : `: ${JSON.stringify(jar)}`;
}

/**
 * Session jobs must not make the operator reach into the cluster. Names of hosts are resolved, and checked again, where the download
 * happens. `operator`: its own configuration.
 */
export function checkDownloadedJar(jar: string | undefined, operator: FlinkConfiguration): Finding[] {
  if (jar === undefined) return [];
  const path = "spec.job.jarURI";
  const scheme = schemeOf(jar);
  if (scheme === undefined) {
    const example = "for example https://repository.example.com/job.jar";
    return [error(path, `has no scheme${quoted(jar)}`, example)];
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
  if (url === null || url.hostname === "") return [error(path, `has no host${quoted(jar)}`)];
  if (!isRestrictedHost(url.hostname)) return [];
  return [
    error(
      path,
      `points to ${url.hostname}, an address of this machine or of a private network`,
      `use a public host, or set ${DISALLOW_RESTRICTED_HOSTS.key}: false in the operator's configuration`,
    ),
  ];
}

/**
 * An application's pods fetch by themselves, in their own network, so the operator's defaults do not count here; what an
 * administrator has set does.
 */
const ANYWHERE = {
  [ALLOWED_SCHEMES.key]: FETCHED_SCHEMES.join(";"),
  [DISALLOW_RESTRICTED_HOSTS.key]: "false",
};

function checkFetchOptions(fetch: JarFetch): Finding[] {
  const { uri, secret, sha256 } = fetch;
  const findings: Finding[] = [];
  if (sha256 !== undefined && !/^[\da-f]{64}$/i.test(sha256)) {
    findings.push(
      error(configPath(JAR_SHA256.key), "must be 64 hexadecimal digits", "for example from sha256sum"),
    );
  }
  if (secret !== undefined && !/^[a-z\d]([-a-z\d.]{0,251}[a-z\d])?$/.test(secret)) {
    findings.push(
      error(configPath(JAR_SECRET.key), "must be the name of a Secret", "for example jar-credentials"),
    );
  }
  if (/^[a-z\d]+:\/\/[^/]*@/i.test(uri)) {
    const advice = `put username and password into a Secret and name it in ${JAR_SECRET.key}`;
    findings.push(
      warning("spec.job.jarURI", "holds credentials, which everybody sees who sees the job", advice),
    );
  }
  return findings;
}

/** Options that say how to fetch a jar, where nobody fetches one. */
function checkUnused({ spec, config, own }: Subject): Finding[] {
  const isRemote = isRemoteJar(spec.job?.jarURI);
  return [JAR_SECRET, JAR_SHA256]
    .filter(({ key }) => own[key] !== undefined)
    .map(({ key }) =>
      isRemote && getOption(config, FETCHER_IMAGE) === undefined
        ? error(
            configPath(key),
            `needs ${FETCHER_IMAGE.key}`,
            "set it in the operator's configuration, or here",
          )
        : warning(configPath(key), "does nothing: spec.job.jarURI is not fetched by Sluice", "remove it"),
    );
}

export function checkFetchedJar(subject: Subject): Finding[] {
  const { spec, config, operator } = subject;
  const fetch = jarFetch(spec.job?.jarURI, config);
  if (fetch === undefined) return checkUnused(subject);
  return [...checkDownloadedJar(fetch.uri, { ...ANYWHERE, ...operator }), ...checkFetchOptions(fetch)];
}
