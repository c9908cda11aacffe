import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ask, Deadline, pauseBeforeNext } from "../../src/cli/asking.ts";
import { type Answer, parseRetryAfter, type Problem } from "../../src/cli/broker-client.ts";
import { type Code, codes, statusOf } from "../../src/core/errors.ts";
import { testHost } from "./test-host.ts";

type NotGiven = Exclude<Answer, { kind: "given" }>;

function no(code: Code | null, more: Partial<Problem> = {}): NotGiven {
  const status = code === null ? 500 : statusOf(code);
  return {
    kind: "problem",
    problem: { status, code, detail: "", fields: [], requestId: "", retryAfterMs: null, ...more },
  };
}

const unreachable: NotGiven = { kind: "unreachable", reason: "ECONNREFUSED" };
const given: Answer = { kind: "given", body: { hello: "world" } };

/** A clock that only sleeping moves. */
function stillHost() {
  let time = 0;
  const pauses: number[] = [];
  const host = Object.assign(testHost(), {
    elapsed: () => time,
    random: () => 0,
    sleep: async (ms: number) => {
      pauses.push(ms);
      time += ms;
    },
  });
  return { host, pauses, time: () => time };
}

async function play(answers: Answer[], seconds = 60) {
  const still = stillHost();
  let asked = 0;
  const outcome = await ask(
    async () => answers[Math.min(asked++, answers.length - 1)] ?? given,
    new Deadline(seconds, still.host),
    still.host,
  ).then(
    (body) => ({ body }),
    (error: { exitCode: number; message: string }) => ({
      exitCode: error.exitCode,
      message: error.message,
    }),
  );
  return { ...outcome, asked, pauses: still.pauses, time: still.time(), err: still.host.err };
}

const mayPass: readonly Code[] = [
  "proof_pending",
  "rate_limited",
  "github_unavailable",
  "github_session_expired",
  "github_rate_limited",
  "aws_unavailable",
  "audit_unavailable",
  "store_unavailable",
];

describe("what may pass", () => {
  test.each(codes)("%s", (code) => {
    expect(pauseBeforeNext(no(code), 0, 0) !== null).toBe(mayPass.includes(code));
  });

  test.each<[string, NotGiven, boolean]>([
    ["not_in_progress with Retry-After", no("not_in_progress", { retryAfterMs: 2_000 }), true],
    ["job_not_found with Retry-After", no("job_not_found", { retryAfterMs: 2_000 }), true],
    ["no_grant with Retry-After", no("no_grant", { retryAfterMs: 2_000 }), false],
    ["a load balancer's 502", no(null, { status: 502 }), true],
    ["a load balancer's 503", no(null, { status: 503 }), true],
    ["a load balancer's 504", no(null, { status: 504 }), true],
    ["a 429 of somebody's", no(null, { status: 429 }), true],
    ["a 500 of somebody's", no(null, { status: 500 }), false],
    ["a 404 of somebody's", no(null, { status: 404 }), false],
    ["no connection", unreachable, true],
  ])("%s", (_name, answer, again) => {
    expect(pauseBeforeNext(answer, 0, 0) !== null).toBe(again);
  });
});

test("Retry-After is obeyed, never undercut, and spread by a tenth", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 100_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.nat(20),
      (ms, random, tries) => {
        const pause = pauseBeforeNext(no("rate_limited", { retryAfterMs: ms }), tries, random) ?? 0;
        expect(pause).toBeGreaterThanOrEqual(ms);
        expect(pause).toBeLessThanOrEqual(ms * 1.1);
      },
    ),
  );
});

test.each<[string, NotGiven]>([
  ["without it", unreachable],
  ["when it says that the time has come already", no("rate_limited", { retryAfterMs: 0 })],
])("%s the pauses grow, with jitter, to 8 seconds", (_name, answer) => {
  const range = (tries: number) =>
    [0, 0.999].map((random) => Math.round(pauseBeforeNext(answer, tries, random) ?? 0));
  expect([0, 1, 2, 3, 4, 5, 50].map(range)).toEqual([
    [250, 500],
    [500, 1000],
    [1000, 1999],
    [2000, 3998],
    [4000, 7996],
    [4000, 7996],
    [4000, 7996],
  ]);
});

test.each([
  ["5", 5_000],
  ["0", 0],
  [new Date(1_000_000 + 7_000).toUTCString(), 7_000],
  [new Date(0).toUTCString(), 0],
  ["soon", null],
  ["-1", null],
  ["1.5", null],
  ["99999999999", null],
  ["2026-01-01", null],
  [undefined, null],
])("Retry-After: %s", (value, ms) => {
  expect(parseRetryAfter(value, 1_000_000)).toBe(ms);
});

test("asks until it is given", async () => {
  const pending = no("proof_pending", { retryAfterMs: 1_000 });
  expect(await play([unreachable, pending, pending, no("aws_unavailable"), given])).toMatchObject({
    body: { hello: "world" },
    asked: 5,
    pauses: [250, 1_000, 1_000, 2_000],
  });
});

test.each([
  [401, 3],
  [403, 3],
  [404, 1],
  [418, 1],
  [500, 4],
])("a status %d without a code of ours: exit %d", async (status, exitCode) => {
  expect(await play([no(null, { status })])).toMatchObject({ exitCode, asked: 1 });
});

test("a final no ends it at once", async () => {
  expect(await play([no("no_grant", { fields: ["ref"], requestId: "r1" })])).toMatchObject({
    exitCode: 3,
    asked: 1,
    message: expect.stringMatching(/no_grant \(ref; request r1\).*do not fit this run \(ref\)/),
  });
});

test.each([
  [["max_duration"], /ask for a shorter --duration$/],
  [["step"], /name the step as the grant does, in the workflow and in --step$/],
  [["step", "max_duration"], /in --step; ask for a shorter --duration$/],
  [["step", "ref"], /ask whoever runs the broker to allow it$/],
])("what the job itself can put right is told: %j", async (fields, advice) => {
  const answer = no("no_grant", { fields });
  expect(await play([answer])).toMatchObject({ message: expect.stringMatching(advice) });
});

test.each<[NotGiven, RegExp]>([
  [
    no("proof_pending", { retryAfterMs: 1_000, requestId: "r1" }),
    /out of time after 60s: .*proof_pending \(request r1\)/,
  ],
  [unreachable, /out of time after 60s: .*cannot be reached \(ECONNREFUSED\): check --url, and/],
  [
    { ...unreachable, reason: "EPROTO" },
    /\(EPROTO\): check --url: does it speak https at that port/,
  ],
  [no("github_session_expired"), /tell whoever runs the broker to renew its GitHub session/],
])("in vain: it ends within the time, after few attempts, with exit 4", async (answer, line) => {
  const { exitCode, message, time, asked } = (await play([answer])) as never as Record<
    string,
    number
  > & { message: string };
  expect(exitCode).toBe(4);
  expect(message).toMatch(line);
  expect(time).toBeLessThanOrEqual(60_000);
  expect(asked).toBeLessThanOrEqual(61);
});

test("being asked to wait longer than there is time ends it at once", async () => {
  expect(await play([no("rate_limited", { retryAfterMs: 3_600_000 })])).toMatchObject({
    exitCode: 4,
    asked: 1,
    time: 0,
    message: expect.stringMatching(/asked to wait longer than --timeout 60s/),
  });
});

test("each new reason is told once; a proof that is pending is not", async () => {
  const { err } = await play([
    unreachable,
    unreachable,
    no("proof_pending"),
    no("aws_unavailable"),
    given,
  ]);
  expect(err).toBe(
    "actions2aws: the broker cannot be reached (ECONNREFUSED); trying again\n" +
      "actions2aws: the broker says aws_unavailable; trying again\n",
  );
});
