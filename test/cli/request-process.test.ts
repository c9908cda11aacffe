import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { actions2aws, type Ended, launcher, launcherInShell, start, until } from "./launcher.ts";
import {
  answerWith,
  goodCredentials,
  problem,
  type Reply,
  type Script,
  scriptedBroker,
} from "../harness/scripted-broker.ts";
import { shells } from "./shells.ts";
import { jobEnvironment, temporaryFolder } from "./test-host.ts";

const role = "arn:aws:iam::123456789012:role/shop-deploy";

async function stepOf(script: Script = {}, more: Record<string, string> = {}) {
  const broker = await scriptedBroker(script);
  return {
    ...jobEnvironment(temporaryFolder()),
    ACTIONS2AWS_URL: broker.url,
    ACTIONS2AWS_ROLE: role,
    ...more,
  };
}

const secrets = [
  goodCredentials.AccessKeyId,
  goodCredentials.SecretAccessKey,
  goodCredentials.SessionToken,
];

/** No secret on stderr but behind a mask (C-05). */
function expectNoLeak({ err }: Pick<Ended, "err">): void {
  for (const line of err.split("\n").filter((each) => !each.startsWith("::add-mask::"))) {
    for (const secret of secrets) expect(line).not.toContain(secret);
  }
}

const denied = problem(403, "no_grant", { fields: ["ref"] });

describe.each(shells)("a step in %s", (shell) => {
  const run = (script: string, env: Record<string, string>) =>
    start([shell, "-c", script], env).ended;

  test.each([`eval $(${launcherInShell} request)`, `eval "$(${launcherInShell} request)"`])(
    "%s sets the variables",
    async (line) => {
      const ended = await run(
        `set -e; ${line}; env`,
        await stepOf({}, { ACTIONS2AWS_REGION: "eu-west-1" }),
      );
      expect(ended.code).toBe(0);
      expect(ended.out).toContain(`\nAWS_SECRET_ACCESS_KEY=${goodCredentials.SecretAccessKey}\n`);
      expect(ended.out).toContain(`AWS_SESSION_TOKEN=${goodCredentials.SessionToken}\n`);
      expect(ended.out).toContain("AWS_DEFAULT_REGION=eu-west-1\n");
      expectNoLeak(ended);
    },
  );

  const hostileReply: Reply = answerWith({
    ...goodCredentials,
    AccessKeyId: "ASIAIOSFODNN7EXAMPLE';touch pwned;'",
  });

  test.each<[string, string, Script]>([
    ["a denial", "request", { credentials: [denied] }],
    ["a hostile broker", "request", { credentials: [hostileReply] }],
    ["no answer in time", "request --timeout 1s", { challenges: [() => {}] }],
    ["an unknown option", "request --bogus", {}],
    ["a missing value", "request --url", {}],
    ["a mistyped command", "requst", {}],
    ["a mistyped format", "request --format shel", {}],
    ["an unusable address", "request --url http://example.com", {}],
  ])("%s fails it, quoted and unquoted", async (_name, words, script) => {
    const substitution = `$(${launcherInShell} ${words})`;
    const steps = [substitution, `"${substitution}"`].map(async (text) =>
      run(`set -e; eval ${text}; echo went on`, await stepOf(script)),
    );
    for (const ended of await Promise.all(steps)) {
      expect(ended.code).not.toBe(0);
      expect(ended.out).toBe("");
      expect(ended.err).toMatch(/^actions2aws: [^\n]+\n/m);
    }
  });
});

test("a denial: exit 3, false, and one line with code, field, request id and advice", async () => {
  const { code, out, err } = await actions2aws(
    ["request"],
    await stepOf({ credentials: [denied] }),
  );
  expect({ code, out }).toEqual({ code: 3, out: "false\n" });
  expect(err.split("\n").filter((line) => line.startsWith("actions2aws: "))).toEqual([
    "actions2aws: the broker says no: no_grant (ref; request req-0123456789): " +
      "the broker's grants do not fit this run (ref): ask whoever runs the broker to allow it",
  ]);
});

test.each([
  ["json", ""],
  ["credential-process", ""],
  ["dotenv", ""],
  ["powershell", "throw 'actions2aws request failed'\n"],
])("a denial in the format %s", async (format, out) => {
  expect(
    await actions2aws(["request", "--format", format], await stepOf({ credentials: [denied] })),
  ).toMatchObject({ code: 3, out });
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "stopped by %s, the shell format still fails",
  async (signal) => {
    const running = start([...launcher, "request"], await stepOf({ credentials: [() => {}] }));
    await until(() => running.soFar().err.includes("ACTIONS2AWS PROOF: "));
    running.child.kill(signal);
    const { code, out } = await running.ended;
    expect(out).toBe("false\n");
    expect(code).toBe({ SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[signal]);
  },
);

test.each([
  ["an error", "URL.canParse = () => { throw new TypeError('canary') }"],
  [
    "an error that nobody awaits",
    "URL.canParse = () => { void Promise.reject(new TypeError('canary')); return true }",
  ],
])("a crash by %s: false, exit 1, and the error is named but not quoted", async (_name, fault) => {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const words = ["--import", `data:text/javascript,${encodeURIComponent(fault)}`, main, "request"];
  const { code, out, err } = await start([process.execPath, ...words], await stepOf()).ended;
  expect({ code, out }).toEqual({ code: 1, out: "false\n" });
  expect(err).toContain("something unforeseen went wrong (TypeError)");
  expect(err).not.toContain("canary");
});

test("work that never ends, with nothing left to wait for, is no success (C-13)", async () => {
  const fault = "globalThis.setTimeout = () => ({})";
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const words = ["--import", `data:text/javascript,${encodeURIComponent(fault)}`, main, "request"];
  const step = await stepOf({ challenges: [problem(503, "aws_unavailable")] });
  const { code, out, err } = await start([process.execPath, ...words], step).ended;
  expect({ code, out }).toEqual({ code: 1, out: "false\n" });
  expect(err).toContain("something unforeseen went wrong (Error)");
});

test("stdout that nobody reads is a failure", async () => {
  const script = `${launcherInShell} request > /dev/full; echo "exit $?"`;
  const { out, err } = await start(["sh", "-c", script], await stepOf()).ended;
  expect(out).toBe("exit 1\n");
  expect(err).toContain("stdout cannot be written (ENOSPC)");
});

test("the masks come before anything that could show a secret, on stderr", async () => {
  const step = await stepOf();
  const { out, err } = await actions2aws(
    ["request", "--", "sh", "-c", 'echo "$AWS_SECRET_ACCESS_KEY" >&2'],
    step,
  );
  expect(out).toBe("");
  const shown = err.indexOf(`\n${goodCredentials.SecretAccessKey}\n`);
  expect(err.indexOf(`::add-mask::${goodCredentials.SecretAccessKey}\n`)).toBeLessThan(shown);
});

test.each([
  [{ ACTIONS_STEP_DEBUG: "true", ACTIONS_RUNNER_DEBUG: "true", DEBUG: "*", NODE_DEBUG: "" }, 0],
  [{ ACTIONS_STEP_DEBUG: "true", NODE_TLS_REJECT_UNAUTHORIZED: "0" }, 1],
])("with %j no secret is on stderr but behind a mask", async (env, code) => {
  const ended = await actions2aws(["request"], await stepOf({}, env));
  expect(ended.code).toBe(code);
  expectNoLeak(ended);
});

test("github-env: a failure leaves the file as it was", async () => {
  const path = join(temporaryFolder(), "env");
  writeFileSync(path, "OLD=1");
  const env = await stepOf({ credentials: [denied] }, { GITHUB_ENV: path });
  const failed = await actions2aws(["request", "--format", "github-env"], env);
  expect(failed).toMatchObject({ code: 3, out: "" });
  expect(readFileSync(path, "utf8")).toBe("OLD=1");
});

describe("-- command", () => {
  test("has the variables in its environment alone, and its arguments as they are", async () => {
    const args = [
      "request",
      "--",
      process.execPath,
      "-e",
      "console.log(JSON.stringify([process.argv.slice(1), process.env]))",
      "--",
      "a b",
      "--format",
      "$(id)",
    ];
    const { code, out } = await actions2aws(args, await stepOf({}, { KEPT: "yes" }));
    expect(code).toBe(0);
    const [argv, env] = JSON.parse(out) as [string[], Record<string, string>];
    expect(argv).toEqual(["a b", "--format", "$(id)"]);
    expect(env).toMatchObject({ AWS_ACCESS_KEY_ID: goodCredentials.AccessKeyId, KEPT: "yes" });
  });

  test.each([0, 1, 7, 255])("its exit code %d is passed on", async (code) => {
    expect(
      await actions2aws(["request", "--", "sh", "-c", `exit ${code}`], await stepOf()),
    ).toMatchObject({ code, out: "" });
  });

  test("a command that a signal ends is 128 and its number", async () => {
    expect(
      await actions2aws(["request", "--", "sh", "-c", "kill -KILL $$"], await stepOf()),
    ).toMatchObject({ code: 137 });
  });

  test("a command that is not there is 127; one that cannot run is 126", async () => {
    const absent = await actions2aws(["request", "--", "/nowhere/at/all"], await stepOf());
    expect(absent).toMatchObject({ code: 127, out: "" });
    expect(absent.err).toContain("ENOENT");
    expect(await actions2aws(["request", "--", "/etc/passwd"], await stepOf())).toMatchObject({
      code: 126,
    });
  });

  test("a denial: it is not run, stdout stays empty", async () => {
    const marker = join(temporaryFolder(), "marker");
    const ended = await actions2aws(
      ["request", "--", "touch", marker],
      await stepOf({ credentials: [denied] }),
    );
    expect(ended).toMatchObject({ code: 3, out: "" });
    expect(() => readFileSync(marker)).toThrow("ENOENT");
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2"] as const)(
    "%s is forwarded",
    async (signal) => {
      const name = signal.slice(3);
      const script = `trap 'echo got ${name}; exit 9' ${name}; echo ready; while :; do sleep 0.05; done`;
      const running = start([...launcher, "request", "--", "sh", "-c", script], await stepOf());
      await until(() => running.soFar().out.includes("ready"));
      running.child.kill(signal);
      expect(await running.ended).toMatchObject({ code: 9, out: `ready\ngot ${name}\n` });
    },
  );

  test("the credentials are in no process's arguments (C-15)", async () => {
    const script = "cat /proc/$PPID/cmdline /proc/$$/cmdline";
    const { out } = await actions2aws(["request", "--", "sh", "-c", script], await stepOf());
    for (const secret of secrets) expect(out).not.toContain(secret);
  });
});
