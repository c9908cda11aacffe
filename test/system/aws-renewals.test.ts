import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Job, Step } from "../harness/job.ts";
import { arnOf, cli1, cli2, useAws, whoAmI } from "./aws-scene.ts";

// boto3 (pip install boto3), the AWS SDK for JavaScript and the AWS CLI, each over the ends of several
// sessions: of moto's, which are made to end soon. After that AWS itself refuses the old key.

/** Long enough for two starts of Python on a slow machine, where renewals come after two thirds. */
const lifeMs = 12_000;
const scene = useAws({ lifeMs });
const minutes = 300_000;

/** One process, one client, until it has signed with a third key; for each a line, who that was. */
const programs = {
  boto3: {
    file: "who.py",
    command: "python3 who.py",
    source: `
import boto3, os, re, time
keys = []
def sent(request, **_):
    keys.append(re.search("Credential=([^/]+)", str(request.headers["Authorization"])).group(1))
client = boto3.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
client.meta.events.register("before-send.sts", sent)
while len(set(keys)) < 3:
    before = set(keys)
    arn = client.get_caller_identity()["Arn"]
    if set(keys) != before:
        print(arn, flush=True)
    time.sleep(0.5)
`,
  },
  "the AWS SDK for JavaScript": {
    file: "who.mjs",
    command: `"${process.execPath}" who.mjs`,
    source: `
import { setTimeout as sleep } from "node:timers/promises";
const { GetCallerIdentityCommand, STSClient } = await import("${import.meta.resolve("@aws-sdk/client-sts")}");
const keys = new Set();
const client = new STSClient({});
client.middlewareStack.add(
  (next) => (args) => {
    keys.add(/Credential=([^/]+)/.exec(args.request.headers.authorization)[1]);
    return next(args);
  },
  { step: "finalizeRequest", priority: "low" },
);
while (keys.size < 3) {
  const before = keys.size;
  const { Arn } = await client.send(new GetCallerIdentityCommand({}));
  if (keys.size > before) console.log(Arn);
  await sleep(500);
}
`,
  },
} as const;

const each = Object.entries(programs);

function put(job: Job, { file, source }: (typeof programs)[keyof typeof programs]): void {
  writeFileSync(join(job.folder, "workspace", file), source);
}

/** Three keys were asked for, each told the same name, and AWS saw all of them; not one call failed. */
function expectThree(job: Job, { exitCode, stdout, stderr }: Step, role = "app-deploy"): void {
  expect({ exitCode, stdout }, stderr).toEqual({
    exitCode: 0,
    stdout: `${arnOf(job, role)}\n`.repeat(3),
  });
  const { front } = scene().account;
  expect(new Set(front.callers).size).toBe(3);
  expect(front.issued.length).toBeGreaterThanOrEqual(3);
  const statuses = front.journal.filter(({ note }) => note?.action === "GetCallerIdentity");
  expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200]));
}

describe.each(each)("%s", (_, program) => {
  test(
    "--profile, proved by the log: credential_process renews",
    async () => {
      const job = scene().newJob();
      put(job, program);
      const first = scene().request("--profile deploy --format github-env --region eu-central-1");
      expect((await scene().step(job, "assume role", first)).exitCode).toBe(0);
      expectThree(job, await scene().step(job, "deploy", program.command));
      const [, ...renewals] = scene().records;
      expect(new Set(renewals.map(({ proof }) => proof))).toEqual(new Set(["renewal"]));
    },
    minutes,
  );

  test(
    "a credential_process of one's own, proved by a token",
    async () => {
      const job = scene().newJob();
      put(job, program);
      const script = `mkdir -p ~/.aws
cat > ~/.aws/config <<EOF
[default]
region = eu-central-1
credential_process = ${scene().requestByToken} --format credential-process
EOF
${program.command}`;
      const step = await scene().step(job, "deploy", script, { idToken: true });
      expectThree(job, step, "by-token");
    },
    minutes,
  );

  test(
    "--refresh: the container's endpoint",
    async () => {
      const job = scene().newJob();
      put(job, program);
      const script = scene().request(`--refresh --region eu-central-1 -- ${program.command}`);
      expectThree(job, await scene().step(job, "assume role", script));
    },
    minutes,
  );
});

test(
  "--refresh: one script of many AWS CLIs",
  async () => {
    const job = scene().newJob();
    const { front } = scene().account;
    writeFileSync(
      join(job.folder, "workspace/many.sh"),
      `set -e
end=$(($(date +%s) + 25))
until [ "$(date +%s)" -gt "$end" ]; do ${whoAmI(cli1)}; done | sort -u`,
    );
    const script = scene().request("--refresh -- bash -o pipefail many.sh");
    const step = await scene().step(job, "assume role", script);
    expect(step, step.stderr).toMatchObject({ exitCode: 0, stdout: `${arnOf(job)}\n` });
    expect(new Set(front.callers).size).toBeGreaterThanOrEqual(3);
  },
  minutes,
);

test.each([
  ["1", cli1],
  ["2", cli2],
])(
  "--profile: AWS CLI %s goes on, and has nothing more when the job is over",
  async (_, cli) => {
    const job = scene().newJob();
    const request = scene().request("--profile deploy");
    expect((await scene().step(job, "assume role", request)).exitCode).toBe(0);
    const { front } = scene().account;
    const script = whoAmI(cli, "--profile deploy");
    for (let at = 1; new Set(front.callers).size < 2; at++) {
      const step = await scene().step(job, `deploy ${at}`, script);
      expect(step, step.stderr).toMatchObject({ exitCode: 0, stdout: `${arnOf(job)}\n` });
    }
    job.complete();
    const last = front.issued.at(-1)?.endsAt ?? expect.unreachable();
    await new Promise((resolve) => setTimeout(resolve, last - Date.now()));
    const given = front.issued.length;
    const late = await scene().step(job, "after the job", script);
    expect(late.exitCode).not.toBe(0);
    expect(late.stderr).toMatch(
      /the kept credentials are not renewed: the broker says no: not_in_progress/,
    );
    expect(front.issued).toHaveLength(given);
    expect(scene().records.at(-1)).toMatchObject({ decision: "denied", code: "not_in_progress" });
  },
  minutes,
);
