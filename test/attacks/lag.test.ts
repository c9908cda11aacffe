import { describe, expect, test } from "vitest";
import type { Handle } from "../world/fault.ts";
import { useBench } from "../harness/bench.ts";
import type { Job } from "../harness/job.ts";

const bench = useBench({ attacks: true });
const github = () => bench().world.github;

type Jobs = { jobs: Record<string, unknown>[] };

const ofJobs = ({ job }: Job): RegExp => new RegExp(`/runs/${job.run.id}/attempts/1/jobs`);

/** GitHub's lists are behind the runner in these ways; each is over once GitHub was asked so often. */
const lags: Record<string, (job: Job) => Handle | void> = {
  "the job reads queued still": (job) =>
    github().api.transform<Jobs>(({ jobs: [entry] }) => void Object.assign(entry ?? {}, queued), {
      match: ofJobs(job),
      times: 3,
    }),
  "the job is not in the list, and another waits": (job) =>
    github().api.transform<Jobs>(
      ({ jobs: [entry] }) => void Object.assign(entry ?? {}, queued, { name: "other", id: 1 }),
      { match: ofJobs(job), times: 3 },
    ),
  "the list of its steps is empty": ({ job }) =>
    github().web.fault({
      match: new RegExp(`/jobs/${job.internalId}/steps\\?`),
      times: 3,
      status: 404,
      body: '{"error":"Not Found"}',
    }),
  "the steps are not on its page yet": ({ job }) =>
    github().web.fault({
      match: new RegExp(`/job/${job.id}$`),
      times: 1,
      headers: { "content-type": "text/html" },
      body: `<check-steps data-job-steps-url="/acme/app/actions/runs/${job.run.id}/jobs/${job.internalId}/steps"></check-steps>`,
    }),
  "its runner has another name in the list": ({ job }) => {
    job.runnerName = `${job.runnerName} (hosted)`;
  },
  "it has no runner in the list": ({ job }) => {
    job.runnerName = null;
  },
};
const queued = { status: "queued", conclusion: null, runner_name: null };

describe("a client waits for what GitHub does not show yet, and no longer than it may:", () => {
  test(`served in the end when ${Object.keys(lags).join(", or ")} (G-23)`, async () => {
    const steps = Object.values(lags).map((lag) => {
      const job = bench().newJob();
      const env = { RUNNER_NAME: String(job.job.runnerName) };
      lag(job);
      return job.run("assume role", `eval $(${bench().request("--timeout 40s")})`, { env });
    });
    const ended = await Promise.all(steps);
    expect(ended.map(({ exitCode, stderr }) => (exitCode === 0 ? "served" : stderr))).toEqual(
      Object.keys(lags).map(() => "served"),
    );
    const [job] = bench().records.filter(({ code }) => code === "not_in_progress");
    expect(job).toMatchObject({ decision: "denied" });
  }, 60_000);

  test("told to try again in two seconds while GitHub says queued, and AWS is not asked (G-23)", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    for (const status of ["queued", "waiting", "requested", "pending"] as const) {
      job.status = status;
      const reply = await client.attempt();
      expect(reply.headers.get("retry-after")).toBe("2");
      await bench().expectDenied(reply, "not_in_progress");
    }
  });

  test("a job that GitHub never shows in progress ends within its time, and sets nothing (G-23)", async () => {
    const job = bench().newJob({ job: { status: "queued", runnerName: "late" } });
    const begun = performance.now();
    const step = await job.run("assume role", `eval $(${bench().request("--timeout 4s")})`);
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(step).toMatchObject({ exitCode: 1, stdout: "" });
    expect(step.stderr).toMatch(/out of time after 4s: the broker says not_in_progress/);
    expect(bench().world.sts.journal).toEqual([]);
  });
});
