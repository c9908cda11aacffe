import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";

const executable = join(root, "dist/actions2aws");
const source = join(root, "src/cli/main.ts");

describe.skipIf(!existsSync(executable))("the executable", () => {
  const home = mkdtempSync(join(tmpdir(), "actions2aws-executable-"));
  afterAll(() => rmSync(home, { recursive: true }));

  const run = (file: string, args: string[], env: Record<string, string> = {}) => {
    const { status, stdout, stderr } = spawnSync(file, args, {
      env: { HOME: home, ...env },
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };

  test("knows its version", () => {
    const text = readFileSync(join(root, "package.json"), "utf8");
    const { version } = JSON.parse(text) as { version: string };
    const [plain] = run(executable, ["--version"]).stdout.trim().split("+");
    expect(plain).toBe(version);
  });

  test("makes a key", () => {
    const identity = join(home, "made/identity");
    const made = run(executable, ["keygen", "--identity", identity]);
    expect(made).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^ACTIONS2AWS PUBKEY: age1[a-z0-9]{58}\n$/),
      stderr: "",
    });
    expect(statSync(identity).mode & 0o777).toBe(0o600);
  });

  // A failure crosses from one bundle into another, and must still be known for what it is.
  test.for([
    ["--help"],
    ["nonsense"],
    ["keygen", "--nonsense"],
    ["request"],
    ["request", "--url", "http://broker.example.com"],
    ["request", "--url", "http://127.0.0.1:1", "--role", "arn:aws:iam::123456789012:role/r"],
    ["serve", "--config", "/nonexistent", "--check"],
  ])("ends like the sources do: %j", (args) => {
    const own = run(executable, args);
    expect(own).toEqual(run(process.execPath, [source, ...args]));
    expect(own.stderr).not.toContain("unforeseen");
  });

  test("does not take the NODE_OPTIONS of a workflow", () => {
    const env = { NODE_OPTIONS: "--require /nonexistent.cjs" };
    expect(run(executable, ["--version"], env)).toMatchObject({ status: 0, stderr: "" });
  });
});
