import { describe, expect, test } from "vitest";
import { isLoopback } from "../../src/core/loopback.ts";

describe("this machine, as a URL spells it", () => {
  test.each(["localhost", "[::1]", "127.0.0.1", "127.255.249.199", "127.10.0.99", "127.200.250.0"])(
    "is %s",
    (host) => {
      expect(isLoopback(host)).toBe(true);
      expect(isLoopback(new URL(`http://${host}:8080/x`).hostname)).toBe(true);
    },
  );

  test.each([
    "",
    "localhost.",
    "localhost.example.com",
    "evil.localhost",
    "::1",
    "[::2]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
    "126.0.0.1",
    "128.0.0.1",
    "127.0.0.256",
    "127.0.0.300",
    "127.0.0.01",
    "127.0.0",
    "127.0.0.1.1",
    "127.0.0.1.example.com",
    "1.127.0.0.1",
    "127.0.0.a",
    "127.0.0.1\n",
    "127x0x0x1",
  ])("is not %j", (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
