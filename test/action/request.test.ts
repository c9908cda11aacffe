import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { grantLike, role, roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";
import { publicUrl, tokenBench } from "../harness/token-scene.ts";

// The actions as they are committed, run as the runner runs them.

const settings = { public_url: publicUrl };
const named = grantLike("named", { step: ["assume role", "other"] });
const bench = useBench({ ...tokenBench([named]), settings });

// Jobs ask for tokens of the address that they call.
beforeAll(async () => {
  settings.public_url = bench().broker.url;
  await bench().restart();
});

const seen = 'env > "$RUNNER_TEMP/seen"';

function inputs(more: Record<string, string> = {}): Record<string, string> {
  return { url: bench().broker.url, role, ...more };
}

function issued() {
  return bench().world.sts.issued.at(-1) ?? expect.unreachable();
}

function variables(): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = issued();
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_CREDENTIAL_EXPIRATION: expiration,
  };
}

/** What every format gives. */
function known(): Record<string, string> {
  return { "aws-account-id": "123456789012", "aws-expiration": issued().expiration };
}

function secrets(): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = issued();
  return {
    "aws-access-key-id": accessKeyId,
    "aws-secret-access-key": secretAccessKey,
    "aws-session-token": sessionToken,
  };
}

async function variablesAfter(job: Job): Promise<Record<string, string>> {
  expect(await job.run("later", seen)).toMatchObject({ exitCode: 0 });
  return job.seen("seen");
}

describe("the credentials go", () => {
  test("into the environment of later steps, and what is no secret into the outputs", async () => {
    const job = bench().newJob();
    const step = await job.use("assume role", "request", { with: inputs({ region: "eu-west-1" }) });
    expect(step).toMatchObject({ exitCode: 0, stdout: "", outputs: known() });
    expect(Object.keys(step.outputs)).toHaveLength(2);
    const region = { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-1" };
    expect(await variablesAfter(job)).toEqual({ ...variables(), ...region });
  });

  test("into the outputs alone", async () => {
    const job = bench().newJob();
    const step = await job.use("assume role", "request", { with: inputs({ format: "output" }) });
    expect(step).toMatchObject({ exitCode: 0, outputs: { ...secrets(), ...known() } });
    expect(await variablesAfter(job)).toEqual({});
  });

  test("into both", async () => {
    const job = bench().newJob();
    const both = inputs({ format: "env, output" });
    const step = await job.use("assume role", "request", { with: both });
    expect(step).toMatchObject({ exitCode: 0, outputs: { ...secrets(), ...known() } });
    expect(await variablesAfter(job)).toEqual(variables());
  });

  test("hidden in the log of whoever shows them", async () => {
    const job = bench().newJob();
    await job.use("assume role", "request", { with: inputs({ format: "env output" }) });
    const later = await job.run("later", "env | grep AWS_", { showsCredentials: true });
    expect(later.stdout).toContain(issued().secretAccessKey);
    expect(later.log).toMatch(/AWS_SECRET_ACCESS_KEY=\*\*\*/);
    expect(later.log).not.toContain(issued().sessionToken);
  });

  test("into a profile that renews itself, of which only the name goes on", async () => {
    const job = bench().newJob();
    const given = inputs({ profile: "deploy", region: "eu-west-1", format: "env, output" });
    const step = await job.use("assume role", "request", { with: given });
    expect(step).toMatchObject({ exitCode: 0, outputs: known() });
    expect(Object.keys(step.outputs)).toHaveLength(2);
    expect(await variablesAfter(job)).toEqual({
      AWS_PROFILE: "deploy",
      AWS_REGION: "eu-west-1",
      AWS_DEFAULT_REGION: "eu-west-1",
    });
    const profile = readFileSync(`${job.folder}/home/.aws/credentials`, "utf8");
    const [, command = ""] = /^credential_process = (.*)$/m.exec(profile) ?? [];
    expect(command).toMatch(/request\/index\.cjs request --format credential-process /);
    const tool = await job.run("tool", command, { showsCredentials: true });
    expect(tool).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(tool.stdout)).toEqual({
      Version: 1,
      AccessKeyId: issued().accessKeyId,
      SecretAccessKey: issued().secretAccessKey,
      SessionToken: issued().sessionToken,
      Expiration: issued().expiration,
    });
    // The command has what the step had kept.
    expect(bench().world.sts.assumed).toHaveLength(1);
  });
});

describe("the proof", () => {
  test("stands alone on its line in the log of the step", async () => {
    const job = bench().newJob();
    const step = await job.use("assume role", "request", { with: inputs({ proof: "log" }) });
    expect(step.exitCode).toBe(0);
    expect(step.log).toMatch(/^\S+Z ACTIONS2AWS PROOF: age1[a-z0-9]{58} [A-Za-z0-9_.-]+$/m);
    expect(bench().records).toMatchObject([{ decision: "allowed", proof: "log" }]);
  });

  test("is a token where the job has one, and then no line", async () => {
    const job = bench().newJob();
    const asked = { url: bench().broker.url, role: roleOf("by-token") };
    const step = await job.use("any", "request", { with: asked, idToken: true });
    expect(step.exitCode).toBe(0);
    expect(step.log).not.toContain("ACTIONS2AWS PROOF");
    expect(bench().records).toMatchObject([{ decision: "allowed", proof: "oidc" }]);
  });
});

describe("the inputs", () => {
  test("can come from the environment as well, as for the executable", async () => {
    const job = bench().newJob();
    const step = await job.use("assume role", "request", {
      env: {
        ACTIONS2AWS_URL: bench().broker.url,
        ACTIONS2AWS_ROLE: role,
        ACTIONS2AWS_DURATION: "30m",
        // Meant for the executable.
        ACTIONS2AWS_FORMAT: "shell",
      },
    });
    expect(step.exitCode).toBe(0);
    expect(bench().world.sts.assumed).toMatchObject([{ durationSeconds: 1_800 }]);
    expect(await variablesAfter(job)).toEqual(variables());
  });

  test("step and duration reach the broker, without the blanks around them", async () => {
    const job = bench().newJob();
    const step = await job.use("other", "request", {
      with: {
        url: bench().broker.url,
        role: roleOf("named"),
        step: " other ",
        duration: "1h",
        timeout: "30s",
      },
    });
    expect(step.exitCode).toBe(0);
    expect(bench().world.sts.assumed).toMatchObject([{ durationSeconds: 3_600 }]);
    expect(bench().records).toMatchObject([{ grant: "named" }]);
  });

  test("mask-account-id hides the account from the step on", async () => {
    const job = bench().newJob();
    const given = inputs({ "mask-account-id": "true" });
    const step = await job.use("assume role", "request", { with: given });
    expect(step).toMatchObject({ exitCode: 0, outputs: known() });
    expect(step.log.split("##[endgroup]").at(-1)).not.toContain("123456789012");
  });

  test("job-id tells jobs of one runner apart, and may be empty", async () => {
    const job = bench().newJob({ job: { runnerName: null } });
    const twin = bench().world.github.addJob(job.job.run, { name: "deploy", runnerName: null });
    const told = await job.use("assume role", "request", { with: inputs() });
    expect(told.exitCode).toBe(0);
    expect(bench().records[0]).toMatchObject({ identity: { job_id: job.job.id } });
    expect(twin.id).not.toBe(job.job.id);
    const untold = await job.use("assume role", "request", { with: inputs(), checkRunId: "" });
    expect(untold.stderr).toMatch(/job_ambiguous .*the input `job-id`/);
  });
});
