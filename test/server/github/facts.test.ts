import { describe, expect, test } from "vitest";
import { sha } from "../../world/index.ts";
import { code } from "../../core/golden.ts";
import { openGitHub, runAddress } from "./parts.ts";

async function open() {
  const parts = await openGitHub();
  return {
    ...parts,
    golden: parts.github.golden(),
    paths: () => parts.github.api.journal.map(({ path }) => path),
  };
}

describe("runs", () => {
  test("are asked for by repository and id", async () => {
    const { facts, clock, paths } = await open();
    expect(await facts.run(runAddress, clock.now)).toMatchObject({
      at: clock.now,
      value: { id: 5_001 },
    });
    expect(paths()).toEqual(["/repos/acme/app/actions/runs/5001"]);
  });

  test.each([
    ["another run", { ...runAddress, runId: 1 }],
    ["another repository", { ...runAddress, repository: "acme/other" }],
  ])("%s is not found", async (_, address) => {
    const { facts, clock } = await open();
    await expect(facts.run(address, clock.now)).rejects.toThrow(code("job_not_found"));
    expect(await facts.run(runAddress, clock.now)).toBeDefined();
  });
});

test("H-09: a repository is asked for in one spelling, or each would cost its own (G-15)", async () => {
  const { facts, github, clock, paths } = await open();
  for (const repository of ["acme/app", "ACME/app", "Acme/App"]) {
    const address = { ...runAddress, repository };
    clock.now += 1;
    await Promise.all([facts.run(address, clock.now), facts.jobs(address, clock.now)]);
    await facts.refs(repository, "main", clock.now);
  }
  expect(new Set(paths()).size).toBe(4);
  expect(github.restCost()).toBe(4);
});

describe("H-09: the runs in progress of a repository", () => {
  test("are the newest hundred, in one call", async () => {
    const { facts, github, golden, clock, paths } = await open();
    github.addRun(golden.repository, { id: 5_002, status: "completed" });
    github.addRun(github.addRepository({ name: "other" }), { id: 5_003 });
    expect(await facts.openRuns("acme/app", clock.now)).toEqual(new Map([[5_001, 1]]));
    expect(paths()).toEqual(["/repos/acme/app/actions/runs?status=in_progress&per_page=100"]);
    for (let id = 6_000; id < 6_150; id++) github.addRun(golden.repository, { id });
    const open100 = await facts.openRuns("acme/app", (clock.now += 1));
    expect([open100.size, open100.has(6_149), open100.has(5_001)]).toEqual([100, true, false]);
  });

  test("are none of a repository that is not there, and unknown while GitHub is in trouble", async () => {
    const { facts, github, clock } = await open();
    expect(await facts.openRuns("acme/nothing", clock.now)).toEqual(new Map());
    github.api.fault({ status: 500 });
    await expect(facts.openRuns("acme/app", clock.now)).rejects.toThrow(code("github_unavailable"));
  });
});

describe("H-20: jobs, all pages of them", () => {
  test("256 of a matrix, in three calls", async () => {
    const { facts, github, clock, paths } = await open();
    const { run } = github.matrix({ jobs: 256 });
    const { value, at } = await facts.jobs({ ...runAddress, runId: run.id }, clock.now);
    expect(new Set(value.map((job) => Object(job).id)).size).toBe(256);
    expect(at).toBe(clock.now);
    expect(paths().toSorted()).toEqual(
      [1, 2, 3].map(
        (page) =>
          `/repos/acme/app/actions/runs/${run.id}/attempts/1/jobs?per_page=100&page=${page}`,
      ),
    );
  });

  test.each([0, 1, 99, 100, 101, 200])("%d of them", async (count) => {
    const { facts, github, clock } = await open();
    const { run } = github.matrix({ jobs: count });
    const { value } = await facts.jobs({ ...runAddress, runId: run.id }, clock.now);
    expect(value).toHaveLength(count);
  });

  test("the age is that of the oldest page", async () => {
    const { facts, github, clock } = await open();
    const { run } = github.matrix({ jobs: 150 });
    const address = { ...runAddress, runId: run.id };
    await facts.jobs(address, clock.now);
    clock.now += 1_000;
    const fault = github.api.fault({ match: /page=2$/, status: 500 });
    await expect(facts.jobs(address, clock.now)).rejects.toThrow(code("github_unavailable"));
    fault.remove();
    // Page 1 is of now, page 2 of a second ago.
    expect((await facts.jobs(address, clock.now - 1_000)).at).toBe(clock.now - 1_000);
  });

  test.each([
    ["says that there are fewer", 1],
    ["says that there are more", 3],
    ["says that there are many more", 250],
    ["says that there are more than a run can have", 2_001],
    ["says no number", "2"],
  ])("F-04: a list whose total_count %s is not used", async (_, total) => {
    const { facts, github, golden, clock } = await open();
    github.addJob(golden.run, { name: "second" });
    const transform = github.api.transform((body) => {
      body["total_count"] = total;
    });
    await expect(facts.jobs(runAddress, clock.now)).rejects.toThrow(code("github_unavailable"));
    transform.remove();
    clock.now += 1;
    expect((await facts.jobs(runAddress, clock.now)).value).toHaveLength(2);
  });

  test("F-04: nor one with a page that lacks a job", async () => {
    const { facts, github, clock } = await open();
    const { run } = github.matrix({ jobs: 150 });
    github.api.transform<{ jobs: unknown[] }>(
      (body) => {
        body.jobs.pop();
      },
      { match: /page=2$/ },
    );
    await expect(facts.jobs({ ...runAddress, runId: run.id }, clock.now)).rejects.toThrow(
      code("github_unavailable"),
    );
  });

  test("H-19: links in the answer are not followed", async () => {
    const { facts, github, clock } = await open();
    github.api.fault({ headers: { link: `<${github.storageUrl}/evil?page=2>; rel="next"` } });
    expect((await facts.jobs(runAddress, clock.now)).value).toHaveLength(1);
    expect(github.storage.journal).toEqual([]);
  });

  test("G-09: they are of the attempt that is asked for", async () => {
    const { facts, github, golden, clock } = await open();
    github.rerun(golden.run);
    const { value } = await facts.jobs({ ...runAddress, runAttempt: 2 }, clock.now);
    expect(value).toMatchObject([{ run_attempt: 2 }]);
    await expect(facts.jobs({ ...runAddress, runAttempt: 3 }, clock.now)).rejects.toThrow(
      code("job_not_found"),
    );
  });
});

describe("refs", () => {
  test("a branch without a tag of its name: two calls, and no 404 among them", async () => {
    const { facts, github, golden, clock, paths } = await open();
    expect(await facts.refs("acme/app", "main", clock.now)).toEqual({
      at: clock.now,
      value: { branch: golden.run.headSha, tag: null },
    });
    expect(paths().toSorted()).toEqual([
      "/repos/acme/app/git/matching-refs/tags/main",
      "/repos/acme/app/git/ref/heads/main",
    ]);
    clock.now += 1;
    await facts.refs("acme/app", "main", clock.now);
    expect(github.restCost()).toBe(2);
  });

  test("G-03: a tag of the branch's name is seen, and one that begins so is not taken for it", async () => {
    const { facts, golden, clock } = await open();
    golden.repository.tags.set("main-old", sha("old"));
    golden.repository.tags.set("mai", sha("older"));
    expect((await facts.refs("acme/app", "main", clock.now)).value.tag).toBeNull();
    golden.repository.tags.set("main", sha("x"));
    clock.now += 1;
    expect((await facts.refs("acme/app", "main", clock.now)).value.tag).toBe(sha("x"));
  });

  test("G-03: an old server's search in place of the one branch does not mislead", async () => {
    const { facts, github, clock } = await open();
    const transform = github.api.transform<{ ref: string }>(
      (body) => {
        body.ref = "refs/heads/main-old";
      },
      { match: /git\/ref\/heads/ },
    );
    expect((await facts.refs("acme/app", "main", clock.now)).value.branch).toBeNull();
    transform.remove();
    github.api.transform((body) => [body] as unknown as Record<string, unknown>, {
      match: /git\/ref\/heads/,
    });
    clock.now += 1;
    await expect(facts.refs("acme/app", "main", clock.now)).rejects.toThrow(
      code("github_unavailable"),
    );
  });

  test("an annotated tag leads to its commit", async () => {
    const { facts, golden, clock } = await open();
    golden.repository.tags.set("v1", sha("tag object"));
    golden.repository.tagObjects.set(sha("tag object"), golden.run.headSha);
    expect((await facts.refs("acme/app", "v1", clock.now)).value).toEqual({
      branch: null,
      tag: golden.run.headSha,
    });
  });

  test.each<[string, (body: { object: Record<string, unknown> }) => void]>([
    [
      "to another tag",
      (body) => {
        body.object["type"] = "tag";
      },
    ],
    [
      "to a tree",
      (body) => {
        body.object["type"] = "tree";
      },
    ],
    [
      "to what is no sha",
      (body) => {
        body.object["sha"] = "../main";
      },
    ],
    [
      "nowhere",
      (body) => {
        body.object = {};
      },
    ],
  ])("an annotated tag that leads %s is not used", async (_, change) => {
    const { facts, github, golden, clock } = await open();
    golden.repository.tags.set("v1", sha("tag object"));
    golden.repository.tagObjects.set(sha("tag object"), golden.run.headSha);
    github.api.transform(change, { match: /git\/tags\// });
    await expect(facts.refs("acme/app", "v1", clock.now)).rejects.toThrow(
      code("github_unavailable"),
    );
  });

  test("a server without the search is asked for the one tag", async () => {
    const { facts, github, golden, clock, paths } = await open();
    golden.repository.tags.set("v1", golden.run.headSha);
    github.api.fault({ match: /matching-refs/, status: 404 });
    expect((await facts.refs("acme/app", "v1", clock.now)).value).toEqual({
      branch: null,
      tag: golden.run.headSha,
    });
    expect(paths()).toContain("/repos/acme/app/git/ref/tags/v1");
  });

  test.each([
    "a#b",
    "a&b=c",
    "ä",
    "日本",
    "feature/x",
    "feature/x-y/z",
    "100%",
    "%2e%2e",
    "a+b",
    "a;b",
    "a'b\"c",
    "{owner}",
    "{x}",
    "v1.0",
    "heads/main",
    "refs/heads/main",
    "a@b",
    "a,b",
    "é\u0301",
  ])("H-01: the branch %j is found, and only it", async (name) => {
    const { facts, github, golden, clock, paths } = await open();
    golden.repository.branches.set(name, sha(name));
    expect((await facts.refs("acme/app", name, clock.now)).value).toEqual({
      branch: sha(name),
      tag: null,
    });
    const encoded = name.split("/").map(encodeURIComponent).join("/");
    expect(paths().toSorted()).toEqual([
      `/repos/acme/app/git/matching-refs/tags/${encoded}`,
      `/repos/acme/app/git/ref/heads/${encoded}`,
    ]);
    expect(github.journal.every(({ path }) => path.startsWith("/repos/acme/app/git/"))).toBe(true);
  });

  test.each([
    "",
    "..",
    "../x",
    "a/../b",
    "a..b",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a/.b",
    "a.",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?b",
    "a*b",
    "a[b",
    "a\\b",
    "a@{b",
    "a\nb",
    "a\0",
    "\uD800",
    "a\u007F",
  ])("H-01: %j, which Git takes for no name, is never asked for", async (name) => {
    const { facts, clock, paths } = await open();
    expect(await facts.refs("acme/app", name, clock.now)).toMatchObject({
      value: { branch: null, tag: null },
    });
    expect(paths()).toEqual([]);
  });

  test("a deleted branch is none", async () => {
    const { facts, golden, clock } = await open();
    golden.repository.branches.delete("main");
    expect((await facts.refs("acme/app", "main", clock.now)).value).toEqual({
      branch: null,
      tag: null,
    });
  });
});

describe("comparisons", () => {
  test("tell how a commit stands to another, once and for all", async () => {
    const { facts, github, golden, clock, paths } = await open();
    const tip = github.push(golden.repository, "main", "fourth");
    const { headSha } = golden.run;
    expect(await facts.compare("acme/app", headSha, tip, clock.now)).toBe("ahead");
    clock.now += 1_000_000;
    expect(await facts.compare("acme/app", headSha, tip, clock.now)).toBe("ahead");
    expect(paths()).toEqual([`/repos/acme/app/compare/${headSha}...${tip}?per_page=1`]);
    expect(await facts.compare("acme/app", tip, headSha, clock.now)).toBe("behind");
  });

  test("G-13: a commit of the fork network that is on no branch is beside it", async () => {
    const { facts, github, golden, clock } = await open();
    const fork = github.addRepository({ owner: "mallory", forkOf: golden.repository });
    fork.ancestry.set(sha("imposter"), [sha("1001 second")]);
    expect(await facts.compare("acme/app", sha("imposter"), golden.run.headSha, clock.now)).toBe(
      "diverged",
    );
  });

  test("a commit that nobody knows stands nowhere, and may be known later", async () => {
    const { facts, golden, clock } = await open();
    const { headSha } = golden.run;
    expect(await facts.compare("acme/app", sha("nobody"), headSha, clock.now)).toBeNull();
    golden.repository.ancestry.set(sha("nobody"), [headSha]);
    clock.now += 1;
    expect(await facts.compare("acme/app", sha("nobody"), headSha, clock.now)).toBe("behind");
  });

  test("H-02: a status unheard of is no answer", async () => {
    const { facts, github, golden, clock } = await open();
    github.api.transform(
      (body) => {
        body["status"] = "aside";
      },
      { match: /compare/ },
    );
    await expect(
      facts.compare("acme/app", sha("1001 second"), golden.run.headSha, clock.now),
    ).rejects.toThrow(code("github_unavailable"));
  });
});
