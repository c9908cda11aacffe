import { describe, expect, test } from "vitest";
import { isUuid, readJobPage } from "../../../src/server/github/job-page.ts";
import { goldenCase } from "../../core/golden.ts";
import { jobPage } from "../../world/github/page.ts";

const { state, job, step } = goldenCase();
const runPath = "/acme/app/actions/runs/5001";
const page = (signedIn = true): string => jobPage(state, job, signedIn);

test("the page of a reader who is signed in tells the internal id and the steps", () => {
  expect(readJobPage(page(), runPath)).toEqual({
    internalId: job.internalId,
    steps: [
      { name: "Set up job", uuid: job.steps[0]?.uuid, done: true },
      { name: "assume role", uuid: step.uuid, done: false },
    ],
    isJobPage: true,
    isSignIn: false,
  });
});

test("the page of an anonymous reader tells the steps, and no internal id", () => {
  const read = readJobPage(page(false), runPath);
  expect(read).toMatchObject({ internalId: null, isJobPage: true, isSignIn: false });
  expect(read.steps).toHaveLength(2);
});

test.each([
  "a & b",
  '<check-step data-name="x">',
  "</check-steps>",
  `"quoted" 'too'`,
  "日本 ‐ 🎉",
  "&lt;",
  "a  b",
  "line\nbreak",
])("a step's name is read as it is: %j", (name) => {
  step.name = name;
  expect(readJobPage(page(), runPath).steps[1]?.name).toBe(name);
  expect(readJobPage(page(), runPath).steps).toHaveLength(2);
  step.name = "assume role";
});

describe("internal ids that are not believed", () => {
  test("two of them", () => {
    const html = page().replace(`jobs/${job.internalId}/`, "jobs/1/");
    expect(readJobPage(html, runPath)).toMatchObject({ internalId: null, isJobPage: true });
  });

  test.each([
    ["of another run", page().replaceAll("runs/5001/jobs", "runs/5002/jobs")],
    ["of another repository", page().replaceAll("/acme/app/actions", "/evil/app/actions")],
    ["with a letter", page().replaceAll(`jobs/${job.internalId}`, `jobs/${job.internalId}x`)],
    ["with a zero before it", page().replaceAll(`jobs/${job.internalId}`, "jobs/0123")],
    ["above 2^53", page().replaceAll(`jobs/${job.internalId}`, "jobs/9007199254740993")],
    ["too large", page().replaceAll(`jobs/${job.internalId}`, `jobs/${"9".repeat(17)}`)],
    ["in another tag", page().replaceAll("check-step", "other-step")],
  ])("one %s", (_, html) => {
    expect(readJobPage(html, runPath).internalId).toBeNull();
  });

  test("but the name's case does not matter, nor that the address is absolute", () => {
    expect(readJobPage(page(), runPath.toUpperCase()).internalId).toBe(job.internalId);
    const absolute = page().replaceAll(
      '"/acme/app/actions',
      '"https://github.com/acme/app/actions',
    );
    expect(readJobPage(absolute, runPath).internalId).toBe(job.internalId);
  });
});

test.each([
  [
    "a sign-in page",
    '<form action="/session" method="post">',
    { isSignIn: true, isJobPage: false },
  ],
  [
    "a page not found",
    "<html><title>Page not found</title></html>",
    { isSignIn: false, isJobPage: false },
  ],
  ["nothing", "", { isSignIn: false, isJobPage: false }],
  [
    "text that speaks of a form",
    '&lt;form action="/session"&gt;',
    { isSignIn: false, isJobPage: false },
  ],
])("%s is told apart", (_, html, expected) => {
  expect(readJobPage(html, runPath)).toMatchObject({ ...expected, internalId: null, steps: [] });
});

test("a page of nothing but open tags is none, and that is found soon", () => {
  const started = performance.now();
  const html = `${page()}${"<check-step>".repeat(300_000)}</check-steps>`;
  expect(readJobPage(html, runPath)).toMatchObject({ internalId: null, isJobPage: false });
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("H-19: what becomes part of an address has its shape", () => {
  expect(isUuid(step.uuid)).toBe(true);
  for (const text of [
    "",
    "../x",
    "a/b",
    "a?b",
    "a b",
    "a%2fb",
    "x".repeat(65),
    7,
    null,
    undefined,
  ]) {
    expect(isUuid(text)).toBe(false);
  }
  const html = page().replaceAll(step.uuid, "../../evil");
  expect(readJobPage(html, runPath).steps.map(({ name }) => name)).toEqual(["Set up job"]);
});
