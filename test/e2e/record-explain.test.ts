import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role } from "../harness/config.ts";
import { actions2aws, type Ended, program } from "../harness/program.ts";

const bench = useBench();
const folder = mkdtempSync(join(tmpdir(), "actions2aws-e2e-record-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

function record(runId: number, out: string, env: Record<string, string> = {}): Promise<Ended> {
  const { github } = bench().world;
  const options = ["--repository", "acme/app", "--run", String(runId), "--out", out];
  return actions2aws(["record", ...options, "--config", bench().files.config], {
    GITHUB_TOKEN: github.token,
    GITHUB_USER_SESSION: github.session.cookie,
    ...env,
  });
}

function explain(recording: string, ...more: string[]): Promise<Ended> {
  const { config } = bench().files;
  return actions2aws([
    "explain",
    "--config",
    config,
    "--recording",
    recording,
    "--role",
    role,
    ...more,
  ]);
}

/** A recording of a job that has announced its key. */
async function recorded(
  world: (job: ReturnType<ReturnType<typeof bench>["newJob"]>) => void = () => undefined,
) {
  const job = bench().newJob();
  world(job);
  const client = await bench().client(job.job);
  const challenge = await client.challenge();
  client.announce(challenge);
  const out = join(folder, `run-${++count}`);
  const ended = await record(job.job.run.id, out);
  return { job, client, challenge, out, ended };
}

describe("a recorded run", () => {
  test("is explained as the broker decides it, and the recording replayed gives the same", async () => {
    const { out, ended, client, challenge } = await recorded();
    expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ended.stdout).toMatch(/^recorded run \d+ of acme\/app, attempt 1/);
    expect(readdirSync(out).toSorted()).toEqual(["jobs.json", "refs.json", "run.json", "steps"]);

    const text = await explain(out);
    expect(text).toMatchObject({ exitCode: 0, stderr: "" });
    expect(text.stdout.trimEnd().split("\n").at(-1)).toBe("ok");
    expect(text.stdout).toContain(client.publicKey);
    expect(text.stdout).not.toContain("\u001b");

    const json = JSON.parse((await explain(out, "--json")).stdout) as Record<string, unknown>;
    const reply = await client.ask(challenge);
    expect(reply.status).toBe(200);
    const [decision] = bench().records;
    expect(json).toMatchObject({
      code: "ok",
      grant: decision?.grant,
      identity: decision?.identity,
      assume_role: {
        role: decision?.role,
        session_name: decision?.session_name,
        tags: decision?.tags,
      },
    });
  });

  test("that is denied ends with the code and the fields, and with 3", async () => {
    const { out, client, challenge } = await recorded(({ job }) =>
      Object.assign(job.run, { path: ".github/workflows/test.yml" }),
    );
    const { exitCode, stdout } = await explain(out);
    expect([exitCode, stdout.trimEnd().split("\n").at(-1)]).toEqual([3, "no_grant workflow"]);
    const { json } = await client.ask(challenge);
    expect(json).toMatchObject({ code: "no_grant", fields: ["workflow"] });
  });

  test("without --job lists the jobs when more than one runs", async () => {
    const { out, job } = await recorded(
      ({ job: { run } }) => void bench().world.github.addJob(run),
    );
    const { exitCode, stdout, stderr } = await explain(out);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^actions2aws: which of these jobs\?/m);
    expect((await explain(out, "--job-id", String(job.job.id))).exitCode).toBe(0);
    const ambiguous = await explain(out, "--job", "deploy");
    expect(ambiguous).toMatchObject({
      exitCode: 3,
      stdout: expect.stringMatching(/\njob_ambiguous\n$/),
    });
  });
});

describe("record", () => {
  test("writes no secret, says where one was, and is only its owner's", async () => {
    const { github } = bench().world;
    const job = bench().newJob();
    const step = github.addStep(job.job, { name: "leaky" });
    github.say(job.job, step, `Authorization: Bearer ${github.token}`);
    github.say(job.job, step, `a ghp_${"zZ09".repeat(9)} b`);
    github.completeStep(job.job, step);
    const out = join(folder, `run-${++count}`);
    const { exitCode, stdout, stderr } = await record(job.job.run.id, out);
    expect(exitCode).toBe(0);
    const text = readFileSync(join(out, `steps/${job.job.id}/2.log`), "utf8");
    expect(text).toMatch(/Z a \[removed: GitHub token\] b\n/);
    expect(text + stdout + stderr).not.toMatch(/canary|ghp_/);
    expect(stdout).toMatch(/^removed 1 × GitHub token: steps\/\d+\/2\.log:2$/m);
  });

  test("leaves nothing behind when it is stopped", async () => {
    const { github } = bench().world;
    const { job } = bench().newJob();
    const place = join(folder, `place-${++count}`);
    const barrier = github.web.barrier(/./);
    const options = ["--repository", "acme/app", "--run", String(job.run.id)];
    const child = spawn(
      program,
      ["record", ...options, "--out", join(place, "out"), "--config", bench().files.config],
      {
        env: { GITHUB_TOKEN: github.token, GITHUB_USER_SESSION: github.session.cookie },
        stdio: "ignore",
      },
    );
    const ended = once(child, "close");
    await barrier.arrived;
    expect(readdirSync(place)).toHaveLength(1);
    child.kill("SIGTERM");
    expect(await ended).toEqual([null, "SIGTERM"]);
    barrier.release();
    expect(readdirSync(place)).toEqual([]);
  });

  test("leaves nothing behind when it fails", async () => {
    const { github } = bench().world;
    const { job } = bench().newJob();
    const place = join(folder, `place-${++count}`);
    mkdirSync(place);
    const fault = github.web.fault({ status: 500 });
    const failed = await record(job.run.id, join(place, "out"));
    fault.remove();
    expect(failed).toMatchObject({ exitCode: 4, stdout: "" });
    expect(failed.stderr).toMatch(/^actions2aws: nothing was recorded: .*\n$/);
    expect(readdirSync(place)).toEqual([]);
  });

  test("puts nothing on stdout when it fails: nobody evals it", async () => {
    const place = join(folder, `place-${++count}`);
    mkdirSync(place);
    writeFileSync(join(place, "x"), "");
    expect(await record(1, place)).toMatchObject({ exitCode: 2, stdout: "" });
    expect(await record(1, join(place, "y"), { GITHUB_TOKEN: "" })).toMatchObject({
      exitCode: 2,
      stdout: "",
    });
    expect(await explain(place)).toMatchObject({ exitCode: 2, stdout: "" });
    expect(await actions2aws(["explain"])).toMatchObject({ exitCode: 2, stdout: "" });
  });
});

test("GET /openapi.json of the executable describes its routes", async () => {
  const reply = await fetch(`${bench().broker.url}/openapi.json`);
  expect(reply.status).toBe(200);
  const { openapi, paths } = (await reply.json()) as { openapi: string; paths: object };
  expect(openapi).toBe("3.1.0");
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(["/v1/challenges", "/v1/credentials", "/v1/renewals", "/"]),
  );
});
