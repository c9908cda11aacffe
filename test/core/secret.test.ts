import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "../../src/core/secret.ts";

const secret = new Secret("canary");

test("F-01: a secret reads [secret] however it is printed", () => {
  const holder = { secret, list: [secret] };
  const printed = [
    String(secret),
    "".concat(secret as unknown as string),
    JSON.stringify(holder),
    inspect(holder, { showHidden: true, depth: 9, showProxy: true }),
    Object.entries(secret).join(),
    Reflect.ownKeys(secret).join(),
    JSON.stringify(Object.assign({}, secret)),
    String(new Error("failed", { cause: secret }).cause),
  ];
  expect(printed.join("\n")).not.toContain("canary");
  expect([String(secret), JSON.stringify(secret), inspect(secret)]).toEqual([
    "[secret]",
    '"[secret]"',
    "[secret]",
  ]);
});

test("only reveal gives it away", () => {
  expect(secret.reveal()).toBe("canary");
});
