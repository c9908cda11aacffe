import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keygen } from "../../src/cli/keygen.ts";
import { parsePublicKey } from "../../src/core/recipient.ts";
import { actions2aws } from "./launcher.ts";
import { temporaryFolder, testHost } from "./test-host.ts";

function run(env: Record<string, string>, options: Partial<Parameters<typeof keygen>[0]> = {}) {
  const host = testHost(env);
  return { code: keygen({ force: false, ...options }, host), out: host.out, err: host.err };
}

test("stdout is exactly the original's line", async () => {
  const { code, out, err } = await actions2aws(["keygen"], { HOME: temporaryFolder() });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^ACTIONS2AWS PUBKEY: age1[0-9a-z]{58}\n$/);
  expect(parsePublicKey(out.slice("ACTIONS2AWS PUBKEY: ".length, -1))).not.toBeNull();
});

test("in a job the identity is kept and announced again; --force makes a new one", () => {
  const env = { RUNNER_TEMP: temporaryFolder(), GITHUB_ACTIONS: "true" };
  const first = run(env);
  const again = run(env);
  const forced = run(env, { force: true });
  expect(again.out).toBe(first.out);
  expect(again.err).toMatch(/kept the identity/);
  expect(forced.out).not.toBe(first.out);
  expect(run(env).out).toBe(forced.out);
});

test("outside a job an identity is not destroyed, and the line names --force", async () => {
  const env = { HOME: temporaryFolder() };
  run(env);
  const path = join(env.HOME, ".actions2aws", "key");
  const before = readFileSync(path, "utf8");
  const { code, out, err } = await actions2aws(["keygen"], env);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(/^actions2aws: [^\n]*--force[^\n]*\n$/);
  expect(readFileSync(path, "utf8")).toBe(before);
});

test("the announcement goes to the live feed too, with ids that go on", () => {
  const folder = temporaryFolder();
  const env = { RUNNER_TEMP: folder, GITHUB_ACTIONS: "true" };
  const announceTo = join(folder, "3.live");
  const { out } = run(env, { announceTo });
  run({ ...env, ACTIONS2AWS_ANNOUNCE_TO: announceTo });
  const line = out.trimEnd();
  expect(readFileSync(announceTo, "utf8")).toBe(
    `${JSON.stringify({ id: 1, line })}\n${JSON.stringify({ id: 2, line })}\n`,
  );
});

test("a path inside the workspace: warned of by option, refused by default", async () => {
  const folder = temporaryFolder();
  const env = { RUNNER_TEMP: folder, GITHUB_WORKSPACE: folder };
  expect((await actions2aws(["keygen"], env)).code).toBe(1);
  const chosen = await actions2aws(["keygen", "--identity", join(folder, "key")], env);
  expect(chosen.code).toBe(0);
  expect(chosen.err).toContain("workspace");
});

test.each([
  [["keygen", "--bogus"], "--bogus"],
  [
    ["keygen", "extra"],
    "too many arguments for 'keygen'. Expected 0 arguments but got 1: extra: see",
  ],
  [["keygen", "--identity"], "--identity"],
  [["keygen", "--identity="], "--identity"],
  [["keygen", "--", "x"], "--help"],
])("%j: exit 2, one line, nothing on stdout", async (args, hint) => {
  const { code, out, err } = await actions2aws(args, { HOME: temporaryFolder() });
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(/^actions2aws: [^\n]+\n$/);
  expect(err).toContain(hint);
});
