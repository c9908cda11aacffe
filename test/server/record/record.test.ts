import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { FolderError, NewFolder } from "../../../src/server/record/new-folder.ts";
import { summaryText } from "../../../src/server/record/summary.ts";
import { Recording } from "../../../src/server/recording.ts";
import { code } from "../../core/golden.ts";
import { startWorld } from "../../world/index.ts";
import { makeFolder } from "../folder.ts";
import { recordWorld } from "./recorded.ts";

async function open() {
  const world = await startWorld();
  onTestFinished(() => world.close());
  const { github } = world;
  return { github, golden: github.golden() };
}

describe("a recording of a run", () => {
  test("has run and jobs as GitHub gives them, each log byte for byte, and each feed item for item", async () => {
    const { github, golden } = await open();
    const { job } = golden;
    github.stepHeader(job, "assume role", { script: "make", env: { TITLE: "x\ny" } });
    github.say(job, "assume role", "\u001b[31mred\u001b[0m");
    const done = github.addStep(job, { name: "build", status: "in_progress" });
    github.stepHeader(job, done, { script: "make\nmake install" });
    github.say(job, done, "bÿtes\tand ##[group]colours");
    github.completeStep(job, done);
    github.addStep(job, { name: "later", status: "queued" });
    github.addStep(job, { name: "not", status: "completed", conclusion: "skipped" });

    const { files, recorded, removed } = await recordWorld(github);

    expect([...files.keys()].toSorted()).toEqual([
      "jobs.json",
      "refs.json",
      "run.json",
      "steps/7001/1.log",
      "steps/7001/2.live",
      "steps/7001/3.log",
    ]);
    expect(files.get("steps/7001/3.log")).toBe(`\uFEFF${done.log}`);
    const items = files.get("steps/7001/2.live")?.trimEnd().split("\n");
    expect(items?.map((item) => JSON.parse(item) as unknown)).toEqual(
      golden.step.live.map(({ id, line }) => ({ id, line })),
    );
    const headers = { authorization: `Bearer ${github.token}` };
    const get = async (path: string): Promise<unknown> =>
      (await fetch(`${github.apiUrl}/repos/acme/app/actions/runs/5001${path}`, { headers })).json();
    expect(JSON.parse(files.get("run.json") ?? "")).toEqual(await get(""));
    expect(JSON.parse(files.get("jobs.json") ?? "")).toEqual(await get("/attempts/1/jobs"));
    expect(recorded).toMatchObject({ attempt: 1, jobs: 1, logs: 2, feeds: 1, left: [] });
    expect(removed).toEqual([]);
  });

  test("has every page of its jobs", async () => {
    const { github } = await open();
    const { run } = github.matrix({ jobs: 120 });
    const { folder, recorded } = await recordWorld(github, { runId: run.id });
    expect(recorded).toMatchObject({ jobs: 120, logs: 120, feeds: 120 });
    expect((await new Recording(folder, () => 0).jobs()).value).toHaveLength(120);
  });

  test("is of the attempt that is asked for", async () => {
    const { github, golden } = await open();
    github.say(golden.job, "assume role", "first");
    github.rerun(golden.run);
    const first = await recordWorld(github, { attempt: 1 });
    expect(first.recorded).toMatchObject({ attempt: 1, logs: 2, feeds: 0 });
    expect(first.files.get("steps/7001/2.log")).toMatch(/first/);
    expect((await recordWorld(github)).recorded).toMatchObject({ attempt: 2, feeds: 1 });
    await expect(recordWorld(github, { attempt: 3 })).rejects.toThrow(code("job_not_found"));
  });

  test("goes on until the run stands still: a step that ends meanwhile has its log", async () => {
    const { github, golden } = await open();
    github.say(golden.job, "assume role", "hello");
    let looks = 0;
    const pause = (): Promise<void> => {
      if (++looks === 1) github.completeStep(golden.job, "assume role");
      return Promise.resolve();
    };
    const { files, recorded } = await recordWorld(github, { pause });
    expect(files.has("steps/7001/2.live")).toBe(false);
    expect(files.get("steps/7001/2.log")).toMatch(/hello/);
    expect(recorded).toMatchObject({ logs: 2, feeds: 0, left: [] });
    expect(looks).toBe(2);
  });

  test("says so when the list of jobs stays behind the web", async () => {
    const { github, golden } = await open();
    github.api.transform<{ jobs: { steps: { status: string }[] }[] }>(
      ({ jobs }) => void Object.assign(jobs[0]?.steps[1] ?? {}, { status: "in_progress" }),
      { match: /jobs/ },
    );
    github.completeStep(golden.job, "assume role");
    const { recorded } = await recordWorld(github);
    expect(recorded.left).toEqual([
      { place: "steps/7001/2.live", why: "it ended while it was recorded" },
    ]);
  });

  test("says which logs GitHub no longer has, and which are too large", async () => {
    const { github, golden } = await open();
    const large = github.addStep(golden.job, { name: "large", status: "completed" });
    large.log = "x".repeat(33 * 2 ** 20);
    github.web.fault({ match: /logs\/1$/, status: 404 });
    const { recorded, files } = await recordWorld(github);
    expect(recorded.left).toEqual([
      { place: "steps/7001/1.log", why: "GitHub has no log of it" },
      { place: "steps/7001/3.log", why: "it is too large" },
    ]);
    expect(files.has("steps/7001/3.log")).toBe(false);
  });

  test("does without refs when the token may not read them", async () => {
    const { github } = await open();
    github.api.fault({ match: /\/git\//, status: 403 });
    const { recorded, files } = await recordWorld(github);
    expect(files.has("refs.json")).toBe(false);
    expect(recorded.left).toMatchObject([{ place: "refs.json" }]);
  });

  test("holds no secret, and tells where there was one", async () => {
    const { github, golden } = await open();
    const { job, run } = golden;
    const token = `ghp_${"Ab12".repeat(9)}`;
    run.displayTitle = `see ${token}`;
    run.actor = { ...run.actor, login: "mona" };
    github.api.transform<{ head_commit?: object }>((body) => {
      if (body.head_commit) Object.assign(body.head_commit, { author: { email: "Mona@corp.io" } });
    });
    const early = github.addStep(job, { name: "early" });
    github.say(job, early, `Cookie: user_session=${github.session.cookie}`);
    github.say(job, early, `${github.token} of mona@corp.io`);
    github.completeStep(job, early);
    github.say(job, "assume role", "git commit --author 'Mona <mona@corp.io>'");

    const { files, removed, recorded } = await recordWorld(github);

    const text = [...files.values()].join("");
    expect(text).not.toMatch(/canary|ghp_|mona@corp/i);
    expect(JSON.parse(files.get("run.json") ?? "")).toMatchObject({
      display_title: "see [removed: GitHub token]",
      head_commit: { author: { email: "person-1@example.com" } },
    });
    expect(files.get("steps/7001/3.log")).toMatch(/Z \[removed: token\] of person-1@example.com\n/);
    expect(files.get("steps/7001/2.live")).toMatch(/'Mona <person-1@example.com>'/);
    const summary = summaryText(recorded, removed, "out");
    expect(summary).toMatch(/^removed 1 × session: steps\/7001\/3\.log:1$/m);
    expect(summary).toMatch(/^removed 3 × e-mail address: .*run\.json head_commit\.author\.email/m);
    expect(summary).not.toMatch(/canary|ghp_|mona@/i);
  });

  test.each(["github_session_expired", "github_unavailable"] as const)(
    "is none at all after %s",
    async (expected) => {
      const { github } = await open();
      if (expected === "github_session_expired") github.session.state = "redirect";
      else github.api.fault({ status: 500 });
      await expect(recordWorld(github)).rejects.toThrow(code(expected));
    },
  );
});

describe("the folder", () => {
  test("is the owner's alone, and not there before it is whole", () => {
    const path = join(makeFolder(), "deep", "out");
    const folder = new NewFolder(path);
    folder.write("steps/1/2.log", "x");
    expect(existsSync(path)).toBe(false);
    folder.finish();
    const modes = [".", "steps", "steps/1", "steps/1/2.log"].map(
      (name) => statSync(join(path, name)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
    expect(readdirSync(dirname(path))).toEqual(["out"]);
  });

  test("may be there if it is empty", () => {
    const path = makeFolder();
    const folder = new NewFolder(path);
    folder.write("run.json", "{}");
    folder.finish();
    expect(readdirSync(path)).toEqual(["run.json"]);
  });

  test.each<[string, (path: string) => void]>([
    ["a folder with something in it", (path) => mkdirSync(join(path, "x"), { recursive: true })],
    ["a file", (path) => writeFileSync(path, "")],
    ["a link to a file", (path) => symlinkSync("/etc/hostname", path)],
    ["below a file", (path) => writeFileSync(dirname(path), "")],
  ])("is refused where there is %s", (what, make) => {
    const path = join(makeFolder(), what === "below a file" ? "file/out" : "out");
    make(path);
    expect(() => new NewFolder(path)).toThrow(FolderError);
  });

  test("leaves nothing when it is discarded, or its place was taken meanwhile", () => {
    const path = join(makeFolder(), "out");
    const discarded = new NewFolder(path);
    discarded.write("run.json", "{}");
    discarded.discard();
    expect(readdirSync(dirname(path))).toEqual([]);
    const late = new NewFolder(path);
    mkdirSync(join(path, "x"), { recursive: true });
    expect(() => late.finish()).toThrow(FolderError);
    expect(readdirSync(dirname(path))).toEqual(["out"]);
  });
});
