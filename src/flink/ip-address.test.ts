import fc from "fast-check";
import { BlockList, isIP } from "node:net";
import { describe, expect, it } from "vitest";
import { isAddress, isRestrictedAddress } from "./ip-address.ts";

describe("a restricted address", () => {
  it.each([
    ["0.0.0.0", "0.1.2.3", "255.255.255.255", "240.0.0.1"],
    ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1"],
    ["100.64.0.1", "100.127.255.255"],
    ["127.0.0.1", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1", "[::1]"],
    ["169.254.169.254", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"],
    ["224.0.0.1", "239.255.255.255", "ff02::1"],
    ["fc00::1", "fdff:ffff::1", "[fd00::1]"],
    ["::", "::ffff:10.0.0.1", "::ffff:a00:1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1"],
    ["2002:a00:1::1", "2002:c0a8:0101::"],
    ["", "localhost", "1.2.3", "1.2.3.256", "1:2", "1::2::3", "12345::1", "::g", "1.2.3.4.5"],
  ])("%s", (...addresses) => {
    expect(addresses.filter((one) => !isRestrictedAddress(one))).toEqual([]);
  });

  it("is not one of the rest", () => {
    const open = [
      "1.1.1.1",
      "9.255.255.255",
      "11.0.0.0",
      "100.63.255.255",
      "100.128.0.0",
      "172.15.255.255",
      "172.32.0.0",
      "192.167.255.255",
      "223.255.255.255",
      "2606:4700::1111",
      "2002:808:808::1",
      "::ffff:8.8.8.8",
      "64:ff9b::8.8.8.8",
      "[2a00::1]",
    ];
    expect(open.filter(isRestrictedAddress)).toEqual([]);
  });

  it("is the same in every spelling of an address", () => {
    const known = new BlockList();
    known.addSubnet("10.0.0.0", 8, "ipv4");
    known.addSubnet("fc00::", 7, "ipv6");
    const nearby = fc.oneof(
      fc.ipV6(),
      fc.tuple(fc.constantFrom("fc", "fd", "fb", "2a"), fc.ipV6()).map(([start, rest]) => {
        const [, ...groups] = rest.split(":");
        return [`${start}00`, ...groups].join(":");
      }),
      fc.nat(255).map((last) => `::ffff:10.0.0.${last}`),
    );
    fc.assert(
      fc.property(nearby, (text) => {
        fc.pre(isIP(text) === 6);
        if (known.check(text, "ipv6")) expect(isRestrictedAddress(text)).toBe(true);
        expect(isAddress(text)).toBe(true);
        expect(isRestrictedAddress(text)).toBe(isRestrictedAddress(new URL(`http://[${text}]`).hostname));
      }),
    );
  });
});
