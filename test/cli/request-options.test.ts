import { describe, expect, test } from "vitest";
import { parseRequestOptions, type RequestFlags } from "../../src/cli/request-options.ts";

const role = "arn:aws:iam::123456789012:role/path/deploy";
const least: RequestFlags = { url: "https://b.example", role };

function parse(flags: RequestFlags = {}, env = {}, command: string[] | null = null) {
  return parseRequestOptions({ ...least, ...flags }, command, env);
}

test("what is not given has the contract's defaults", () => {
  expect(parse()).toEqual({
    url: new URL("https://b.example"),
    role,
    identity: undefined,
    output: { kind: "stdout", format: "shell" },
    durationSeconds: undefined,
    announceTo: undefined,
    region: undefined,
    jobId: undefined,
    step: undefined,
    timeoutSeconds: 60,
  });
});

const fromEnvironment = {
  ACTIONS2AWS_URL: "https://e.example/base",
  ACTIONS2AWS_ROLE: "arn:aws-us-gov:iam::123456789012:role/e",
  ACTIONS2AWS_STEP_NAME: "assume role",
  ACTIONS2AWS_PROOF: "log",
  ACTIONS2AWS_FORMAT: "json",
  ACTIONS2AWS_DURATION: "1h",
  ACTIONS2AWS_ANNOUNCE_TO: "/t/3.live",
  ACTIONS2AWS_REGION: "eu-west-1",
  ACTIONS2AWS_JOB_ID: "42",
  ACTIONS2AWS_TIMEOUT: "2m",
};

test("every option comes from the environment too", () => {
  expect(parseRequestOptions({}, null, fromEnvironment)).toEqual({
    url: new URL("https://e.example/base"),
    role: "arn:aws-us-gov:iam::123456789012:role/e",
    identity: undefined,
    output: { kind: "stdout", format: "json" },
    durationSeconds: 3600,
    announceTo: "/t/3.live",
    region: "eu-west-1",
    jobId: 42,
    step: "assume role",
    timeoutSeconds: 120,
  });
});

test("the command line counts for more", () => {
  const flags = {
    ...least,
    step: "s",
    format: "dotenv",
    duration: "900",
    region: "us-east-1",
    jobId: "7",
    timeout: "5",
  };
  expect(parseRequestOptions(flags, null, fromEnvironment)).toMatchObject({
    url: new URL("https://b.example"),
    role,
    output: { format: "dotenv" },
    durationSeconds: 900,
    region: "us-east-1",
    jobId: 7,
    step: "s",
    timeoutSeconds: 5,
  });
});

test("empty variables, as workflows make them of what is not set, count as absent", () => {
  const empty = Object.fromEntries(Object.keys(fromEnvironment).map((name) => [name, ""]));
  expect(parse({}, empty)).toEqual(parse());
  expect(() => parseRequestOptions({}, null, empty)).toThrow(/--url or ACTIONS2AWS_URL/);
});

test("AWS_REGION is not asked", () => {
  expect(parse({}, { AWS_REGION: "eu-west-1" }).region).toBeUndefined();
});

describe("is refused with what to do", () => {
  test.each<[RequestFlags, RegExp]>([
    [{ role: "deploy" }, /--role must be the ARN/],
    [{ role: "" }, /--role must be the ARN/],
    [{ role: `${role}\n` }, /--role must be the ARN/],
    [{ role: "arn:aws:iam::123456789012:user/x" }, /--role must be the ARN/],
    [{ role: "arn:aws:iam::*:role/x" }, /--role must be the ARN/],
    [{ proof: "oidc" }, /oidc is not in this version/],
    [{ proof: "both" }, /auto, log or oidc/],
    [{ format: "bash" }, /--format must be one of shell/],
    [{ format: "toString" }, /--format must be one of shell/],
    [{ duration: "14m" }, /15m to 12h/],
    [{ duration: "13h" }, /15m to 12h/],
    [{ duration: "soon" }, /15m to 12h/],
    [{ timeout: "0" }, /1s to 1h/],
    [{ timeout: "2h" }, /1s to 1h/],
    [{ region: "$(id)" }, /--region/],
    [{ region: "EU-WEST-1" }, /--region/],
    [{ region: "" }, /--region/],
    [{ jobId: "deploy" }, /--job-id/],
    [{ jobId: "0" }, /--job-id/],
    [{ format: "github-env" }, /GITHUB_ENV is not set/],
    [{ format: "github-output" }, /GITHUB_OUTPUT is not set/],
    [{ url: "http://b.example" }, /must be https/],
  ])("%j", (flags, line) => {
    expect(() => parse(flags)).toThrow(line);
    expect(() => parse(flags)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  test("a command with a format, or none at all", () => {
    expect(() => parse({ format: "json" }, {}, ["ls"])).toThrow(/exclude each other/);
    expect(() => parse({}, {}, [])).toThrow(/command after -- is missing/);
  });
});

test("a command makes the environment's format void", () => {
  expect(parse({}, { ACTIONS2AWS_FORMAT: "json" }, ["aws", "s3", "ls"]).output).toEqual({
    kind: "command",
    command: ["aws", "s3", "ls"],
  });
});

test("the runner's file is found before anything is asked", () => {
  expect(parse({ format: "github-env" }, { GITHUB_ENV: "/t/env" }).output).toEqual({
    kind: "file",
    format: "github-env",
    variable: "GITHUB_ENV",
    path: "/t/env",
  });
});
