/**
 * A download over HTTP that stays where it may go: each address is checked when it is connected to, and not before, so
 * that a name cannot mean another address by then; each redirect is a new destination.
 */
import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { Agent, request } from "undici";
import { isAddress, isRestrictedAddress } from "../flink/ip-address.ts";
import { JarError, withoutSecrets } from "./jar-error.ts";

const MOST_REDIRECTS = 5;

export interface HttpJarOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly allowedSchemes: readonly string[];
  readonly restrictedHostsAllowed: boolean;
  readonly signal: AbortSignal;
  /** How a name becomes addresses; the system's unless given. */
  readonly lookup?: LookupFunction | undefined;
  /** Which addresses are restricted; those of ip-address.ts unless given. */
  readonly isRestricted?: ((address: string) => boolean) | undefined;
}

export interface HttpJar {
  readonly content: Readable;
  /** Bytes, where the server tells. */
  readonly length: number | undefined;
  /** Lets go of the connection. */
  readonly release: () => Promise<void>;
}

function restricted(what: string): JarError {
  return new JarError(
    `${what} is an address of this machine or of a private network; use a public host, or set ` +
      "kubernetes.operator.user.artifacts.disallow-restricted-hosts: false in the operator's configuration",
  );
}

/** Resolves like the system, and gives no address away that must not be connected to. */
function checkedLookup(isRestricted: (address: string) => boolean, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (failure, found) => {
      const addresses = Array.isArray(found) ? found : [];
      const forbidden = addresses.find(({ address }) => isRestricted(address));
      const [first] = addresses;
      if (failure !== null) callback(failure, "");
      else if (forbidden !== undefined)
        callback(restricted(`${hostname} resolves to ${forbidden.address}, which`), "");
      else if (first === undefined) callback(new JarError(`${hostname} resolves to no address`), "");
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function agentFor(options: HttpJarOptions): Agent {
  const { isRestricted = isRestrictedAddress, lookup = systemLookup } = options;
  // The deadline is the signal's; undici's own clocks would fire at other times.
  return new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      lookup: options.restrictedHostsAllowed ? lookup : checkedLookup(isRestricted, lookup),
    },
  });
}

function checkDestination(url: URL, options: HttpJarOptions): void {
  const { allowedSchemes, restrictedHostsAllowed, isRestricted = isRestrictedAddress } = options;
  const scheme = url.protocol.slice(0, -1);
  if (!allowedSchemes.includes(scheme) || (scheme !== "http" && scheme !== "https")) {
    throw new JarError(
      `scheme ${scheme} is not allowed; allowed are ${allowedSchemes.join(", ")} ` +
        "(kubernetes.operator.user.artifacts.allowed-schemes in the operator's configuration)",
    );
  }
  // An address is connected to without a lookup.
  if (!restrictedHostsAllowed && isAddress(url.hostname) && isRestricted(url.hostname)) {
    throw restricted(url.hostname);
  }
}

/** Where an answer sends to; undefined when it does not. */
function redirection(status: number, location: string | string[] | undefined, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const next = typeof location === "string" ? URL.parse(location, from.href) : null;
  if (next === null) throw new JarError(`${withoutSecrets(from.href)} redirects to nowhere`);
  return next;
}

async function follow(start: URL, options: HttpJarOptions, agent: Agent): Promise<Omit<HttpJar, "release">> {
  let url = start;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    checkDestination(url, options);
    // The headers may be credentials: they are for the server that the job file names.
    const headers = url.origin === start.origin ? { ...options.headers } : {};
    const answer = await request(url.href, { dispatcher: agent, signal: options.signal, headers });
    const next = redirection(answer.statusCode, answer.headers["location"], url);
    if (next === undefined) {
      if (answer.statusCode === 200) {
        const length = Number(answer.headers["content-length"] ?? Number.NaN);
        return { content: answer.body, length: Number.isSafeInteger(length) ? length : undefined };
      }
      throw new JarError(`${withoutSecrets(url.href)}: HTTP ${answer.statusCode}`);
    }
    await answer.body.dump();
    url = next;
  }
  throw new JarError(`${withoutSecrets(start.href)} redirects more than ${MOST_REDIRECTS} times`);
}

/** @throws JarError when the destination is not allowed or does not answer with a file. */
export async function openHttpJar(uri: string, options: HttpJarOptions): Promise<HttpJar> {
  const url = URL.parse(uri);
  if (url === null || url.hostname === "") throw new JarError("the jar's URI has no host");
  const agent = agentFor(options);
  try {
    return { ...(await follow(url, options, agent)), release: () => agent.destroy() };
  } catch (error) {
    await agent.destroy();
    throw error;
  }
}
