/**
 * Which jars Sluice itself may download for session jobs: a job file must not make it reach into the cluster. Both
 * options count in the operator's own configuration only, never in a resource.
 */
import {
  type FlinkConfiguration,
  getBoolean,
  getMap,
  getOption,
  type Option,
  parseList,
} from "./configuration.ts";
import { isAddress, isRestrictedAddress } from "./ip-address.ts";

export const ALLOWED_SCHEMES: Option = {
  key: "kubernetes.operator.user.artifacts.allowed-schemes",
  default: "https",
};
export const DISALLOW_RESTRICTED_HOSTS: Option = {
  key: "kubernetes.operator.user.artifacts.disallow-restricted-hosts",
  default: "true",
};
export const HTTP_HEADER: Option = { key: "kubernetes.operator.user.artifacts.http.header" };

/** In lower case. `operator`: its own configuration. */
export function allowedSchemes(operator: FlinkConfiguration): readonly string[] {
  const entries = parseList(getOption(operator, ALLOWED_SCHEMES) ?? "") ?? [];
  return entries.flatMap((entry) => entry.split(",").map((scheme) => scheme.trim().toLowerCase()));
}

export function areRestrictedHostsAllowed(operator: FlinkConfiguration): boolean {
  return !getBoolean(operator, DISALLOW_RESTRICTED_HOSTS);
}

/** By what the host of a URL is called; a name may still resolve to a restricted address. */
export function isRestrictedHost(host: string): boolean {
  if (/^(localhost|.*\.localhost)\.?$/i.test(host)) return true;
  return isAddress(host) && isRestrictedAddress(host);
}

/** The scheme in lower case; undefined when the URI has none. */
export function schemeOf(uri: string): string | undefined {
  return /^([a-z][a-z\d+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
}

/** Headers for downloads, of the operator, the session cluster and the job. */
export function artifactHeaders(configuration: FlinkConfiguration): Readonly<Record<string, string>> {
  const headers = getMap(configuration, HTTP_HEADER);
  return headers === undefined || headers === "malformed" ? {} : headers;
}
