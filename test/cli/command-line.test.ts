import { expect, test } from "vitest";
import { actions2aws } from "./launcher.ts";

test("--version", async () => {
  expect(await actions2aws(["--version"], {})).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
    err: "",
  });
});

test.each([
  [["--help"], ["keygen", "request", "serve"]],
  [
    ["keygen", "--help"],
    ["--identity", "--force", "Examples:"],
  ],
  [
    ["request", "--help"],
    ["--url", "ACTIONS2AWS_URL", "Examples:", "Exit codes:"],
  ],
  [
    ["serve", "--help"],
    ["--config", "--simulate-aws", "Examples:"],
  ],
  [["help", "request"], ["--role"]],
])("%j shows help, without colour off a terminal", async (args, words) => {
  const { code, out, err } = await actions2aws(args, {});
  expect({ code, err }).toEqual({ code: 0, err: "" });
  for (const word of words) expect(out).toContain(word);
  expect(out).not.toContain("\u001b");
  expect(out).not.toContain("false");
});

test.each([
  [[]],
  [["requst"]],
  [["--bogus"]],
  [["serve"]],
  [["request", "extra"]],
  [["request", "--bogus"]],
])("%j: exit 2 and a line that says what to do", async (args) => {
  const { code, err } = await actions2aws(args, {});
  expect(code).toBe(2);
  expect(err).toMatch(/actions2aws: [^\n]+\n$/);
});
