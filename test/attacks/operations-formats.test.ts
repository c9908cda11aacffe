import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import {
  calls,
  faultBench,
  insist,
  journeys,
  newCase,
  expectInOrder,
} from "../harness/fault-scene.ts";

// GitHub's web pages have no contract. Whatever they come to look like: no role by guessing.

type Change = (body: string) => string;
const inJson =
  (change: (value: never) => unknown): Change =>
  (body) =>
    JSON.stringify(change(JSON.parse(body) as never));
const everyStep = (change: (step: Record<string, unknown>) => object): Change =>
  inJson((steps: Record<string, unknown>[]) => steps.map(change));
const everyLine = (change: (line: { id: string; line: string }) => unknown): Change =>
  inJson(({ lines = [] }: { lines?: { id: string; line: string }[] }) => ({
    lines: lines.map(change),
  }));
const eachText =
  (change: Change): Change =>
  (body) =>
    body.split("\n").map(change).join("\n");

const unavailable = "github_unavailable";
/** By call: what it may look like some day, and what the job is told then. */
const formats: Record<string, Record<string, readonly [Change, string]>> = {
  "job page": {
    "a program in place of a page": [
      () => '<div id="root"></div><script src="x.js"></script>',
      unavailable,
    ],
    "other elements": [(page) => page.replaceAll("check-step", "job-step"), unavailable],
    "data in a script": [
      (page) => `<script type="application/json">${JSON.stringify({ page })}</script>`,
      unavailable,
    ],
    "addresses of the steps that are none": [
      (page) => page.replaceAll(/\/jobs\/\d+\/steps/g, "/jobs/current/steps"),
      "github_session_expired",
    ],
    "addresses of two jobs": [
      (page) => page.replace(/(\/actions\/runs\/\d+\/jobs\/)\d+(\/steps)/, "$11$2"),
      "github_session_expired",
    ],
    nothing: [() => "", unavailable],
  },
  steps: {
    "an object around the list": [inJson((steps) => ({ steps })), unavailable],
    "ids under another name": [
      everyStep(({ id, ...step }) => ({ ...step, uuid: id })),
      unavailable,
    ],
    "numbers as text": [
      everyStep((step) => ({ ...step, number: String(step.number) })),
      unavailable,
    ],
    "states in capitals": [
      everyStep((step) => ({ ...step, status: String(step.status).toUpperCase() })),
      "proof_pending",
    ],
    "names within names": [
      everyStep((step) => ({ ...step, name: { text: step.name } })),
      unavailable,
    ],
    "one line for each": [
      (body) => (JSON.parse(body) as object[]).map((step) => JSON.stringify(step)).join("\n"),
      unavailable,
    ],
  },
  "live feed": {
    "texts alone": [everyLine(({ line }) => line), unavailable],
    "another name for the text": [everyLine(({ id, line }) => ({ id, text: line })), unavailable],
    "another name for the list": [inJson(({ lines }) => ({ items: lines })), "proof_pending"],
    "a time before each": [
      everyLine(({ id, line }) => ({ id, line: `${new Date().toISOString()} ${line}` })),
      "proof_pending",
    ],
    "colours around each": [
      everyLine(({ id, line }) => ({ id, line: `\u001b[0m${line}\u001b[0m` })),
      "proof_pending",
    ],
    "a line end behind each": [
      everyLine(({ id, line }) => ({ id, line: `${line}\n` })),
      "proof_pending",
    ],
    "HTML in each": [
      everyLine(({ id, line }) => ({ id, line: `<span>${line}</span>` })),
      "proof_pending",
    ],
    "all in one item": [
      inJson(({ lines = [] }: { lines?: { line: string }[] }) => ({
        lines: [{ id: "1", line: lines.map(({ line }) => line).join("\n") + "\n" }],
      })),
      "proof_pending",
    ],
  },
  storage: {
    "no times": [eachText((line) => line.replace(/^\uFEFF?\S+Z /, "")), "proof_invalid"],
    "times in milliseconds": [
      eachText((line) => line.replace(/(\.\d{3})\d{4}Z/, "$1Z")),
      "proof_invalid",
    ],
    "times in seconds since 1970": [
      eachText((line) => line.replace(/^\uFEFF?\S+Z /, "1795425611 ")),
      "proof_invalid",
    ],
    "two times": [eachText((line) => line.replace(/^(\uFEFF?\S+Z )/, "$1$1")), "proof_invalid"],
    "a name before each": [eachText((line) => `assume role\t${line}`), "proof_invalid"],
    "JSON lines": [eachText((line) => JSON.stringify({ line })), "proof_invalid"],
    HTML: [(text) => `<pre>${text}</pre>`, "proof_invalid"],
    "two bytes for each character": [(text) => text.split("").join("\0"), "proof_invalid"],
  },
};

const table = Object.entries(formats).flatMap(([name, changes]) =>
  Object.entries(changes).map(([what, [change, code]]) => ({ name, what, change, code })),
);

describe.concurrent("GitHub's web answers in another form one day:", () => {
  test.for(table)("$name with $what (F-16)", { timeout: 60_000 }, ({ name, change, code }) =>
    alone(async (bench) => {
      const call = calls.request[name];
      if (call === undefined) throw new Error("there is no such call");
      const it = await newCase(bench);
      const begin = await journeys.request(it, call);
      const handle = call.service(bench).rewrite(change, { match: call.match(it.job) });
      const ask = await begin();
      await bench.expectDenied(await ask(), code);
      await bench.expectGolden();
      handle.remove();
      await expectInOrder(it, await insist(ask));
    }, faultBench)(),
  );
});

test(
  "a stored log that has nothing in it at first is waited for, and no proof of anything (F-04)",
  alone(async (bench) => {
    const it = await newCase(bench);
    const call = calls.request.storage;
    if (call === undefined) throw new Error("there is no such call");
    const begin = await journeys.request(it, call);
    const empty = call.service(bench).fault({ match: call.match(it.job), body: "", times: 2 });
    const ask = await begin();
    await expectInOrder(it, await ask());
    expect(empty.used).toBe(2);
  }, faultBench),
);
