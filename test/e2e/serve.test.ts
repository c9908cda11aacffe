import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { actions2aws, type Ended, path, program } from "../harness/program.ts";

const folder = mkdtempSync(join(tmpdir(), "actions2aws-serve-"));
afterAll(() => rmSync(folder, { recursive: true }));

const good = `github:
  server_url: https://github.example.com
audit: { file: ${join(folder, "audit.jsonl")} }
grants:
  - name: shop-deploy
    repository: acme/shop
    repository_id: 1296269
    ref: refs/heads/main
    step: [assume role]
    role: [arn:aws:iam::123456789012:role/shop-deploy]
`;
const secrets = {
  GITHUB_TOKEN: "canary-token",
  GITHUB_USER_SESSION: "canary-session",
  ACTIONS2AWS_SIGNING_KEY: "canary-signing-key-of-more-than-32-characters",
  AWS_REGION: "eu-west-1",
};
let files = 0;

function fileOf(text: string): string {
  const file = join(folder, `broker-${++files}.yml`);
  writeFileSync(file, text);
  return file;
}

function check(text: string): Promise<Ended & { readonly file: string }> {
  const file = fileOf(text);
  return actions2aws(["serve", "--config", file, "--check"]).then((ended) => ({ ...ended, file }));
}

/** Starts a broker that is expected to end by itself, and not to tell any secret. */
async function refused(
  more: readonly string[] = [],
  env: Record<string, string> = secrets,
): Promise<Ended> {
  const args = ["serve", "--config", fileOf(good), "--listen", "127.0.0.1:0", ...more];
  const ended = await actions2aws(args, env);
  expect(ended.stdout + ended.stderr).not.toContain("canary");
  expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ended.stdout).not.toContain("listening");
  return ended;
}

describe("serve --check", () => {
  test("says that a good file is fine, needs no secret for it, and warns of what is risky", async () => {
    expect(await check(good)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("fine, 1 grant\n"),
      stderr: "",
    });
    const risky = good.replace(
      "    repository_id: 1296269\n",
      "    event: [push, issue_comment]\n",
    );
    const warned = await check(risky);
    expect(warned.exitCode).toBe(0);
    expect(warned.stderr).toMatch(/grant shop-deploy: .*repository_id/);
    expect(warned.stderr).toMatch(/grant shop-deploy: .*issue_comment/);
  });

  test("tells every fault of a file at once, each with its line (P-01)", async () => {
    const { exitCode, stderr, file } = await check(`github:
  server_url: http://github.example.com
limts: { per_address: 60/m }
grants:
  - name: shop-deploy
    repository: "*/shop"
    refs: refs/heads/main
    step: [assume role]
    role: [arn:aws:iam::123456789012:role/*]
  - name: shop-deploy-2
    repository: acme/shop
    ref: main
    event: []
    role: arn:aws:iam::123456789012:role/a
    max_duration: 5m
`);
    expect(exitCode).toBe(2);
    const lines = stderr.trimEnd().split("\n");
    // Line 10 is the grant that lacks a step.
    expect(lines.map((line) => Number(line.slice(file.length + 1).split(":")[0]))).toEqual([
      2, 3, 6, 7, 9, 10, 12, 13, 15,
    ]);
    for (const word of [
      "server_url",
      "limts",
      "owner",
      "refs",
      "role",
      "full ref",
      "empty list",
      "15m",
    ]) {
      expect(stderr).toContain(word);
    }
  });

  test.for([
    ["a key with a typing mistake", good.replace("ref:", "rfe:"), 8, "rfe"],
    ["a key twice", good.replace("    ref:", "    ref: refs/heads/x\n    ref:"), 9, "unique"],
    ["no step for the log proof", good.replace(/ {4}step.*\n/, ""), 0, "step"],
    ["no grant at all", good.replace(/grants:[\s\S]*/, "grants: []\n"), 4, "at least one grant"],
    ["a tab", good.replace("    ref", "\tref"), 8, ""],
    ["an anchor", good.replace("[assume role]", "&a [assume role]"), 9, ""],
    ["two documents", `${good}---\n${good}`, 0, ""],
    ["nothing", "", 0, ""],
  ] as const)("refuses %s (P-01, P-02)", async ([, text, line, word]) => {
    const { exitCode, stdout, stderr, file } = await check(text);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(line === 0 ? /^\S+:\d+: \S/ : new RegExp(`^${file}:${line}: \\S`));
    expect(stderr).toContain(word);
  });

  test("says so when there is no such file, or it is none", async () => {
    for (const [file, code] of [
      [join(folder, "absent"), "ENOENT"],
      [folder, "EISDIR"],
    ] as const) {
      const ended = await actions2aws(["serve", "--config", file, "--check"]);
      expect(ended).toEqual({
        exitCode: 2,
        stdout: "",
        stderr: `actions2aws: the configuration can't be read (${code}): ${file}\n`,
      });
    }
  });

  test("a fault in the file stops the start as well", async () => {
    const file = fileOf(good.replace("ref:", "rfe:"));
    const ended = await actions2aws(
      ["serve", "--config", file, "--listen", "127.0.0.1:0"],
      secrets,
    );
    expect([ended.exitCode, ended.stderr]).toEqual([2, expect.stringContaining(`${file}:8: `)]);
  });
});

describe("serve does not start", () => {
  const without = (name: keyof typeof secrets): Record<string, string> => ({
    ...secrets,
    [name]: "",
  });

  test.for(["GITHUB_TOKEN", "GITHUB_USER_SESSION"] as const)("without %s", async (name) => {
    const { exitCode, stderr } = await refused([], without(name));
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`${name}_FILE) is not set`)]);
  });

  test("with a signing key that is too short", async () => {
    const short = { ...secrets, ACTIONS2AWS_SIGNING_KEY: "canary" };
    const { exitCode, stderr } = await refused([], short);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("32 characters or more")]);
  });

  test("with a secret that is given twice, or whose file is not there", async () => {
    const twice = await refused([], { ...secrets, GITHUB_TOKEN_FILE: join(folder, "token") });
    expect([twice.exitCode, twice.stderr]).toEqual([2, expect.stringContaining("both set")]);
    const env = { ...without("GITHUB_TOKEN"), GITHUB_TOKEN_FILE: join(folder, "absent") };
    const absent = await refused([], env);
    expect([absent.exitCode, absent.stderr]).toEqual([2, expect.stringContaining("ENOENT")]);
  });

  test.for(["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])("with --simulate-aws on %s", async (address) => {
    const { exitCode, stderr } = await refused(["--simulate-aws", "--listen", address]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("loopback alone")]);
  });

  test("on a port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const { exitCode, stderr } = await refused(["--listen", `127.0.0.1:${port}`]);
    other.close();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^actions2aws: .*EADDRINUSE/);
    expect(stderr).toContain(String(port));
  });

  test.for(["8080", "host", "127.0.0.1:99999", "127.0.0.1:x"])(
    "with --listen %s",
    async (address) => {
      const { exitCode, stderr } = await refused(["--listen", address]);
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringContaining("--listen must be HOST:PORT"),
      ]);
    },
  );
});

test("serve takes its secrets from files too, and says in one line of JSON where it listens", async () => {
  const [token, session, key] = ["token", "session", "key"].map((name) => join(folder, name));
  for (const file of [token, session, key]) {
    writeFileSync(String(file), "canary-secret-of-more-than-32-characters\n", { mode: 0o600 });
  }
  const child = spawn(program, ["serve", "--config", fileOf(good), "--listen", "127.0.0.1:0"], {
    env: {
      PATH: path,
      GITHUB_TOKEN_FILE: String(token),
      GITHUB_USER_SESSION_FILE: String(session),
      ACTIONS2AWS_SIGNING_KEY_FILE: String(key),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await expect.poll(() => text, { timeout: 10_000 }).toContain('"msg":"listening"');
  const line = text.split("\n").find((it) => it.includes('"listening"')) ?? "";
  const { url } = JSON.parse(line) as { url: string };
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  expect((await fetch(`${url}/nothing`)).status).toBe(404);
  child.kill("SIGINT");
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(0);
  expect(text).not.toContain("canary");
});
