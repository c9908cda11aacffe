import type { Bench } from "../../harness/bench.ts";
import { grantLike, roleOf } from "../../harness/config.ts";
import type { Job } from "../../world/index.ts";
import { noGrant, ofRun, runOf, type Scenes } from "./scene.ts";

export const jobGrants = [
  grantLike("odd-name", { job: ["a.c (x|y) [z] ^$ \\d+ ?"] }),
  grantLike("one-leg", { job: ["test (*)"] }),
  grantLike("caller", { job: ["release / deploy"] }),
];

const named = (name: string) => () => ({ job: { name } });
const notRecorded = "it names the job by its runner";

/** A run with a job besides the one that asks. */
const with2 =
  (more: (first: Job) => object = () => ({})) =>
  (bench: Bench): Job => {
    const job = runOf(bench);
    bench.world.github.addJob(job.run, more(job));
    return job;
  };

type Entry = Record<string, unknown>;

/** Changes the list of jobs that GitHub gives of this attempt alone. */
function relisted({ world }: Bench, { run, attempt }: Job, change: (jobs: Entry[]) => void): void {
  world.github.api.transform<{ total_count: number; jobs: Entry[] }>(
    (page) => {
      change(page.jobs);
      page.total_count = page.jobs.length;
    },
    { match: new RegExp(`/runs/${run.id}/attempts/${attempt.number}/jobs`) },
  );
}

/** A partial re-run whose list still shows the job of the first attempt, before or behind the new one. */
const mixed =
  (place: "unshift" | "push", asks: "old" | "new", first: Entry) =>
  (bench: Bench): Job => {
    const old = runOf(bench);
    const attempt = bench.world.github.rerun(old.run);
    const [again] = attempt.jobs;
    if (again === undefined) throw new Error("no job in the second attempt");
    relisted(bench, again, (jobs) => {
      jobs[place]({ ...jobs[0], ...first, id: old.id, run_attempt: 1 });
    });
    return asks === "new" ? again : Object.assign(old, { attempt });
  };

const failed = { status: "completed", conclusion: "failure" };
const notInProgress = { code: "not_in_progress" };
const ambiguous = { code: "job_ambiguous" };

const attemptScenes: Scenes = {
  "a job of an earlier attempt is over (G-08)": {
    job: (bench) => {
      const job = runOf(bench);
      bench.world.github.rerun(job.run);
      return job;
    },
    verdict: notInProgress,
  },
  "a job of an earlier attempt is over, though it still reads in progress (G-08)": {
    job: (bench) => {
      const job = runOf(bench);
      const { run, attempt } = job;
      run.attempts.push({ ...attempt, number: attempt.number + 1, jobs: [] });
      return job;
    },
    verdict: notInProgress,
    notRecorded: "the recorder shows the earlier attempt as it was",
  },
  "the second attempt of a run is served by its own number (G-08)": {
    job: mixed("push", "new", failed),
    verdict: "served",
  },
  "a failed job of the first attempt in the second's list is over (G-09)": {
    job: mixed("push", "old", failed),
    verdict: notInProgress,
  },
  "a job of the first attempt that still reads in progress is of another attempt (G-09)": {
    job: mixed("unshift", "old", {}),
    verdict: notInProgress,
  },
  "two attempts' jobs of one name are not told apart by it, the new one last (G-09)": {
    job: mixed("unshift", "new", failed),
    asks: named("deploy"),
    verdict: ambiguous,
  },
  "two attempts' jobs of one name are not told apart by it, the new one first (G-09)": {
    job: mixed("push", "new", failed),
    asks: named("deploy"),
    verdict: ambiguous,
  },
  "another run's job in the list of this one is an answer that can't be used (G-08)": {
    job: (bench) => {
      const job = runOf(bench);
      relisted(bench, job, ([entry]) => Object.assign(entry ?? {}, { run_id: job.run.id + 1 }));
      return job;
    },
    verdict: { code: "github_unavailable" },
  },
  "a job of another commit than its run's is an answer that can't be used (G-08)": {
    job: (bench) => {
      const job = runOf(bench);
      relisted(bench, job, ([entry]) => Object.assign(entry ?? {}, { head_sha: "0".repeat(40) }));
      return job;
    },
    verdict: { code: "github_unavailable" },
  },
};

/** A hundred jobs and one more of the first one's name, which the list has on its second page. */
function beyondThePage(bench: Bench): { first: Job; last: Job } {
  const { github } = bench.world;
  const first = runOf(bench);
  for (let leg = 1; leg < 100; leg++) github.addJob(first.run, { name: `test (${leg})` });
  return { first, last: github.addJob(first.run) };
}

const nameScenes: Scenes = {
  "two jobs of one name are not told apart by it (G-10)": {
    job: with2(),
    asks: named("deploy"),
    verdict: ambiguous,
  },
  "a job that is over has its name still: two are not told apart (G-10)": {
    job: with2(() => ({ status: "completed", conclusion: "success" })),
    asks: named("deploy"),
    verdict: ambiguous,
  },
  "two jobs of one name are not told apart by it, the second on the list's next page (G-10)": {
    job: (bench) => beyondThePage(bench).first,
    asks: named("deploy"),
    verdict: ambiguous,
  },
  "the one of two jobs that is on the list's next page is served by its id (G-10)": {
    job: (bench) => beyondThePage(bench).last,
    verdict: "served",
  },
  "a job that is named like a called workflow's job is not told apart from it (G-10)": {
    job: (bench) => {
      const job = runOf(bench, {}, { name: "release / deploy" });
      bench.world.github.addJob(job.run, { name: "release / deploy" });
      return job;
    },
    asks: named("release / deploy"),
    role: roleOf("caller"),
    verdict: ambiguous,
  },
  "two jobs on one runner are not told apart by it (G-10)": {
    job: with2(({ runnerName }) => ({ runnerName })),
    asks: ({ runnerName }) => ({ job: { runner_name: runnerName } }),
    verdict: ambiguous,
    notRecorded,
  },
  "one of two jobs of one name is served by its runner (G-10)": {
    job: with2(),
    asks: ({ runnerName }) => ({ job: { runner_name: runnerName, name: "deploy" } }),
    verdict: "served",
    notRecorded,
  },
  "a matrix's legs are none of them meant by the key of the job (G-24)": {
    job: (bench) => {
      const job = runOf(bench, {}, { name: "test (1)" });
      bench.world.github.addJob(job.run, { name: "test (2)" });
      return job;
    },
    asks: named("test"),
    role: roleOf("one-leg"),
    verdict: { code: "job_not_found" },
  },
  "a leg of a matrix is served by its id (G-24)": {
    job: ofRun({}, { name: "test (ubuntu, 24)" }),
    role: roleOf("one-leg"),
    verdict: "served",
  },
  "the key of a job means the job of exactly that name, whatever others begin so (G-24)": {
    job: with2(() => ({ name: "deploy (x)" })),
    asks: named("deploy"),
    verdict: "served",
  },
  "the name of a called job is not what stands behind its slash (G-24)": {
    job: ofRun({}, { name: "release / deploy" }),
    asks: named("deploy"),
    role: roleOf("caller"),
    verdict: { code: "job_not_found" },
  },
  "another job of the run is not the grant's (G-10)": {
    job: ofRun({}, { name: "lint" }),
    verdict: noGrant("job"),
  },
  "a job whose name the pattern would cross a slash for is not the grant's (P-03)": {
    job: ofRun({}, { name: "test (a/b)" }),
    role: roleOf("one-leg"),
    verdict: noGrant("job"),
  },
  "what looks like a regular expression in a grant stands for itself (P-03)": {
    job: ofRun({}, { name: "a.c (x|y) [z] ^$ \\d+ ?" }),
    role: roleOf("odd-name"),
    verdict: "served",
  },
  "what looks like a regular expression in a grant stands for nothing else (P-03)": {
    job: ofRun({}, { name: "abc x z 7" }),
    role: roleOf("odd-name"),
    verdict: noGrant("job"),
  },
};

export const jobScenes: Scenes = { ...attemptScenes, ...nameScenes };
