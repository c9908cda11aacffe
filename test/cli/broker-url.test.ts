import { expect, test } from "vitest";
import { addressOf, parseBrokerUrl } from "../../src/cli/broker-url.ts";
import { isLoopback } from "../../src/core/loopback.ts";

test.each([
  ["https://broker.example.com", "https://broker.example.com/v1/challenges"],
  ["https://broker.example.com/", "https://broker.example.com/v1/challenges"],
  ["https://broker.example.com/aws/", "https://broker.example.com/aws/v1/challenges"],
  ["https://broker.example.com:8443/a/b", "https://broker.example.com:8443/a/b/v1/challenges"],
  ["HTTPS://Broker.Example.com", "https://broker.example.com/v1/challenges"],
  ["http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/challenges"],
  ["http://127.9.8.7", "http://127.9.8.7/v1/challenges"],
  ["http://localhost:1", "http://localhost:1/v1/challenges"],
  ["http://[::1]:1/x", "http://[::1]:1/x/v1/challenges"],
])("%s leads to %s", (text, address) => {
  expect(addressOf(parseBrokerUrl(text), "/v1/challenges").href).toBe(address);
});

test.each([
  "",
  "broker.example.com",
  "//broker.example.com",
  "http://broker.example.com",
  "http://10.0.0.1",
  "http://128.0.0.1",
  "http://127.0.0.1.example.com",
  "http://localhost.example.com",
  "http://0.0.0.0",
  "http://[::2]",
  "http://[::ffff:10.0.0.1]",
  "https://user@broker.example.com",
  "HTTPS://user:s3cret@broker.example.com",
  "https://:s3cret@broker.example.com",
  "https://@broker.example.com",
  "https://broker.example.com?x=1",
  "https://broker.example.com/#x",
  "https://broker.example.com?",
  "https://",
  "https:broker.example.com",
  "https:\\\\broker.example.com",
  "https://broker.example.com\\@evil.example",
  "https://broker.example.com\n",
  "https://broker\n.example.com",
  " https://broker.example.com",
  "https://broker.example.com/a b",
  "file:///etc/passwd",
  "ftp://broker.example.com",
  "javascript:alert(1)",
  "https://broker.example.com:99999",
])("%j is refused, and not quoted", (text) => {
  expect(() => parseBrokerUrl(text)).toThrow(/broker's address/);
  expect(() => parseBrokerUrl(text)).not.toThrow(/s3cret/);
});

test.each([
  ["http://127.0.0.1", true],
  ["http://2130706433", true],
  ["https://example.com", false],
  ["https://127.example.com", false],
])("%s is loopback: %s", (text, expected) => {
  expect(isLoopback(new URL(text).hostname)).toBe(expected);
});
