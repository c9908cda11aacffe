import { describe, expect, test } from "vitest";
import type { Job } from "../world/index.ts";
import { useBench } from "../harness/bench.ts";
import { otherServer } from "../harness/other-server.ts";
import { codeOf } from "../harness/requests.ts";

const bench = useBench({ attacks: true });
const github = () => bench().world.github;
const jobsOf = ({ run }: Job): RegExp => new RegExp(`/runs/${run.id}/attempts/1/jobs`);
const pageOf = (job: Job, page: number): RegExp =>
  new RegExp(`${jobsOf(job).source}\\?(?:.*&)?page=${page}(?:&|$)`);

/** A run of so many jobs, of which these have the pinned name; the first of them has a step in progress. */
function runOf(count: number, named: readonly number[]): Job[] {
  const { job: first } = bench().newJob({ job: { name: "test (1)" } });
  const others = Array.from({ length: count - 1 }, (_, at) =>
    github().addJob(first.run, { name: `build (${at + 2})` }),
  );
  const jobs = [first, ...others];
  for (const at of named) {
    const job = jobs.at(at) ?? expect.unreachable();
    job.name = "deploy";
    github().addStep(job);
  }
  return jobs.filter(({ name }) => name === "deploy");
}

describe("of three hundred jobs (H-20)", () => {
  test("the last is found, by its id, its runner or its name, for the three pages that there are", async () => {
    const [job = expect.unreachable()] = runOf(300, [-1]);
    const client = await bench().client(job);
    for (const by of [{ id: job.id }, { runner_name: job.runnerName }, { name: "deploy" }])
      expect((await client.attempt({ job: by })).status).toBe(200);
    const pages = bench().asked.filter(
      ({ path, status }) => jobsOf(job).test(path) && status === 200,
    );
    expect(pages.length).toBeLessThanOrEqual(3);
  });

  test("two of one name are not told apart, wherever in the list the second is", async () => {
    for (const second of [1, 99, 100, 199, 200, -1]) {
      const [job = expect.unreachable(), twin = expect.unreachable()] = runOf(300, [0, second]);
      const client = await bench().client(job);
      const reply = await client.attempt({ job: { name: "deploy" } });
      expect([second, reply.status]).toEqual([second, 409]);
      await bench().expectDenied(reply, "job_ambiguous");
      expect(twin.attempt).toBe(job.attempt);
    }
  });
});

describe("a list of jobs that is not whole is none (H-20):", () => {
  type Page = { total_count: unknown; jobs: { id: number; name: string }[] };
  const lies: Record<string, [page: number, change: (page: Page) => void]> = {
    "it says one, and holds all": [1, (page) => void (page.total_count = 1)],
    "it says none, and holds all": [1, (page) => void (page.total_count = 0)],
    "it says one more than it holds": [1, (page) => void (page.total_count = 151)],
    "it says a million": [1, (page) => void (page.total_count = 1_000_000)],
    "it says no number": [1, (page) => void (page.total_count = "150")],
    "it says less than nothing": [1, (page) => void (page.total_count = -1)],
    "it says a part of one": [1, (page) => void (page.total_count = 150.5)],
    "it says nothing": [1, (page) => void delete page.total_count],
    "its first page lacks a job": [1, (page) => void page.jobs.pop()],
    "its second page lacks a job": [2, (page) => void page.jobs.pop()],
    "its second page is empty": [2, (page) => void (page.jobs = [])],
    "its second page says another number": [2, (page) => void (page.total_count = 149)],
    "its jobs are no list": [1, (page) => void ((page as { jobs: unknown }).jobs = {})],
  };
  test.for(Object.entries(lies))("%s", async ([, [page, change]]) => {
    const [job = expect.unreachable()] = runOf(150, [0]);
    const client = await bench().client(job);
    const lie = github().api.transform<Page>(change, { match: pageOf(job, page) });
    const reply = await client.attempt({ job: { name: "deploy" } });
    lie.remove();
    expect(reply.status).toBe(503);
    await bench().expectDenied(reply, "github_unavailable");
    expect(bench().asked.filter(({ path }) => jobsOf(job).test(path)).length).toBeLessThan(10);
  });

  test("the first page again in place of the second: each job stands there twice", async () => {
    const [job = expect.unreachable()] = runOf(200, [0]);
    const client = await bench().client(job);
    let first: Page | undefined;
    const handles = [
      github().api.transform<Page>((page) => void (first = structuredClone(page)), {
        match: pageOf(job, 1),
      }),
      github().api.transform<Page>((page) => first ?? page, { match: pageOf(job, 2) }),
    ];
    await client.attempt();
    const reply = await client.attempt();
    for (const handle of handles) handle.remove();
    expect(reply.status).toBe(409);
    expect(codeOf(reply)).toBe("job_ambiguous");
    expect(bench().world.sts.journal).toEqual([]);
  });
});

test("the addresses of further pages are made here, whatever a Link says (H-20)", async () => {
  const other = await otherServer();
  const [job = expect.unreachable()] = runOf(150, [0]);
  const link = ["next", "last", "first", "prev"]
    .map((rel) => `<http://127.0.0.1:${other.port}/jobs?page=2>; rel="${rel}"`)
    .join(", ");
  const fault = github().api.fault({ match: jobsOf(job), headers: { link } });
  const client = await bench().client(job);
  await expect(client.obtain()).resolves.toBeDefined();
  expect(fault.used).toBeGreaterThan(1);
  fault.remove();
  expect(other).toMatchObject({ connections: 0, asked: [] });

  // Nor does an endless one make it go on.
  const [lone = expect.unreachable()] = runOf(2, [0]);
  const again = `<${github().apiUrl}/repos/acme/app/actions/runs/${lone.run.id}/attempts/1/jobs?page=2>; rel="next"`;
  const endless = github().api.fault({ match: jobsOf(lone), headers: { link: again } });
  await expect((await bench().client(lone)).obtain()).resolves.toBeDefined();
  endless.remove();
  const asked = bench().asked.filter(({ path }) => jobsOf(lone).test(path));
  expect(asked.length).toBeLessThan(10);
});
