import { describe, expect, test } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import { answerWith, problem, type Reply } from "../harness/scripted-broker.ts";
import { attempt, expectNothing, requestOf, wayNames } from "../harness/ways.ts";

const clients = useClients();

/** The contract's codes, and how a request ends by each. */
const codes: Record<string, readonly [status: number, exitCode: number]> = {
  invalid_request: [400, 3],
  not_in_progress: [403, 3],
  fork: [403, 3],
  ref_ambiguous: [403, 3],
  no_grant: [403, 3],
  job_not_found: [404, 3],
  job_ambiguous: [409, 3],
  proof_pending: [409, 4],
  proof_ambiguous: [403, 3],
  proof_invalid: [403, 3],
  challenge_invalid: [403, 3],
  challenge_expired: [403, 3],
  oidc_invalid: [401, 3],
  role_not_granted: [403, 3],
  renewal_invalid: [403, 3],
  too_large: [413, 1],
  rate_limited: [429, 4],
  github_unavailable: [503, 4],
  github_session_expired: [503, 4],
  github_rate_limited: [503, 4],
  aws_denied: [502, 3],
  aws_unavailable: [503, 4],
  audit_unavailable: [503, 4],
  not_found: [404, 1],
  method_not_allowed: [405, 1],
  unsupported_media_type: [415, 1],
  a_code_of_tomorrow: [418, 1],
};

/** Credentials that were there before. */
const ambient = {
  AWS_ACCESS_KEY_ID: "AKIAOLDOLDOLDOLDOLD0",
  AWS_SECRET_ACCESS_KEY: "old",
  AWS_SESSION_TOKEN: "old",
};

describe.concurrent("a refusal fails, changes no file, and warns of credentials that were there before (C-13):", () => {
  test.for(Object.entries(codes))("%s", async ([code, [status, exitCode]]) => {
    const reply = problem(status, code);
    const asked = exitCode === 1 ? "challenges" : "credentials";
    const broker = clients().broker({ [asked]: [reply] });
    const ended = await attempt(await clients().machine(), broker, "github-env", {
      // Whatever may pass is asked for again until the time is up.
      more: exitCode === 4 ? ["--timeout", "1s"] : [],
      env: ambient,
    });
    expectNothing(ended);
    expect(ended.exitCode).toBe(exitCode);
    expect(ended.stderr).toContain(status === 418 ? "status 418" : code);
    expect(ended.stderr).toContain("warning: AWS_ACCESS_KEY_ID is set already");
  });

  test.for(wayNames)("whoever is to have them: %s", async (way) => {
    const broker = clients().broker({ credentials: [problem(403, "no_grant")] });
    const env = {
      AWS_PROFILE: "old",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "",
    };
    const ended = await attempt(await clients().machine(), broker, way, { env });
    expectNothing(ended);
    // What an AWS tool calls speaks to that tool alone.
    expect(ended.stderr.includes("warning: AWS_PROFILE")).toBe(way !== "credential-process");
  });
});

describe.concurrent("a step with credentials of before does not go on with them (C-13):", () => {
  const step = (line: string): string => `set -e\neval ${line}\nenv | grep ^AWS_ > "$HOME/went-on"`;

  test.for(
    ["bash", "dash"].flatMap((shell) =>
      ['$("$program" $words)', '"$("$program" $words)"'].map((line) => [shell, line] as const),
    ),
  )("%s, eval %s", async ([shell, line]) => {
    const machine = await clients().machine();
    const run = async (reply: Reply) => {
      const broker = clients().broker({ credentials: [reply] });
      const env = { ...ambient, words: requestOf(broker, "shell").join(" ") };
      return machine.run([step(line)], { shell: [shell], env });
    };
    const before = machine.files();
    expect((await run(problem(403, "no_grant"))).exitCode).toBe(1);
    expect(machine.files()).toEqual(before);
    // Those that come replace all three.
    expect((await run(answerWith(canaries))).exitCode).toBe(0);
    expect(machine.files()["home/went-on"]).not.toMatch(/old/i);
  });
});

/** The pauses between what was asked, in milliseconds. */
function pausesOf(journal: readonly { at: number }[]): number[] {
  return journal.slice(1).map(({ at }, index) => at - (journal[index]?.at ?? 0));
}

describe.concurrent("a broker in trouble is asked seldom, and not for ever (C-17):", () => {
  const seconds = 6;

  /** @returns what was asked for credentials, by one client within its time */
  async function besiege(reply: Reply) {
    const broker = clients().broker({ credentials: [reply] });
    const machine = await clients().machine();
    const start = performance.now();
    const ended = await attempt(machine, broker, "shell", { more: ["--timeout", `${seconds}s`] });
    expectNothing(ended);
    expect(ended.exitCode).toBe(4);
    expect(performance.now() - start).toBeLessThan(seconds * 1000 + 8_000);
    return broker.asked("/v1/credentials");
  }

  const down = (retryAfter: Record<string, string>): Reply =>
    problem(503, "github_unavailable", {}, retryAfter);

  test("with pauses that grow, and are no two the same", async () => {
    const sieges = await Promise.all([besiege(down({})), besiege(down({}))]);
    const [one = [], other = []] = sieges.map(pausesOf);
    for (const pauses of [one, other]) {
      expect(pauses.length).toBeGreaterThan(1);
      expect(pauses.length).toBeLessThan(8);
      // Each from half of its ceiling on: 0.5 s, 1 s, 2 s, 4 s.
      for (const [index, pause] of pauses.entries())
        expect(pause).toBeGreaterThan(240 * 2 ** index);
    }
    expect(one).not.toEqual(other);
  });

  test.for([
    ["2", 1_990],
    [new Date(Date.now() - 60_000).toUTCString(), 240],
    ["0", 240],
    ["soon", 240],
    ["-1", 240],
  ] as const)("and never before the time that it names: Retry-After %s", async ([value, least]) => {
    const pauses = pausesOf(await besiege(down({ "retry-after": value })));
    expect(pauses.length).toBeGreaterThan(0);
    expect(pauses.length).toBeLessThan(8);
    expect(Math.min(...pauses)).toBeGreaterThan(least);
  });

  test.for(["3600", new Date(Date.now() + 3_600_000).toUTCString(), "999999999"])(
    "once, if it names a time beyond ours: Retry-After %s",
    async (value) => {
      const broker = clients().broker({
        credentials: [problem(429, "rate_limited", {}, { "retry-after": value })],
      });
      const ended = await attempt(await clients().machine(), broker, "shell");
      expectNothing(ended);
      expect(ended).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining("asked to wait longer than --timeout 30s"),
      });
      expect(broker.asked("/v1/credentials")).toHaveLength(1);
    },
  );

  test("not even if it is not there, or has no name", async () => {
    for (const url of ["http://127.0.0.1:1", "https://broker.invalid"]) {
      const ended = await attempt(await clients().machine(), { url }, "shell", {
        more: ["--timeout", "2s"],
      });
      expectNothing(ended);
      expect(ended).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining("the broker cannot be reached"),
      });
    }
  });

  test("whose signature changes again and again is asked for two challenges", async () => {
    const broker = clients().broker({ credentials: [problem(403, "challenge_invalid")] });
    expectNothing(await attempt(await clients().machine(), broker, "shell"));
    expect(broker.asked("/v1/challenges")).toHaveLength(2);
    expect(broker.asked("/v1/credentials")).toHaveLength(2);
  });
});
