import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { environmentIn } from "../harness/environment-file.ts";
import type { Job, StepOptions } from "../harness/job.ts";
import { arnOf, cli1, cli2, useAws, whoAmI } from "./aws-scene.ts";

// Every form in which credentials are given, and the AWS CLI as its user: pip install awscli,
// apt-get install -y awscli zsh. AWS is moto's, which checks each signature.

const scene = useAws();
const minutes = 300_000;
const both = `${whoAmI(cli1)}\n${whoAmI(cli2)}\n`;

const sdks = `python3 -c 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'
"${process.execPath}" --input-type=module -e '
  const { GetCallerIdentityCommand, STSClient } = await import("${import.meta.resolve("@aws-sdk/client-sts")}");
  console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);'
`;

/** Runs a step whose output is the ARN, from two tools, and nothing else. */
async function expectRole(
  job: Job,
  name: string,
  script: string,
  options: StepOptions = {},
  role = "app-deploy",
): Promise<void> {
  const step = await scene().step(job, name, script, options);
  expect(step.exitCode, step.stderr).toBe(0);
  expect(step.stdout).toBe(`${arnOf(job, role)}\n`.repeat(2));
}

test("the two CLIs are versions 1 and 2", () => {
  const versionOf = (cli: string): string =>
    execFileSync("sh", ["-c", `${cli} --version`], { encoding: "utf8" });
  expect(versionOf(cli1)).toMatch(/^aws-cli\/1\./);
  expect(versionOf(cli2)).toMatch(/^aws-cli\/2\./);
}, 120_000);

describe("shell", () => {
  test.each([
    ["bash", ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]],
    ["dash", ["dash", "-e"]],
    ["zsh", ["zsh", "-f", "-e"]],
  ] as const)(
    "eval in %s",
    async (_, shell) => {
      const script = `eval $(${scene().request()})\n${both}`;
      await expectRole(scene().newJob(), "assume role", script, { shell });
    },
    minutes,
  );
});

test(
  "github-env: a later step has the role, and so has AWS the tags",
  async () => {
    const job = scene().newJob();
    const request = scene().request("--format github-env --region eu-central-1");
    expect((await scene().step(job, "assume role", request)).exitCode).toBe(0);
    await expectRole(job, "deploy", both);
    await expectRole(job, "deploy by SDKs", sdks);
    const { run, id } = job.job;
    expect(scene().account.front.assumed).toMatchObject([
      {
        roleSessionName: `a2a-1001-${run.id}-1-${id}`,
        externalId: "acme/app",
        durationSeconds: 900,
        tags: {
          "github:repo": "acme/app",
          "github:runId": String(run.id),
          "github:jobId": String(id),
          "github:job": "deploy",
          "github:commit": run.headSha,
        },
      },
    ]);
    const { tags } = scene().account.front.assumed[0] ?? expect.unreachable();
    expect(scene().records).toMatchObject([{ decision: "allowed", grant: "app-deploy", tags }]);
  },
  minutes,
);

test(
  "github-output: what the step has as its outputs, handed to another",
  async () => {
    const job = scene().newJob();
    const request = scene().request("--format github-output");
    expect((await scene().step(job, "assume role", request)).exitCode).toBe(0);
    const outputs = environmentIn(job.inTemp("github-output"));
    expect(Object.keys(outputs)).toEqual([
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_CREDENTIAL_EXPIRATION",
    ]);
    await expectRole(job, "deploy", both, { env: outputs });
  },
  minutes,
);

test(
  "json",
  async () => {
    const script = `${scene().request("--format json")} > "$RUNNER_TEMP/aws.json"
for name in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; do
  export "$name=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$RUNNER_TEMP/aws.json" "$name")"
done
${both}`;
    await expectRole(scene().newJob(), "assume role", script);
  },
  minutes,
);

describe("dotenv", () => {
  test.each([
    ["sourced", `set -a; . "$RUNNER_TEMP/aws.env"; set +a\n${both}`],
    [
      "as words of env",
      [cli1, cli2].map((cli) => `env $(cat "$RUNNER_TEMP/aws.env") ${whoAmI(cli)}`).join("\n"),
    ],
  ])(
    "%s",
    async (_, use) => {
      const request = scene().request("--format dotenv");
      const script = `${request} > "$RUNNER_TEMP/aws.env"\n${use}`;
      await expectRole(scene().newJob(), "assume role", script);
    },
    minutes,
  );
});

test(
  "powershell: each line assigns one variable a text without a quote in it",
  async () => {
    const job = scene().newJob();
    const request = scene().request("--format powershell");
    await scene().step(job, "assume role", `${request} > "$RUNNER_TEMP/aws.ps1"`);
    const lines = readFileSync(job.inTemp("aws.ps1"), "utf8").split("\n").slice(0, -1);
    // As PowerShell reads it: nothing is expanded between single quotes.
    const assignments = lines.map((line) => /^\$env:([A-Z_]+) = '([^'\r]*)'$/.exec(line));
    const env = Object.fromEntries(
      assignments.map((found) => [found?.[1] ?? "", found?.[2] ?? ""]),
    );
    expect(Object.keys(env)).toHaveLength(4);
    await expectRole(job, "deploy", both, { env });
  },
  minutes,
);

test(
  "--profile NAME: a later step of the job names the profile",
  async () => {
    const job = scene().newJob();
    const first = await scene().step(job, "assume role", scene().request("--profile deploy"));
    expect(first.exitCode, first.stderr).toBe(0);
    const script = [cli1, cli2].map((cli) => whoAmI(cli, "--profile deploy")).join("\n");
    await expectRole(job, "deploy", script);
    // The profile gave both what it had.
    expect(scene().account.front.issued).toHaveLength(1);
  },
  minutes,
);

test(
  "credential-process: a profile of one's own proves the job by a token",
  async () => {
    const job = scene().newJob();
    const script = `mkdir -p ~/.aws
cat > ~/.aws/config <<EOF
[profile ours]
credential_process = ${scene().requestByToken} --format credential-process
EOF
${whoAmI(cli1, "--profile ours")}
${whoAmI(cli2, "--profile ours")}`;
    await expectRole(job, "deploy", script, { idToken: true }, "by-token");
    expect(scene().account.front.issued).toHaveLength(1);
  },
  minutes,
);

test(
  "-- command",
  async () => {
    const job = scene().newJob();
    const script = `${scene().request("--")} sh -c '${both}'\necho "\${AWS_ACCESS_KEY_ID-none}" >&2`;
    const step = await scene().step(job, "assume role", script);
    expect(step.exitCode, step.stderr).toBe(0);
    expect(step.stdout).toBe(`${arnOf(job)}\n`.repeat(2));
    expect(step.stderr).toMatch(/^none$/m);
  },
  minutes,
);

test(
  "--refresh -- command: a CLI that knows the token's file has the role, an older one is told what to do",
  async () => {
    const job = scene().newJob();
    const older = `env -u AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ${whoAmI(cli1)}`;
    const script = `${scene().request("--refresh --")} sh -c '${whoAmI(cli1)}; ${older}'`;
    const step = await scene().step(job, "assume role", script);
    expect(step).toMatchObject({ exitCode: 255, stdout: `${arnOf(job)}\n` });
    expect(step.stderr).toMatch(/ 401 .*can't use --refresh, but --profile/);
  },
  minutes,
);

test.each([
  ["15m", 4],
  ["1h", 1],
])(
  "boto3 asks a credential_process of %s sessions %i times in three calls",
  async (duration, times) => {
    // Once at the start; then, from a quarter of an hour before the end on, with each call until there are others.
    const job = scene().newJob();
    const request = `${scene().requestByToken} --duration ${duration} --format credential-process`;
    const script = `mkdir -p ~/.aws
printf '#!/bin/sh\\necho asked >> "$HOME/asked"\\nexec ${request}\\n' > ~/credentials
chmod 700 ~/credentials
printf '[default]\\nregion = eu-central-1\\ncredential_process = %s/credentials\\n' "$HOME" > ~/.aws/config
python3 -c '
import boto3, os
client = boto3.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
for _ in range(3): print(client.get_caller_identity()["Arn"])
'
wc -l < ~/asked`;
    const step = await scene().step(job, "deploy", script, { idToken: true });
    expect(step, step.stderr).toMatchObject({
      exitCode: 0,
      stdout: `${`${arnOf(job, "by-token")}\n`.repeat(3)}${times}\n`,
    });
    // What was kept was good: one session for all of them.
    expect(scene().account.front.issued).toHaveLength(1);
  },
  minutes,
);
