import { describe, expect, test } from "vitest";
import type { Fault } from "../world/index.ts";
import type { Job } from "../harness/job.ts";
import { roleOf } from "../harness/config.ts";
import { useRenewals } from "../harness/renewal-scene.ts";
import { bodyOf } from "../harness/token-scene.ts";

const { bench, given } = useRenewals();
const github = () => bench().world.github;

describe("a renewal is for a job in progress, as GitHub shows it then: it is denied", () => {
  const ends: Record<string, (job: Job) => void> = {
    "a job that has ended well (R-01)": ({ job }) => github().completeJob(job),
    "a job that has failed (R-01)": ({ job }) => github().completeJob(job, "failure"),
    "a job that was cancelled (R-01)": ({ job }) => github().completeJob(job, "cancelled"),
    "a job that has timed out (R-01)": ({ job }) => github().completeJob(job, "timed_out"),
    "a job that is queued again (R-01)": ({ job }) => Object.assign(job, { status: "queued" }),
    "a job that has a conclusion already (R-01)": ({ job }) =>
      Object.assign(job, { conclusion: "success" }),
    "a run that was started again (R-01)": ({ job }) => void github().rerun(job.run),
    "a run that has ended, though the job seems not to have (R-01)": ({ job }) =>
      Object.assign(job.attempt, { status: "completed", conclusion: "success" }),
    "a run that was cancelled, while the job cleans up (R-08)": ({ job }) =>
      Object.assign(job.attempt, { conclusion: "cancelled" }),
    "a job that was cancelled, while its last steps run (R-08)": ({ job }) =>
      Object.assign(job, { conclusion: "cancelled" }),
    "a job that ended while another of its run goes on (R-09)": ({ job }) => {
      github().addJob(job.run, { name: "test (1)" });
      github().completeJob(job);
    },
  };
  test.for(Object.entries(ends))("%s", async ([, end]) => {
    const { job, client, first } = await given();
    end(job);
    await bench().expectDenied(await client.renew(first.RenewalToken), "not_in_progress");
  });

  test("a job that GitHub no longer has (R-01)", async () => {
    const { job, client, first } = await given();
    job.job.attempt.jobs = [];
    await bench().expectDenied(await client.renew(first.RenewalToken), "job_not_found");
  });

  test("a run whose commit has left the branch (R-01, G-22)", async () => {
    const { client, first } = await given();
    const { repository } = bench();
    const tip = repository.branches.get("main") ?? "";
    repository.branches.set("main", "0".repeat(40));
    const reply = await client.renew(first.RenewalToken);
    repository.branches.set("main", tip);
    await bench().expectDenied(reply, "no_grant", ["ref"]);
  });

  test("a job that was renewed a moment ago, though GitHub says 304 to all that did not change (R-01)", async () => {
    const { job, client, first } = await given();
    const second = await client.credentialsIn(await client.renew(first.RenewalToken));
    expect(github().api.journal.map(({ status }) => status)).toContain(304);
    await bench().check();
    bench().begin();
    github().completeJob(job.job);
    await bench().expectDenied(await client.renew(second.RenewalToken), "not_in_progress");
  });
});

test("a later job of the run gains nothing by the token of one that has ended (R-09)", async () => {
  const { job, client, first } = await given();
  const later = github().addJob(job.job.run, { name: "deploy" });
  const thief = await bench().client(later);
  github().completeJob(job.job);
  for (const who of [thief, client])
    await bench().expectDenied(await who.renew(first.RenewalToken), "not_in_progress");
  // It has the role for a key of its own, if it proves itself.
  await expect(thief.obtain({ role: roleOf("long") })).resolves.toBeDefined();
});

describe("while GitHub is in trouble a renewal is neither given nor denied for good:", () => {
  const troubles: Record<string, Fault> = {
    "500": { status: 500 },
    "503": { status: 503 },
    "403 without a word of limits": { status: 403 },
    "a page": { status: 200, body: "<html>" },
    "an empty object": { status: 200, body: "{}" },
    "a connection that is cut": { reset: true },
  };
  test.for(Object.entries(troubles))("%s (R-01)", async ([, fault]) => {
    const { client, first } = await given();
    const trouble = github().api.fault(fault);
    const reply = await client.renew(first.RenewalToken);
    trouble.remove();
    expect([reply.status, bodyOf(reply).code]).toEqual([503, "github_unavailable"]);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    await bench().expectDenied(reply, "github_unavailable");
    await client.credentialsIn(await client.renew(first.RenewalToken));
  });
});
