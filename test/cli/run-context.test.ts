import { expect, test } from "vitest";
import { parseId, readRunContext } from "../../src/cli/run-context.ts";
import { jobEnvironment } from "./test-host.ts";

const env = jobEnvironment("/t");

test("a step's variables", () => {
  expect(readRunContext(env, undefined)).toEqual({
    repository: "acme/shop",
    runId: 7654321,
    runAttempt: 2,
    job: { runner_name: "GitHub Actions 12", name: "deploy" },
    ref: "refs/heads/main",
  });
});

test("the job's id when it is given, and nothing for what is empty", () => {
  expect(
    readRunContext({ ...env, RUNNER_NAME: "", GITHUB_JOB: "", GITHUB_REF: "" }, 42),
  ).toMatchObject({
    job: { id: 42 },
    ref: undefined,
  });
});

test.each([
  ["GITHUB_REPOSITORY", ["", "shop", "acme/shop/x", "acme/", "a b/c", "acme/shop\n", "../x"]],
  ["GITHUB_RUN_ID", ["", "0", "-1", "1e3", "0x1", "1.0", "٣", "9007199254740992", "1\n"]],
  ["GITHUB_RUN_ATTEMPT", ["", "0", "two"]],
])("%s must be well formed", (name, values) => {
  for (const value of values) {
    expect(() => readRunContext({ ...env, [name]: value }, undefined)).toThrow(
      new RegExp(`${name}.*step`),
    );
  }
});

test("without any way to name the job", () => {
  expect(() => readRunContext({ ...env, RUNNER_NAME: "", GITHUB_JOB: "" }, undefined)).toThrow(
    /--job-id/,
  );
});

test("ids reach to 2^53 - 1", () => {
  expect(parseId("9007199254740991")).toBe(Number.MAX_SAFE_INTEGER);
  expect(parseId("01")).toBeNull();
});
