import { parseDocument } from "htmlparser2";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ask, type Reply } from "./ask.ts";
import { startWorld, type Golden, type World } from "./index.ts";
import type { SessionState } from "./github/state.ts";

let world: World;
let golden: Golden;

beforeEach(async () => {
  world = await startWorld();
  golden = world.github.golden();
});
afterEach(() => world.close());

function web(path: string, headers: Record<string, string> = {}): Promise<Reply> {
  const cookie = `user_session=${world.github.session.cookie}`;
  return ask(world.github.webUrl + path, { cookie, accept: "application/json", ...headers });
}

const page = "/acme/app/actions/runs/5001/job/7001";
const jobs = "/acme/app/actions/runs/5001/jobs";
const steps = (): string => `${jobs}/${golden.job.internalId}/steps`;
const backscroll = (): string => `${steps()}/${golden.step.uuid}/backscroll`;
const log = (): string => `/acme/app/commit/${golden.run.headSha}/checks/7001/logs/2`;

/** The attributes of the page's tags of this name. */
function tags(html: string, name: string): Record<string, string>[] {
  const found: Record<string, string>[] = [];
  const visit = (nodes: ReturnType<typeof parseDocument>["children"]): void => {
    for (const node of nodes) {
      if ("attribs" in node && node.name === name) found.push(node.attribs);
      if ("children" in node) visit(node.children);
    }
  };
  visit(parseDocument(html).children);
  return found;
}

describe("the job page", () => {
  test("names the internal id, the steps and their backscroll, in the order of the real one", async () => {
    const { status, text } = await web(page, { accept: "text/html" });
    expect(status).toBe(200);
    expect(tags(text, "check-steps")[0]).toMatchObject({ "data-job-steps-url": steps() });
    const [first, second] = tags(text, "check-step");
    const order = [
      "name",
      "number",
      "conclusion",
      "external-id",
      "expand",
      "started-at",
      "completed-at",
      "log-url",
      "job-step-backscroll-url",
    ];
    expect(Object.keys(first ?? {}).filter((name) => name !== "class")).toEqual(
      order.map((name) => `data-${name}`),
    );
    expect(second).toMatchObject({
      "data-name": "assume role",
      "data-number": "2",
      "data-conclusion": "",
      "data-job-step-backscroll-url": backscroll(),
      "data-log-url": log(),
    });
    expect(text).toMatch(/<check-step\n\s+data-name="Set up job"\n\s+data-number="1"\n/);
  });

  test("escapes what users write", async () => {
    golden.step.name = `a" data-external-id='x' <b> &amp;`;
    golden.run.displayTitle = "</title><check-step data-name='evil'>";
    const { text } = await web(page);
    expect(tags(text, "check-step").map((step) => step["data-name"])).toEqual([
      "Set up job",
      golden.step.name,
    ]);
  });

  test.each([1_000, 30_000, 200_000])("has about %i bytes besides its steps", async (bytes) => {
    world.github.pageFurniture = bytes;
    const { text } = await web(page);
    expect(Math.abs(text.length - bytes)).toBeLessThan(5_000);
  });

  test("shows anonymous readers of a public repository the steps alone, of a private one nothing", async () => {
    expect((await web(page, { cookie: "" })).status).toBe(404);
    golden.repository.private = false;
    const { text } = await web(page, { cookie: "" });
    expect(tags(text, "check-step")).toHaveLength(2);
    expect(tags(text, "check-step")[1]).toMatchObject({ "data-external-id": golden.step.uuid });
    expect(text).not.toMatch(/data-job-steps-url|backscroll/);
  });

  test("is not there for another run, and moves with a renamed repository", async () => {
    expect((await web("/acme/app/actions/runs/5002/job/7001")).status).toBe(404);
    world.github.rename(golden.repository, "shop");
    const { status, headers } = await web(page);
    expect([status, headers.get("location")]).toEqual([
      301,
      `${world.github.webUrl}/acme/shop/actions/runs/5001/job/7001`,
    ]);
  });
});

describe("the steps", () => {
  test("are listed with their uuids and numbers, which may have gaps", async () => {
    world.github.addStep(golden.job, { name: "later", number: 9, status: "queued" });
    const { status, json } = await web(`${steps()}?change_id=0`);
    expect(status).toBe(200);
    expect(json).toMatchObject([
      { name: "Set up job", number: 1, status: "completed", conclusion: "success" },
      {
        id: golden.step.uuid,
        name: "assume role",
        number: 2,
        status: "in_progress",
        conclusion: null,
        log_url: null,
      },
      { name: "later", number: 9, status: "queued", started_at: null },
    ]);
    const fields = [
      "id",
      "name",
      "status",
      "conclusion",
      "number",
      "change_id",
      "started_at",
      "completed_at",
      "completed_log_lines",
      "log_url",
      "is_background",
    ];
    expect(Object.keys(Object(json)[0])).toEqual(fields);
  });

  test.each([
    ["text/html", 400],
    ["application/json", 200],
  ])("with Accept: %s: %i", async (accept, status) => {
    expect((await web(`${steps()}?change_id=0`, { accept })).status).toBe(status);
  });

  test.each([
    ["a REST id", () => `${jobs}/7001/steps`],
    ["another run", () => steps().replace("5001", "5002")],
    [
      "a job without steps",
      () => {
        golden.job.steps = [];
        return steps();
      },
    ],
  ])("of %s are not there", async (_, path) => {
    const { status, json } = await web(`${path()}?change_id=0`);
    expect([status, json]).toEqual([404, { error: "Not Found" }]);
  });
});

describe("the live feed", () => {
  test("has no lines before the first, then all, and none once the step is completed", async () => {
    expect((await web(backscroll())).json).toEqual({});
    world.github.say(golden.job, "assume role", "one\ntwo");
    expect((await web(backscroll())).json).toEqual({
      lines: ["one", "two"].map((line) => ({ id: expect.any(String), line })),
    });
    world.github.completeStep(golden.job, "assume role");
    expect((await web(backscroll())).json).toEqual({ lines: [] });
  });

  test("keeps the last 1,000", async () => {
    for (let line = 1; line <= 1_002; line++)
      world.github.say(golden.job, "assume role", `line ${line}`);
    const { lines } = Object((await web(backscroll())).json);
    expect([lines.length, lines[0].line, lines[999].line]).toEqual([1_000, "line 3", "line 1002"]);
  });

  test("honours If-None-Match", async () => {
    const etag = (await web(backscroll())).headers.get("etag") ?? "";
    expect((await web(backscroll(), { "if-none-match": etag })).status).toBe(304);
    world.github.say(golden.job, "assume role", "news");
    expect((await web(backscroll(), { "if-none-match": etag })).status).toBe(200);
  });
});

describe("a completed step's log", () => {
  test("lies in signed storage on another origin, with a BOM", async () => {
    expect((await web(log())).status).toBe(404);
    world.github.say(golden.job, "assume role", "hello");
    world.github.completeStep(golden.job, "assume role");
    const { status, headers } = await web(log());
    const location = headers.get("location") ?? "";
    expect([status, new URL(location).origin]).toEqual([302, world.github.storageUrl]);
    expect((await ask(location)).text).toMatch(/^\uFEFF\S+Z hello\n$/);
  });

  test("is not there for another commit, an unknown step, or a reader who is not signed in", async () => {
    world.github.completeStep(golden.job, "assume role");
    expect((await web(log().replace(golden.run.headSha, "0".repeat(40)))).status).toBe(404);
    expect((await web(log().replace(/2$/, "3"))).status).toBe(404);
    golden.repository.private = false;
    expect((await web(log(), { cookie: "" })).status).toBe(404);
  });

  test("opens with its signature alone, and not with a token besides", async () => {
    world.github.completeStep(golden.job, "assume role");
    const location = (await web(log())).headers.get("location") ?? "";
    expect((await ask(location.replace(/sig=.*/, "sig=none"))).status).toBe(403);
    expect((await ask(location, { authorization: "Bearer x" })).status).toBe(400);
  });
});

describe("a session that ran out", () => {
  test.each<[SessionState, number, RegExp, RegExp]>([
    ["redirect", 302, /^http:\/\/127\.0\.0\.1:\d+\/login\?return_to=/, /redirected/],
    ["sign-in-page", 200, /^$/, /<form [^>]*action="\/session"/],
    ["not-found", 404, /^$/, /Not Found/],
  ])("%s", async (state, status, location, text) => {
    world.github.session.state = state;
    for (const path of [page, steps(), backscroll(), log()]) {
      const reply = await web(path);
      expect([path, reply.status]).toEqual([path, status]);
      expect(reply.headers.get("location") ?? "").toMatch(location);
      expect(reply.text).toMatch(text);
    }
  });

  test("on a public repository, not-found shows what anonymous readers see", async () => {
    golden.repository.private = false;
    world.github.session.state = "not-found";
    expect((await web(page)).status).toBe(200);
    expect((await web(steps())).status).toBe(404);
  });
});
