import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { useBench } from "../harness/bench.ts";
import { expectNoCanary } from "../harness/checks.ts";
import type { Grant } from "../harness/config.ts";
import { type Job, startWorld, type World } from "../world/index.ts";
import { type Ran, runWorkflow, type Workflow } from "./act.ts";

// The examples of docs/github-actions.md, as they are written there.

const page = readFileSync(join(import.meta.dirname, "../../docs/github-actions.md"), "utf8");
const blocks = Array.from(page.matchAll(/^```yaml\n(.*?)^```$/gms), ([, text = ""]) => text);

const grants = blocks.flatMap((text) => (parse(text) as { grants?: Grant[] }).grants ?? []);
const bench = useBench({ grants });

/** The jobs' AWS tools ask an STS of their own: the broker's hears of no secret. */
let tools: World;
beforeAll(async () => {
  tools = await startWorld();
});
beforeEach(() => tools.sts.clearJournal());
afterAll(() => tools.close());

const role = "arn:aws:iam::123456789012:role/deploy";

function example(name: string): string {
  const found = blocks.filter((text) => (parse(text) as { name?: string }).name === name);
  expect(found).toHaveLength(1);
  return found[0] ?? "";
}

function run(text: string, jobs: Workflow["jobs"], vars: Record<string, string> = {}) {
  const all = { ACTIONS2AWS_URL: bench().broker.url, ...vars };
  const env = { AWS_ENDPOINT_URL_STS: tools.sts.url, AWS_EC2_METADATA_DISABLED: "true" };
  return runWorkflow(bench().world, { text, jobs, env, vars: all });
}

/** The ids of the keys with which the jobs' AWS CLI has asked who calls. */
function callers(): string[] {
  return tools.sts.journal.flatMap(({ note }) => note?.callerKeyId ?? []);
}

/** No log, and nothing that act has shown, has a secret; act has cleared away what it made for jobs. */
function expectNothingLeft({ shown, home }: Ran, jobs: readonly Job[]): void {
  expectNoCanary(shown);
  for (const { log } of jobs.flatMap((job) => job.steps)) expectNoCanary(log);
  expect(existsSync(join(home, ".aws/credentials"))).toBe(false);
  const made = readdirSync(join(home, ".cache/act")).filter((name) => name !== "tool_cache");
  expect(made).toEqual([]);
}

function stepOf(job: Job, name: string) {
  const found = job.steps.filter((step) => step.name === name);
  expect(found).toHaveLength(1);
  return found[0] ?? expect.unreachable();
}

describe("an example of the docs gets its role in a workflow that act runs:", () => {
  const names = [
    ["one step", "the identity"],
    ["two steps", "the identity"],
    ["outputs", "the identity"],
    ["long job", "the profile deploy, the kept credentials, the identity"],
    ["executable, one step", null],
    ["executable, two steps", null],
  ] as const;

  test.for(names)("%s", async ([name, cleared]) => {
    const { job } = bench().newJob();
    const ran = await run(example(name), { deploy: job });
    expect([ran.exitCode, job.conclusion], ran.shown).toEqual([0, "success"]);
    expect(bench().world.sts.assumed).toMatchObject([{ roleArn: role }]);
    expect(callers()).toEqual([bench().world.sts.issued[0]?.accessKeyId]);
    expect(bench().records).toMatchObject([
      { decision: "allowed", grant: "deploy-from-main", proof: "log" },
    ]);
    expect(stepOf(job, "assume role").log).toMatch(/^\S+Z ACTIONS2AWS PROOF: age1\S+ \S+$/m);
    const posts = job.steps.filter((step) => step.name.startsWith("Post "));
    const told = posts.flatMap(({ log }) => /cleared away: (.*)$/m.exec(log)?.[1] ?? []);
    expect(told).toEqual(cleared === null ? [] : [cleared]);
    expectNothingLeft(ran, [job]);
  });

  test("matrix, each of its jobs a role session of its own", async () => {
    const { world, repository } = bench();
    const environments = ["staging", "production"];
    const workflowRun = world.github.addRun(repository);
    const jobs = environments.map((name) =>
      world.github.addJob(workflowRun, { name: `deploy (${name})` }),
    );
    const ids = environments.map((name, at) => [name, jobs[at]?.id] as const);
    // What job.check_run_id says on a runner.
    const env =
      "    env: { ACTIONS2AWS_JOB_ID: '${{ fromJSON(vars.JOB_IDS)[matrix.environment] }}' }\n";
    const ran = await run(
      example("matrix").replace("    steps:\n", `${env}    steps:\n`),
      Object.fromEntries(jobs.map((job, at) => [`deploy ${environments[at]}`, job])),
      { JOB_IDS: JSON.stringify(Object.fromEntries(ids)) },
    );
    expect(ran.exitCode, ran.shown).toBe(0);
    const { assumed, issued } = world.sts;
    expect(assumed.map(({ roleSessionName }) => roleSessionName).toSorted()).toEqual(
      jobs.map(({ id }) => `a2a-1001-${workflowRun.id}-1-${id}`).toSorted(),
    );
    expect(callers().toSorted()).toEqual(issued.map(({ accessKeyId }) => accessKeyId).toSorted());
    expect(new Set(callers()).size).toBe(2);
    expectNothingLeft(ran, jobs);
  });
});

/** Goes on whatever happened before, and tells what it finds. */
const after = `
      - name: after
        if: always()
        run: env | grep -cE "^AWS_(ACCESS_KEY_ID|PROFILE)=" || true`;

describe("a job without a grant fails, has nothing, and does not hinder the one beside it:", () => {
  const asks = {
    "by the action": `
      - name: assume role
        uses: acme/actions2aws/request@0000000000000000000000000000000000000000 # v0.1.0
        with:
          url: \${{ vars.ACTIONS2AWS_URL }}
          role: ${role}
          profile: deploy
          job-id: \${{ fromJSON(vars.JOB_IDS).THIS }}`,
    "by the executable": `
      - name: assume role
        run: |
          eval $(actions2aws request)
          echo "it goes on"
        env:
          ACTIONS2AWS_URL: \${{ vars.ACTIONS2AWS_URL }}
          ACTIONS2AWS_ROLE: ${role}
          ACTIONS2AWS_JOB_ID: \${{ fromJSON(vars.JOB_IDS).THIS }}`,
  };

  test.for(Object.entries(asks))("%s", async ([, ask]) => {
    const { world, repository } = bench();
    const workflowRun = world.github.addRun(repository);
    const [deploy, audit] = ["deploy", "audit"].map((name) =>
      world.github.addJob(workflowRun, { name }),
    ) as [Job, Job];
    const jobText = (name: string) =>
      `  ${name}:\n    runs-on: ubuntu-24.04\n    steps:${ask.replace("THIS", name)}${after}\n`;
    const ran = await run(
      `on: push\njobs:\n${jobText("deploy")}${jobText("audit")}`,
      { deploy, audit },
      { JOB_IDS: JSON.stringify({ deploy: deploy.id, audit: audit.id }) },
    );
    expect(ran.exitCode).toBe(1);
    expect([deploy.conclusion, audit.conclusion]).toEqual(["success", "failure"]);
    // Only the honest one's.
    expect(world.sts.assumed).toMatchObject([{ tags: { "github:jobId": String(deploy.id) } }]);
    const denied = bench().records.find(({ decision }) => decision === "denied");
    expect(denied).toMatchObject({ code: "no_grant", fields: ["job"] });
    const { log, conclusion } = stepOf(audit, "assume role");
    expect(conclusion).toBe("failure");
    const told = `the broker says no: no_grant (job; request ${String(denied?.request_id)})`;
    expect(log, ran.shown).toContain(told);
    expect(log).not.toContain("it goes on");
    expect(stepOf(audit, "after").log).toMatch(/Z 0\n$/);
    expectNothingLeft(ran, [deploy, audit]);
  });
});
