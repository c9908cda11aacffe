import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role, roleOf } from "../harness/config.ts";
import type { Job, Used, UseOptions } from "../harness/job.ts";

// Each test ends with the golden case, which has to be served.
const bench = useBench({ attacks: true });

function inputs(more: Record<string, string> = {}): Record<string, string> {
  return { url: bench().broker.url, role, ...more };
}

/** What later steps find of a job: variables, files of the home folder, nothing of it ours. */
async function expectNothingExported(job: Job, step: Used): Promise<void> {
  expect(step.outputs).toEqual({});
  expect(step.stdout).toBe("");
  await job.run("later", 'env > "$RUNNER_TEMP/seen"');
  expect(job.seen("seen")).toEqual({});
  expect(readdirSync(join(job.folder, "home"))).toEqual([]);
  expect(bench().world.sts.journal).toEqual([]);
}

/** The one line that tells people what went wrong. */
function annotationOf({ stderr }: Used): string {
  const lines = stderr.split("\n").filter((line) => line.startsWith("::error "));
  expect(lines).toHaveLength(1);
  return lines[0] ?? "";
}

test.for(["env", "output", "env, output"])(
  "a job without a grant for the role has nothing, by the format %s, and is told why",
  async (format) => {
    const job = bench().newJob();
    const given = inputs({ role: roleOf("others"), format, region: "eu-west-1" });
    const step = await job.use("assume role", "request", { with: given });
    expect(step.exitCode).toBe(3);
    const id = bench().records[0]?.request_id;
    expect(annotationOf(step)).toMatch(
      new RegExp(
        `^::error title=actions2aws::the broker says no: role_not_granted \\(.*request ${String(id)}\\): .*check the input \`role\``,
      ),
    );
    expect(step.log).toMatch(/##\[error\]the broker says no: role_not_granted /);
    await expectNothingExported(job, step);
    const other = bench().newJob();
    const honest = await other.use("assume role", "request", { with: inputs({ format }) });
    expect(honest.exitCode).toBe(0);
  },
);

test("a denied profile is not written", async () => {
  const job = bench().newJob();
  const given = inputs({ role: roleOf("others"), profile: "deploy" });
  const step = await job.use("assume role", "request", { with: given });
  expect(step.exitCode).toBe(3);
  await expectNothingExported(job, step);
});

/** Ends the line that it stands in, and begins another that somebody might obey. */
const hostile = "x\n::add-mask::x\nAWS_PROFILE=x\r##[error]x\u2028x";

describe("what is not well formed is refused before anything is made or asked:", () => {
  const cases: Record<string, UseOptions["with"]> = {
    ...Object.fromEntries(
      [
        "url",
        "role",
        "region",
        "proof",
        "duration",
        "format",
        "profile",
        "mask-account-id",
        "expect-account",
        "timeout",
        "job-id",
      ].map((name) => [`${name} of several lines`, { [name]: hostile }]),
    ),
    "a url with a line end in it": { url: "https://broker.example.com/\nx" },
    "a plain http url": { url: "http://broker.example.com" },
    "no role": { role: "" },
    "a role of another account than expected": { "expect-account": "210987654321" },
    "a format for the executable": { format: "shell" },
    "a format and another": { format: "env, shell" },
    "a switch that is neither": { "mask-account-id": "yes" },
    "a profile's name with a section in it": { profile: "x]\n[default" },
    "a job that is no number": { "job-id": "$(id)" },
  };
  test.for(Object.entries(cases))("%s", async ([, given = {}]) => {
    const job = bench().newJob();
    const step = await job.use("assume role", "request", { with: inputs(given) });
    expect(step).toMatchObject({ exitCode: 2, state: {} });
    expect(step.stderr).toMatch(/^::error title=actions2aws::[^\r\n\u2028]+\n$/);
    await expectNothingExported(job, step);
    expect([bench().records, bench().asked]).toEqual([[], []]);
  });
});

test("a step's name of several lines is one name, which no grant has", async () => {
  const job = bench().newJob();
  const step = await job.use("assume role", "request", { with: inputs({ step: hostile }) });
  expect(step.exitCode).toBe(3);
  annotationOf(step);
  await expectNothingExported(job, step);
});

test("a path with line ends in it is a path", async () => {
  const job = bench().newJob();
  const identity = job.inTemp("a\n::add-mask::x\nb");
  const step = await job.use("assume role", "request", { with: inputs({ identity }) });
  expect(step.exitCode).toBe(0);
  expect(step.stderr.split("\n").filter((line) => line === "::add-mask::x")).toEqual([]);
  expect(readFileSync(identity, "utf8")).toContain("AGE-SECRET-KEY-1");
  const [post] = await job.runPosts();
  expect(post).toMatchObject({ exitCode: 0, stderr: "actions2aws: cleared away: the identity\n" });
  expect(readdirSync(join(job.folder, "temp"))).not.toContain("a\n::add-mask::x\nb");
});

describe("where the runner's files are not as they should be, nothing is left of the credentials:", () => {
  test.for(["GITHUB_ENV", "GITHUB_OUTPUT"])("without %s nobody is asked", async (name) => {
    const job = bench().newJob();
    const env = { [name]: "" };
    const step = await job.use("assume role", "request", { with: inputs(), env });
    expect(step.exitCode).toBe(2);
    expect(annotationOf(step)).toContain(`${name} is not set`);
    expect([bench().records, bench().world.sts.journal]).toEqual([[], []]);
  });

  test("what is in the outputs already is taken back when the environment cannot be written", async () => {
    const job = bench().newJob();
    const given = inputs({ format: "env, output" });
    const env = { GITHUB_ENV: job.folder };
    const step = await job.use("assume role", "request", { with: given, env });
    expect(step).toMatchObject({ exitCode: 1, outputs: {} });
    expect(annotationOf(step)).toMatch(/GITHUB_ENV/);
  });
});

test("a step that the grant does not name has nothing, however its action is named", async () => {
  const job = bench().newJob();
  const given = inputs({ timeout: "10s" });
  const step = await job.use("Run ./request", "request", { with: given });
  expect(step.exitCode).toBe(4);
  expect(annotationOf(step)).toContain("the step's name must be in the grant's `step`");
  await expectNothingExported(job, step);
  // The broker gives up what its client no longer waits for.
  await vi.waitFor(() => expect(bench().records).toHaveLength(2), 30_000);
});
