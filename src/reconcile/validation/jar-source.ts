/** The rule on jars that the operator itself downloads: session jobs must not make it reach into the cluster. */
import { type FlinkConfiguration, getBoolean, getOption, parseList } from "../../flink/configuration.ts";
import { error, type Finding } from "./finding.ts";

const ALLOWED_SCHEMES = { key: "kubernetes.operator.user.artifacts.allowed-schemes", default: "https" };
const DISALLOW_RESTRICTED = {
  key: "kubernetes.operator.user.artifacts.disallow-restricted-hosts",
  default: "true",
};

/** Addresses of the machine, the link or a private network. Names are resolved where the download happens. */
function isRestrictedAddress(host: string): boolean {
  if (/^(localhost|.*\.localhost)\.?$/i.test(host)) return true;
  const octets = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host)?.slice(1).map(Number);
  if (octets) {
    const [first = 0, second = 0] = octets;
    const isPrivate =
      first === 10 || (first === 172 && second >= 16 && second <= 31) || (first === 192 && second === 168);
    const isMulticast = first >= 224 && first <= 239;
    return first === 0 || first === 127 || (first === 169 && second === 254) || isPrivate || isMulticast;
  }
  if (!host.startsWith("[")) return false;
  // URL writes an IPv6 address in its shortest form, an embedded IPv4 one as hexadecimal.
  return /^\[(::1?|::ffff:.*|f[cd][\da-f]{2}:.*|fe[89ab][\da-f]:.*|fe[c-f][\da-f]:.*|ff[\da-f]{2}:.*)\]$/i.test(
    host,
  );
}

export function checkDownloadedJar(jar: string | undefined, config: FlinkConfiguration): Finding[] {
  if (jar === undefined) return [];
  const path = "spec.job.jarURI";
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(jar)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return [
      error(
        path,
        `has no scheme: ${JSON.stringify(jar)}`,
        "for example https://repository.example.com/job.jar",
      ),
    ];
  }
  const allowed = (parseList(getOption(config, ALLOWED_SCHEMES) ?? "") ?? []).flatMap((entry) =>
    entry.split(",").map((item) => item.trim().toLowerCase()),
  );
  if (!allowed.includes(scheme)) {
    return [
      error(
        path,
        `scheme ${scheme} is not allowed; allowed are ${allowed.join(", ")}`,
        `add it to ${ALLOWED_SCHEMES.key} in the operator's configuration`,
      ),
    ];
  }
  if ((scheme !== "http" && scheme !== "https") || !getBoolean(config, DISALLOW_RESTRICTED)) return [];
  const url = URL.parse(jar);
  if (url === null || url.hostname === "") return [error(path, `has no host: ${JSON.stringify(jar)}`)];
  if (!isRestrictedAddress(url.hostname)) return [];
  return [
    error(
      path,
      `points to ${url.hostname}, an address of this machine or of a private network`,
      `use a public host, or set ${DISALLOW_RESTRICTED.key}: false in the operator's configuration`,
    ),
  ];
}
