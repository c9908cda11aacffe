import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientAddresses, limitKey } from "../../src/server/client-address.ts";

describe("H-10: whose request it is", () => {
  const none = new ClientAddresses([]);
  const some = new ClientAddresses(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);

  test.each([
    ["192.0.2.1", undefined, "192.0.2.1"],
    ["192.0.2.1", "198.51.100.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "198.51.100.1", "192.0.2.1"],
  ])("without proxies, %s with X-Forwarded-For %j is %s", (peer, forwarded, expected) => {
    expect(none.of(peer, forwarded)).toBe(expected);
  });

  test.each([
    ["10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["192.0.2.7", "198.51.100.1", "198.51.100.1"],
    ["::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["2001:db8::9", "2001:db9::1", "2001:db9::1"],
    ["10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"],
    ["10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"],
    ["10.0.0.1", " 198.51.100.1 ", "198.51.100.1"],
    ["10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"],
    ["192.0.2.8", "198.51.100.1", "192.0.2.8"],
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["10.0.0.1", "", "10.0.0.1"],
    ["10.0.0.1", "10.0.0.2", "10.0.0.1"],
    ["10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"],
    ["10.0.0.1", "6.6.6.6, 198.51.100.1:443", "10.0.0.1"],
  ])("behind proxies, %s with X-Forwarded-For %j is %s", (peer, forwarded, expected) => {
    expect(some.of(peer, forwarded)).toBe(expected);
  });

  test("what stands before the proxy's own entry changes nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (forged) => {
        const chosen = forged.map((entry) => entry.replaceAll(",", ""));
        expect(some.of("10.0.0.1", [...chosen, "198.51.100.1"].join(", "))).toBe("198.51.100.1");
        expect(none.of("192.0.2.1", chosen.join(", "))).toBe("192.0.2.1");
      }),
    );
  });
});

describe("H-10: an IPv6 client's /64 has one limit", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::", "fe80:0:0:0::/64"],
    ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
    ["", ""],
  ])("%s: %s", (address, expected) => {
    expect(limitKey(address)).toBe(expected);
  });
});
