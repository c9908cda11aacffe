import { Readable } from "node:stream";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ask } from "./ask.ts";
import { startWorld, type Golden, type World } from "./index.ts";

let world: World;
let golden: Golden;
let now = Date.UTC(2026, 0, 1);

beforeEach(async () => {
  world = await startWorld({ now: () => now });
  golden = world.github.golden();
});
afterEach(() => world.close());

const say = (output: string): void => world.github.say(golden.job, "assume role", output);
const live = (): string[] => golden.step.live.map(({ line }) => line);
/** The stored log's lines; those that begin a message without their timestamp. */
const stored = (): string[] =>
  golden.step.log
    .split("\n")
    .slice(0, -1)
    .map((line) => line.replace(/^2026-01-01T00:00:00\.\d{7}Z /, "» "));

test.each([
  ["\n", "one\ntwo\n", ["one", "two"]],
  ["\r\n", "one\r\ntwo\r\n", ["one", "two"]],
  ["a lone \\r", "one\rtwo", ["one", "two"]],
  ["\\n\\r, which is two ends", "one\n\rtwo", ["one", "", "two"]],
  ["nothing: U+2028 ends no line", "one\u2028two", ["one\u2028two"]],
])("lines end at %j", (_, output, lines) => {
  say(output);
  expect(stored()).toEqual(lines.map((line) => `» ${line}`));
  expect(live()).toEqual(lines.filter((line) => line !== ""));
});

test.each([
  [1_024, 1_024],
  [1_025, 1_027],
])("a line of %i characters has %i in the live feed, and all in the log", (length, shown) => {
  say("x".repeat(length));
  expect(live()[0]).toHaveLength(shown);
  expect(live()[0]?.endsWith("...")).toBe(length > 1_024);
  expect(stored()).toEqual([`» ${"x".repeat(length)}`]);
});

describe("commands", () => {
  test.each([
    ["::group::title", ["##[group]title"]],
    ["  ::error file=a.js,line=1::bad", ["##[error]bad"]],
    ["text ::error::bad", ["text ::error::bad"]],
    ["text ##[error]bad", ["##[error]bad"]],
    ["##[unknown]text", ["##[unknown]text"]],
    ["::unknown::text", ["::unknown::text"]],
    ["::set-output name=x::y", []],
    ["::notice::one%0Atwo%25", ["##[notice]one\ntwo%"]],
    [
      "::stop-commands::halt\n::error::bad\n::halt::\n::error::bad",
      ["::stop-commands::halt", "::error::bad", "::halt::", "##[error]bad"],
    ],
  ])("%j", (output, items) => {
    say(output);
    expect(live()).toEqual(items);
  });

  test("a mask holds for the whole job from then on", () => {
    say("secret\n::add-mask::secret\nmy secret, your secret");
    const other = world.github.addStep(golden.job, { name: "other" });
    world.github.say(golden.job, other, "secret");
    expect(live()).toEqual(["secret", "my ***, your ***"]);
    expect(other.log).toMatch(/Z \*\*\*\n$/);
  });
});

test("one item with newlines has one timestamp in the log: what follows can forge lines there, not in the feed", () => {
  world.github.liveItem(
    golden.job,
    "assume role",
    "value\n##[endgroup]\n2026-01-01T00:00:00.0000000Z forged",
  );
  expect(live()).toHaveLength(1);
  expect(stored()).toEqual(["» value", "##[endgroup]", "» forged"]);
});

test("a step begins with its header: script in colour, shell, raw values, and no command in it is obeyed", () => {
  world.github.stepHeader(golden.job, "assume role", {
    script: "\nset -e\n::add-mask::x\n",
    env: { TITLE: "evil\n##[endgroup]", EMPTY: "" },
  });
  const items = [
    "##[group]Run set -e",
    "\u001b[36;1m\u001b[0m",
    "\u001b[36;1mset -e\u001b[0m",
    "\u001b[36;1m::add-mask::x\u001b[0m",
    "shell: /usr/bin/bash -e {0}",
    "env:",
    "  TITLE: evil\n##[endgroup]",
    "  EMPTY: ",
    "##[endgroup]",
  ];
  expect(live()).toEqual(items);
  expect(stored()).toEqual(items.flatMap((item) => `» ${item}`.split("\n")));
});

test("items reach the feed after the drain delay, the log has them at once", async () => {
  const { github } = world;
  github.drainDelay = 250;
  say("late");
  const path = `${github.webUrl}/acme/app/actions/runs/5001/jobs/${golden.job.internalId}/steps/${golden.step.uuid}/backscroll`;
  const headers = { cookie: `user_session=${github.session.cookie}` };
  expect((await ask(path, headers)).json).toEqual({});
  now += 250;
  expect((await ask(path, headers)).json).toMatchObject({ lines: [{ line: "late" }] });
  now -= 250;
});

test("lost items are missing from the feed alone", () => {
  world.github.loses = (item) => item % 2 === 1;
  say("one\ntwo\nthree\nfour");
  expect(live()).toEqual(["two", "four"]);
  expect(stored()).toHaveLength(4);
});

test("completing a job completes its steps and, with the last job, the run", () => {
  const later = world.github.addStep(golden.job, { name: "later", status: "queued" });
  world.github.completeJob(golden.job, "failure");
  expect([golden.step.conclusion, later.conclusion, golden.job.conclusion]).toEqual([
    "failure",
    "skipped",
    "failure",
  ]);
  expect([golden.attempt.status, golden.attempt.conclusion]).toEqual(["completed", "failure"]);
  expect(() => say("from the grave")).toThrow("it writes nothing");
});

test.each([
  ["whole lines", ["one\ntwo\n"]],
  ["pieces", ["o", "ne\r", "\ntw", "o"]],
  ["a lone CR at the end of a piece", ["one\r", "two\r"]],
])("a process's output is read by lines: %s", async (_, chunks) => {
  await world.github.listen(
    golden.job,
    "assume role",
    Readable.from(chunks, { objectMode: false }),
  );
  expect(live()).toEqual(["one", "two"]);
});

test("a job's process finds who it is in its environment", () => {
  const { job } = golden;
  job.name = "deploy (eu, 18)";
  expect(world.github.environment(job)).toMatchObject({
    GITHUB_SERVER_URL: world.github.webUrl,
    GITHUB_REPOSITORY: "acme/app",
    GITHUB_RUN_ID: "5001",
    GITHUB_RUN_ATTEMPT: "1",
    GITHUB_JOB: "deploy",
    RUNNER_NAME: "GitHub Actions 12",
  });
});
