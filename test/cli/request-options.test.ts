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
    proof: "auto",
    output: { kind: "stdout", format: "shell" },
    expectAccount: undefined,
    maskAccountId: false,
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
  ACTIONS2AWS_PROFILE: "deploy",
  ACTIONS2AWS_REFRESH: "true",
  ACTIONS2AWS_EXPECT_ACCOUNT: "123456789012",
  ACTIONS2AWS_MASK_ACCOUNT_ID: "true",
};

test("every option comes from the environment too", () => {
  expect(parseRequestOptions({}, null, fromEnvironment)).toEqual({
    url: new URL("https://e.example/base"),
    role: "arn:aws-us-gov:iam::123456789012:role/e",
    identity: undefined,
    proof: "log",
    output: { kind: "profile", name: "deploy", delivery: { kind: "stdout", format: "json" } },
    expectAccount: "123456789012",
    maskAccountId: true,
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
    [{ proof: "both" }, /auto, log or oidc/],
    [{ expectAccount: "1" }, /12 digits/],
    [{ expectAccount: "12345678901a" }, /12 digits/],
    [{ expectAccount: "210987654321" }, /--role is not of the account 210987654321/],
    [{ refresh: true }, /--refresh is for a command/],
    [{ profile: "a b" }, /--profile must be a name/],
    [{ profile: "" }, /--profile must be a name/],
    [{ profile: "x]\nregion=y\n[z" }, /--profile must be a name/],
    [{ profile: "x", format: "credential-process" }, /--profile makes AWS tools call/],
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

  test("a switch that is neither on nor off", () => {
    expect(() => parse({}, { ACTIONS2AWS_MASK_ACCOUNT_ID: "yes" })).toThrow(
      /must be true or false/,
    );
    expect(() => parse({}, { ACTIONS2AWS_REFRESH: "yes" }, ["ls"])).toThrow(
      /must be true or false/,
    );
  });

  test("a command with a format, a profile, or none at all", () => {
    expect(() => parse({ profile: "x" }, {}, ["ls"])).toThrow(/exclude each other/);
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

test.each([
  [{ refresh: true }, {}, "refreshed"],
  [{}, { ACTIONS2AWS_REFRESH: "1" }, "refreshed"],
  [{}, { ACTIONS2AWS_REFRESH: "false" }, "command"],
  [{}, { ACTIONS2AWS_PROFILE: "deploy" }, "command"],
  [{}, {}, "command"],
])("a command with %j and %j is %s", (flags, env, kind) => {
  expect(parse(flags, env, ["ls"]).output).toEqual({ kind, command: ["ls"] });
});

test("an AWS tool that calls a profile's command is not sent in circles by the job's variables", () => {
  const env = { ACTIONS2AWS_PROFILE: "deploy", ACTIONS2AWS_FORMAT: "json" };
  const format = "credential-process";
  expect(parse({ format }, env).output).toEqual({ kind: "stdout", format });
});

test("a profile's name goes where the format says", () => {
  expect(parse({ profile: "x", format: "github-env" }, { GITHUB_ENV: "/t/env" }).output).toEqual({
    kind: "profile",
    name: "x",
    delivery: { kind: "file", format: "github-env", variable: "GITHUB_ENV", path: "/t/env" },
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
