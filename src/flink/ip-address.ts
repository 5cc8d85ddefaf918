/** IP addresses as text: which of them lead where a download must not go. */

/** Addresses of the machine, its link, private networks, groups, and those that are nobody's in particular. */
const RESTRICTED = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/3",
  "::/128",
  "::1/128",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
].map(network);

/** IPv6 addresses that mean an IPv4 address, by the bytes at which it begins. */
const EMBEDDING = (
  [
    ["::ffff:0:0/96", 12],
    ["64:ff9b::/96", 12],
    ["::/96", 12],
    ["2002::/16", 2],
  ] as const
).map(([text, at]) => ({ ...network(text), at }));

interface Network {
  readonly bytes: readonly number[];
  readonly bits: number;
}

function network(text: string): Network {
  const [address = "", bits = ""] = text.split("/");
  return { bytes: addressBytes(address) ?? [], bits: Number(bits) };
}

function ipv4(text: string): number[] | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  return octets?.every((octet) => octet <= 255) ? octets : undefined;
}

function ipv6(text: string): number[] | undefined {
  // A dotted IPv4 address at the end stands for the last two groups.
  const [, before = text, dotted] = /^(.*:)(\d+\.[\d.]+)$/.exec(text) ?? [];
  const tail = dotted === undefined ? [] : ipv4(dotted);
  if (tail === undefined) return undefined;
  const plain = dotted === undefined ? before : before.replace(/([^:]):$/, "$1");
  const halves = plain.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (![...head, ...rest].every((group) => /^[\da-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - tail.length / 2 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const zeros = Array.from({ length: missing }, () => "0");
  const groups = [...head, ...zeros, ...rest].map((group) => Number.parseInt(group, 16));
  return [...groups.flatMap((group) => [group >> 8, group & 255]), ...tail];
}

/** 4 or 16 bytes; undefined for what is no address. */
function addressBytes(text: string): readonly number[] | undefined {
  return ipv4(text) ?? ipv6(text.replace(/%.*$/, ""));
}

function isIn(bytes: readonly number[], { bytes: start, bits }: Network): boolean {
  if (bytes.length !== start.length) return false;
  return start.every((byte, index) => {
    const width = Math.min(8, Math.max(0, bits - index * 8));
    const mask = (0xff << (8 - width)) & 0xff;
    return ((byte ^ (bytes[index] ?? 0)) & mask) === 0;
  });
}

/** An IPv6 address with or without its brackets. What is no address is restricted as well. */
export function isRestrictedAddress(text: string): boolean {
  const bytes = addressBytes(text.replace(/^\[(.*)\]$/, "$1"));
  if (bytes === undefined || RESTRICTED.some((one) => isIn(bytes, one))) return true;
  const embedding = EMBEDDING.find((one) => isIn(bytes, one));
  if (embedding === undefined) return false;
  const inner = bytes.slice(embedding.at, embedding.at + 4);
  return RESTRICTED.some((one) => isIn(inner, one));
}

/** Whether a URL's host is an address, and not a name that is still to be resolved. */
export function isAddress(host: string): boolean {
  return addressBytes(host.replace(/^\[(.*)\]$/, "$1")) !== undefined;
}
