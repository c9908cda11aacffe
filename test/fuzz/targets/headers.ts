import assert from "node:assert/strict";
import { isIP } from "node:net";
import { parseRetryAfter } from "../../../src/cli/broker-client.ts";
import { ClientAddresses, limitKey } from "../../../src/server/client-address.ts";
import { retryAfterSeconds } from "../../../src/server/network.ts";
import { now } from "../honest.ts";
import type { Target } from "../target.ts";

/** X-Forwarded-For: an address, and never one of the trusted proxies' unless it is the peer. */
export function openForwardedFor(): Target {
  const addresses = new ClientAddresses(["10.0.0.0/8", "fd00::/8"]);
  return {
    seeds: ["203.0.113.7", "198.51.100.1, 203.0.113.7, 10.1.2.3", "2001:db8::1, fd00::1"],
    words: [
      ",",
      ", ",
      ":",
      "::",
      "::ffff:10.0.0.1",
      "fe80::1%eth0",
      "[::1]:80",
      "10.0.0.1",
      "0x7f.1",
    ],
    run(input) {
      const address = addresses.of("10.9.9.9", input.toString("latin1"));
      assert.notEqual(isIP(address), 0);
      assert(address === "10.9.9.9" || !address.startsWith("10."));
      assert(limitKey(address).length <= 64);
      assert.equal(addresses.of("203.0.113.9", input.toString("latin1")), "203.0.113.9");
    },
  };
}

/** Retry-After, as GitHub and the broker say it: a time to wait, or nothing. */
export function openRetryAfter(): Target {
  return {
    seeds: ["5", "Sat, 01 Aug 2026 12:00:05 GMT"],
    words: [" GMT", "-", "+", ".", "e9", "Infinity", "1970", "275760", "Z", "T"],
    run(input) {
      const value = input.toString("latin1");
      const waits = [retryAfterSeconds({ "retry-after": value }, now), parseRetryAfter(value, now)];
      for (const wait of waits) assert(wait === null || (Number.isFinite(wait) && wait >= 0));
    },
  };
}
