import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { useBench } from "../harness/bench.ts";
import type { Job, Step } from "../harness/job.ts";

// Runners that are not thrown away: one user, one HOME, and job after job, or several at a time.

// Several processes at a time, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const bench = useBench({ attacks: true });

/** A job like the golden one, in a home that others have too. */
class Tenant {
  readonly job: Job;
  readonly env: Record<string, string>;

  constructor(job: Job, home: string, temp = job.inTemp("")) {
    this.job = job;
    this.env = { HOME: home, RUNNER_TEMP: temp };
  }

  run(script: string): Promise<Step> {
    return this.job.run("assume role", script, { env: this.env });
  }
}

/** A job that no grant fits: of a branch that anybody may make. */
function stranger(): Job {
  const { world, repository } = bench();
  const headSha = world.github.push(repository, "feature", "theirs");
  return bench().newJob({ run: { headBranch: "feature", headSha } });
}

/** What AWS tools call for a profile. */
const callProfile = `sh -c "$(sed -n 's/^credential_process = //p' "$HOME/.aws/credentials")"`;

function textsUnder(folder: string): string {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8")).join("\n");
}

describe("what a job leaves on a machine of its owner's is of no use to the next (C-08):", () => {
  test("nothing secret is in the home, and its profile gives nothing", async () => {
    const first = new Tenant(bench().newJob(), bench().newJob().folder);
    const home = first.env.HOME ?? "";
    expect(await first.run(`eval $(${bench().request("--profile deploy")})`)).toMatchObject({
      exitCode: 0,
    });
    expect(await first.run(callProfile.concat(" > /dev/null"))).toMatchObject({ exitCode: 0 });
    first.job.complete();
    // As the runner does between jobs.
    rmSync(first.job.inTemp("actions2aws"), { recursive: true });
    expect(textsUnder(home)).toContain("[deploy]\n");
    expect(textsUnder(home)).not.toMatch(/canary|AGE-SECRET-KEY-1/i);
    const next = new Tenant(stranger(), home);
    const called = await next.run(callProfile);
    expect(called.exitCode).not.toBe(0);
    expect(called.stdout).toBe("");
    expect(bench().world.sts.assumed).toHaveLength(1);
  });

  test("a temporary folder that was not emptied has a key, which proves nothing for another job", async () => {
    const first = new Tenant(bench().newJob(), bench().newJob().folder);
    const ask = bench().request("--format credential-process");
    expect(await first.run(`${ask} > /dev/null`)).toMatchObject({ exitCode: 0 });
    first.job.complete();
    const next = new Tenant(stranger(), first.env.HOME ?? "", first.env.RUNNER_TEMP);
    expect(await next.run(ask)).toMatchObject({ exitCode: 3, stdout: "" });
    expect(bench().records).toMatchObject([
      { decision: "allowed" },
      { decision: "denied", code: "no_grant", fields: ["ref"] },
    ]);
    expect(bench().world.sts.assumed).toHaveLength(1);
  });
});

function sessionOf({ job }: Job): string {
  return `a2a-1001-${job.run.id}-1-${job.id}`;
}

function keysIn(text: string): string[] {
  return [...new Set(text.match(/age1[02-9ac-hj-np-z]{58}/g))];
}

describe("jobs and steps do not get into each other's way (C-16):", () => {
  test("a second keygen announces the same key, and says so", async () => {
    const job = bench().newJob();
    const script = `actions2aws keygen; actions2aws keygen; eval $(${bench().request()})`;
    const step = await job.run("assume role", script);
    expect(step.exitCode).toBe(0);
    expect(step.stderr).toContain("kept the identity that was there");
    expect(keysIn(step.log)).toHaveLength(1);
    expect(bench().records).toMatchObject([{ decision: "allowed" }]);
  });

  test.for([
    ["of their own", 2],
    ["of one folder", 1],
  ] as const)(
    "two jobs at a time on one machine, with keys %s, get what is theirs",
    async ([where, keys]) => {
      const [one, other] = [bench().newJob(), bench().newJob()];
      const home = one.folder;
      const temp = where === "of one folder" ? home : undefined;
      const tenants = [one, other].map((job) => new Tenant(job, home, temp));
      const script = (job: Job) =>
        `eval $(${bench().request()}); env | grep ^AWS_ > ${job.inTemp("seen")}`;
      const steps = await Promise.all(tenants.map((tenant) => tenant.run(script(tenant.job))));
      expect(steps.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      expect(keysIn(steps.map(({ log }) => log).join("\n"))).toHaveLength(keys);
      const given = tenants.map(({ job }) => [sessionOf(job), job.seen("seen").AWS_ACCESS_KEY_ID]);
      expect(new Set(given.map(([, id]) => id)).size).toBe(2);
      const recorded = bench().records.map((record) => [record.session_name, record.access_key_id]);
      expect(recorded).toEqual(expect.arrayContaining(given));
    },
  );

  test("a profile that another job has written anew gives nothing of that job's", async () => {
    const [one, other] = [bench().newJob(), bench().newJob()];
    const tenants = [one, other].map((job) => new Tenant(job, one.folder));
    for (const tenant of tenants)
      expect(await tenant.run(`eval $(${bench().request("--profile deploy")})`)).toMatchObject({
        exitCode: 0,
      });
    const [first, second] = tenants;
    expect(await second?.run(`${callProfile} > /dev/null`)).toMatchObject({ exitCode: 0 });
    const called = await first?.run(callProfile);
    expect(called).toMatchObject({ exitCode: 2, stdout: "" });
    expect(bench().world.sts.assumed).toHaveLength(2);
  });

  test("what another process is writing just now is not taken for an identity", async () => {
    const job = bench().newJob();
    const steps = await Promise.all(
      Array.from({ length: 8 }, () => job.run("assume role", "actions2aws keygen")),
    );
    expect(steps.map(({ exitCode }) => exitCode)).toEqual(steps.map(() => 0));
    expect(keysIn(steps.map(({ stdout }) => stdout).join("\n"))).toHaveLength(1);
  });
});
