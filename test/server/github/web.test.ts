import { describe, expect, test } from "vitest";
import { code } from "../../core/golden.ts";
import type { SimulatedGitHub } from "../../world/index.ts";
import { openGitHub, runAddress } from "./parts.ts";

async function open() {
  const { github, log } = await openGitHub();
  const golden = github.golden();
  const address = { ...runAddress, jobId: 7_001, headSha: golden.run.headSha };
  const read = (...names: string[]): ReturnType<typeof log.read> =>
    log.read(address, names.length > 0 ? names : ["assume role"]);
  return {
    github,
    log,
    golden,
    address,
    read,
    paths: () => github.web.journal.map(({ path }) => path),
  };
}

describe("a step in progress", () => {
  test("L-02: its items come whole, newlines and all", async () => {
    const { github, golden, read } = await open();
    github.say(golden.job, "assume role", "hello\n");
    github.liveItem(golden.job, "assume role", "BODY: x\nACTIONS2AWS PROOF: y\r\n##[endgroup]");
    expect(await read()).toEqual([
      {
        name: "assume role",
        state: "in_progress",
        window: { from: expect.any(Number), to: undefined },
        items: [{ text: "hello" }, { text: "BODY: x\nACTIONS2AWS PROOF: y\r\n##[endgroup]" }],
      },
    ]);
  });

  test("that has said nothing has no items yet", async () => {
    const { read } = await open();
    expect(await read()).toMatchObject([{ state: "in_progress", items: [] }]);
  });

  test("whose feed is not there yet has none either", async () => {
    const { github, read } = await open();
    github.web.fault({ match: /backscroll/, status: 404 });
    expect(await read()).toMatchObject([{ state: "in_progress", items: [] }]);
  });

  test("is asked for by its internal id and uuid, after one look at the page", async () => {
    const { golden, read, paths } = await open();
    await read();
    await read();
    const steps = `/acme/app/actions/runs/5001/jobs/${golden.job.internalId}/steps`;
    expect(paths()[0]).toBe("/acme/app/actions/runs/5001/job/7001");
    expect(paths().slice(1).toSorted()).toEqual([
      `${steps}/${golden.step.uuid}/backscroll`,
      `${steps}/${golden.step.uuid}/backscroll`,
      `${steps}?change_id=0`,
      `${steps}?change_id=0`,
    ]);
  });

  test("that began after the page was read is found by the list of steps", async () => {
    const { github, golden, read } = await open();
    await read();
    github.addStep(golden.job, { name: "later" });
    github.say(golden.job, "later", "here\n");
    expect(await read("later")).toMatchObject([{ name: "later", items: [{ text: "here" }] }]);
  });
});

describe("which steps are read", () => {
  test("only those of the names, with what state they are in", async () => {
    const { github, golden, read } = await open();
    github.addStep(golden.job, { name: "queued", status: "queued" });
    github.addStep(golden.job, { name: "skipped", status: "completed", conclusion: "skipped" });
    github.addStep(golden.job, { name: "failed", status: "completed", conclusion: "failure" });
    expect(
      (await read("queued", "skipped", "failed", "nothing")).map(({ name, state, items }) => [
        name,
        state,
        items,
      ]),
    ).toEqual([
      ["queued", "waiting", null],
      ["skipped", "failed", null],
      ["failed", "failed", null],
    ]);
  });

  test("L-14: both, when two have the name", async () => {
    const { github, golden, read } = await open();
    github.addStep(golden.job);
    expect(await read()).toHaveLength(2);
  });

  test("G-16: none whose name only looks like it", async () => {
    const { read } = await open();
    expect(await read("assume role\u200B", "Assume role", "assume")).toEqual([]);
  });

  test("G-23: none while the job has no steps", async () => {
    const { golden, read } = await open();
    golden.job.steps = [];
    expect(await read()).toEqual([]);
  });

  test("a job's pages are not mixed with another's", async () => {
    const { github, golden, log, read, address } = await open();
    const other = github.addJob(golden.run, { name: "other" });
    github.addStep(other);
    github.say(other, "assume role", "theirs\n");
    github.say(golden.job, "assume role", "ours\n");
    expect(await read()).toMatchObject([{ items: [{ text: "ours" }] }]);
    expect(await log.read({ ...address, jobId: other.id }, ["assume role"])).toMatchObject([
      { items: [{ text: "theirs" }] },
    ]);
  });
});

describe("a step that has ended well", () => {
  async function ended() {
    const parts = await open();
    const { github, golden } = parts;
    github.say(golden.job, "assume role", "one\ntwo\n");
    github.completeStep(golden.job, "assume role");
    return parts;
  }

  test("has its log in storage, by its number, without the cookie", async () => {
    const { github, golden, read } = await ended();
    golden.step.number = 9;
    expect(await read()).toMatchObject([
      { state: "succeeded", items: [{ text: "one" }, { text: "two" }] },
    ]);
    expect(github.web.journal.at(-1)?.path).toBe(
      `/acme/app/commit/${golden.run.headSha}/checks/7001/logs/9`,
    );
    const [stored, ...more] = github.storage.journal;
    expect(more).toEqual([]);
    expect(Object.keys(stored?.headers ?? {})).not.toContain("cookie");
    expect(Object.keys(stored?.headers ?? {})).not.toContain("authorization");
  });

  test("L-23: has none as long as it is not stored", async () => {
    const { github, read } = await ended();
    for (const service of [github.web, github.storage]) {
      const fault = service.fault({ match: /logs\//, status: 404 });
      expect(await read()).toMatchObject([{ state: "succeeded", items: null }]);
      fault.remove();
    }
    expect(await read()).toMatchObject([{ items: [{ text: "one" }, { text: "two" }] }]);
  });

  test("may have its log on the web itself", async () => {
    const { github, read } = await ended();
    github.web.fault({
      match: /logs\//,
      status: 200,
      headers: { "content-type": "text/plain" },
      body: "\uFEFF2026-01-01T00:00:00.1234567Z here\n",
    });
    expect(await read()).toMatchObject([{ items: [{ text: "here" }] }]);
  });

  const evil: [string, (github: SimulatedGitHub) => string][] = [
    ["another host", () => "http://storage.example.com/log"],
    [
      "the web itself, by a name it is not configured by",
      (github) => github.webUrl.replace("127.0.0.1", "github.com@127.0.0.1"),
    ],
    ["user and password", (github) => github.storageUrl.replace("//", "//user:pass@")],
    ["a file", () => "file:///etc/passwd"],
    ["the metadata service", () => "http://169.254.169.254/latest/meta-data"],
    ["a private address", () => "http://10.0.0.1/"],
    ["the network's own", () => "http://0.0.0.0/"],
    ["data", () => "data:text/plain,x"],
    ["no address", () => "http://"],
  ];
  test.each(evil)("H-19: its log is not fetched from %s", async (_, location) => {
    const { github, read } = await ended();
    const fault = github.web.fault({ match: /logs\//, redirect: location(github) });
    await expect(read()).rejects.toThrow(code("github_unavailable"));
    expect(github.storage.journal).toEqual([]);
    fault.remove();
    expect(await read()).toMatchObject([{ items: [{ text: "one" }, { text: "two" }] }]);
  });

  test("F-01: storage may not send it on", async () => {
    const { github, read } = await ended();
    github.storage.fault({ redirect: `${github.webUrl}/evil` });
    await expect(read()).rejects.toThrow(code("github_unavailable"));
    expect(github.web.journal.some(({ path }) => path === "/evil")).toBe(false);
  });

  test.each([
    [
      "a page from storage",
      "storage",
      { headers: { "content-type": "text/html" } },
      "github_unavailable",
    ],
    [
      "a page from the web",
      "web",
      {
        match: /logs\//,
        status: 200,
        headers: { "content-type": "text/html; charset=utf-8" },
        body: "<html>",
      },
      "github_unavailable",
    ],
    ["half of it", "storage", { truncate: true }, "github_unavailable"],
    ["storage in trouble", "storage", { status: 500 }, "github_unavailable"],
    ["storage that refuses", "storage", { status: 403 }, "github_unavailable"],
    ["compressed", "storage", { gzipBomb: 1_000_000_000 }, "github_unavailable"],
    [
      "L-13: more than four megabytes",
      "storage",
      { body: "x".repeat(4 * 2 ** 20 + 1) },
      "proof_invalid",
    ],
  ] as const)("L-18: %s is no log", async (_, where, fault, expected) => {
    const { github, read } = await ended();
    const handle = github[where].fault(fault);
    await expect(read()).rejects.toThrow(code(expected));
    handle.remove();
    expect(await read()).toMatchObject([{ items: [{ text: "one" }, { text: "two" }] }]);
  });
});

describe("F-02: a session that has ended is told as such", () => {
  test.each(["redirect", "sign-in-page", "not-found"] as const)(
    "by a %s, before the page was read",
    async (state) => {
      const { github, read } = await open();
      github.session.state = state;
      await expect(read()).rejects.toThrow(code("github_session_expired"));
      github.session.state = "signed-in";
      expect(await read()).toMatchObject([{ state: "in_progress" }]);
    },
  );

  test.each(["redirect", "sign-in-page", "not-found"] as const)(
    "by a %s, after the page was read",
    async (state) => {
      const { github, read } = await open();
      await read();
      github.session.state = state;
      await expect(read()).rejects.toThrow(code("github_session_expired"));
      github.session.state = "signed-in";
      expect(await read()).toMatchObject([{ state: "in_progress" }]);
    },
  );

  test.each(["redirect", "sign-in-page", "not-found"] as const)(
    "by a %s, on a public repository",
    async (state) => {
      const { github, golden, read } = await open();
      golden.repository.private = false;
      github.session.state = state;
      await expect(read()).rejects.toThrow(code("github_session_expired"));
      github.session.state = "signed-in";
      await read();
      github.session.state = state;
      await expect(read()).rejects.toThrow(code("github_session_expired"));
    },
  );

  test.each(["/login?return_to=x", "/session", "/orgs/acme/sso?x", "/sessions/two-factor"])(
    "by a redirect to %s",
    async (path) => {
      const { github, read } = await open();
      github.web.fault({ redirect: github.webUrl + path });
      await expect(read()).rejects.toThrow(code("github_session_expired"));
    },
  );

  test("but a step's log that is 404 is only not there yet", async () => {
    const { github, golden, read } = await open();
    github.completeStep(golden.job, "assume role");
    github.web.fault({ match: /logs\//, status: 404 });
    expect(await read()).toMatchObject([{ items: null }]);
  });
});

describe("F-16: whatever reads differently can't be used", () => {
  test.each([
    ["a page without steps", { match: /job\/7001/, body: "<html></html>" }],
    ["a page in trouble", { match: /job\/7001/, status: 500 }],
    ["a page that moved", { match: /job\/7001/, redirect: "https://example.com/elsewhere" }],
    ["a page that is too large", { match: /job\/7001/, body: " ".repeat(8 * 2 ** 20 + 1) }],
    ["steps in HTML", { match: /steps\?/, body: "<html></html>" }],
    ["steps as an object", { match: /steps\?/, body: '{"steps":[]}' }],
    [
      "a step without a number",
      { match: /steps\?/, body: '[{"id":"a","name":"assume role","status":"in_progress"}]' },
    ],
    [
      "a step whose id is a path",
      {
        match: /steps\?/,
        body: '[{"id":"../x","name":"assume role","status":"in_progress","number":2}]',
      },
    ],
    ["steps forbidden", { match: /steps\?/, status: 403 }],
    ["a feed of texts", { match: /backscroll/, body: '{"lines":["x"]}' }],
    ["a feed as a list", { match: /backscroll/, body: "[]" }],
    ["a feed cut off", { match: /backscroll/, truncate: true }],
  ])("%s", async (_, fault) => {
    const { github, golden, read } = await open();
    github.say(golden.job, "assume role", "x\n");
    const handle = github.web.fault(fault);
    await expect(read()).rejects.toThrow(code("github_unavailable"));
    handle.remove();
    expect(await read()).toMatchObject([{ items: [{ text: "x" }] }]);
  });

  test.each([
    ["no lines", "{}"],
    ["null for lines", '{"lines":null}'],
    ["fields that are new", '{"lines":[],"more":1}'],
  ])("but a feed with %s is an empty one", async (_, body) => {
    const { github, read } = await open();
    github.web.fault({ match: /backscroll/, body });
    expect(await read()).toMatchObject([{ items: [] }]);
  });
});

test("F-01, T5: the cookie goes to GitHub's web and nowhere else", async () => {
  const { github, golden, read } = await open();
  await read();
  github.completeStep(golden.job, "assume role");
  await read();
  expect(
    github.web.journal.every(
      ({ headers }) => headers.cookie === `user_session=${github.session.cookie}`,
    ),
  ).toBe(true);
  const elsewhere = [...github.api.journal, ...github.storage.journal];
  expect(elsewhere.length).toBeGreaterThan(0);
  expect(JSON.stringify(elsewhere)).not.toContain(github.session.cookie);
});

describe("looking ahead", () => {
  test("reads the page, so that the log is read without it", async () => {
    const { github, log, address, read } = await open();
    log.prepare(address);
    await expect.poll(() => github.web.journal.length).toBe(1);
    await read();
    expect(github.web.journal.filter(({ path }) => path.includes("/job/"))).toHaveLength(1);
  });

  test("never fails, and what failed is tried again", async () => {
    const { github, log, address, read } = await open();
    const fault = github.web.fault({ status: 403 });
    log.prepare(address);
    await expect.poll(() => github.web.journal.length).toBe(1);
    fault.remove();
    expect(await read()).toMatchObject([{ state: "in_progress" }]);
  });
});
