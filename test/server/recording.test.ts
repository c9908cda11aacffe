import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Recording } from "../../src/server/recording.ts";
import { code, goldenCase, now } from "../core/golden.ts";
import { makeFolder } from "./folder.ts";

const address = { repository: "acme/app", runId: 5_001, runAttempt: 1, jobId: 7_001, headSha: "" };

function record(change: (golden: ReturnType<typeof goldenCase>) => void = () => undefined) {
  const folder = makeFolder();
  const golden = goldenCase();
  change(golden);
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, "steps", "7001"), { recursive: true });
  write("run.json", JSON.stringify(golden.runJson()));
  const jobs = golden.jobsJson();
  write("jobs.json", JSON.stringify({ total_count: jobs.length, jobs }));
  const recording = new Recording(folder, () => 7);
  return {
    folder,
    golden,
    write,
    recording,
    read: (...names: string[]) =>
      recording.read(address, names.length > 0 ? names : ["assume role"]),
  };
}

test("a recording answers as GitHub would", async () => {
  const { recording, golden } = record();
  expect(await recording.check()).toEqual({ repository: "acme/app", runId: 5_001, attempt: 1 });
  expect(await recording.run(address)).toMatchObject({ at: 7, value: { id: 5_001 } });
  expect((await recording.jobs()).value).toMatchObject([{ id: 7_001 }]);
  expect((await recording.refs("acme/app", "main")).value).toEqual({
    branch: golden.run.headSha,
    tag: null,
  });
  expect((await recording.refs("acme/app", "other")).value).toEqual({ branch: null, tag: null });
  expect(await recording.compare()).toBeNull();
  await expect(recording.run({ ...address, runId: 1 })).rejects.toThrow(code("job_not_found"));
});

describe("a step's log", () => {
  test("in progress is a JSON line an item; the one still being written is left for later", async () => {
    const { write, read } = record();
    expect(await read()).toEqual([
      { name: "assume role", window: { from: now }, state: "in_progress", items: [] },
    ]);
    write("steps/7001/2.live", '{"line":"one\\ntwo"}\n{"line":"three"}\n{"line":"fo');
    expect(await read()).toMatchObject([{ items: [{ text: "one\ntwo" }, { text: "three" }] }]);
    write("steps/7001/2.live", '{"line":"one\\ntwo"}\n{"line":"three"}\n{"line":"four"}\n');
    expect(await read()).toMatchObject([{ items: [{}, {}, { text: "four" }] }]);
  });

  test.each(["three\n", '{"text":"x"}\n', "[]\n", "null\n"])(
    "with %j among them can't be used",
    async (line) => {
      const { write, read } = record();
      write("steps/7001/2.live", `{"line":"one"}\n${line}`);
      await expect(read()).rejects.toThrow(code("github_unavailable"));
    },
  );

  test("that has ended well is read as one from storage", async () => {
    const { write, read } = record(({ step }) =>
      Object.assign(step, { status: "completed", conclusion: "success" }),
    );
    expect(await read()).toMatchObject([{ state: "succeeded", items: null }]);
    write("steps/7001/2.log", "\uFEFF2026-01-01T00:00:00.1234567Z hello\nthere\n");
    expect(await read()).toMatchObject([{ state: "succeeded", items: [{ text: "hello\nthere" }] }]);
  });

  test.each([
    ["failed", { status: "completed", conclusion: "failure" }, "failed"],
    ["queued", { status: "queued", conclusion: null }, "waiting"],
  ] as const)("that is %s has none", async (_, change, state) => {
    const { read } = record(({ step }) => Object.assign(step, change));
    expect(await read()).toMatchObject([{ state, items: null }]);
  });

  test("is of the asked step and job alone", async () => {
    const { recording, read } = record();
    expect(await read("other")).toEqual([]);
    expect(await recording.read({ ...address, jobId: 1 }, ["assume role"])).toEqual([]);
  });
});

describe("recorded refs", () => {
  const refs = { name: "main", branch: "b".repeat(40), tag: null, comparison: "ahead" };

  test("stand for what GitHub said", async () => {
    const { write, recording } = record();
    write("refs.json", JSON.stringify(refs));
    expect((await recording.refs("acme/app", "main")).value).toEqual({
      branch: refs.branch,
      tag: null,
    });
    expect((await recording.refs("acme/app", "other")).value).toEqual({ branch: null, tag: null });
    expect(await recording.compare()).toBe("ahead");
  });

  test.each(["{", "[]", JSON.stringify({ ...refs, branch: undefined })])(
    "that read %s can't be used",
    async (text) => {
      const { write, recording } = record();
      write("refs.json", text);
      await expect(recording.refs("acme/app", "main")).rejects.toThrow(code("github_unavailable"));
    },
  );
});

describe("what is no recording", () => {
  test.each([
    ["nothing", (folder: string) => rmSync(folder, { recursive: true })],
    ["no jobs", (folder: string) => rmSync(join(folder, "jobs.json"))],
    ["a run that is not JSON", (folder: string) => writeFileSync(join(folder, "run.json"), "{")],
    [
      "a run that is another thing",
      (folder: string) => writeFileSync(join(folder, "run.json"), "[]"),
    ],
  ])("%s", async (_, spoil) => {
    const { folder, recording } = record();
    spoil(folder);
    await expect(recording.check()).rejects.toThrow(code("github_unavailable"));
  });
});
