import { armor } from "age-encryption";
import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role } from "../harness/config.ts";

const bench = useBench();

/** What `env` has of the credentials that STS gave last. */
function variables(): Record<string, string | undefined> {
  const issued = bench().world.sts.issued.at(-1);
  return {
    AWS_ACCESS_KEY_ID: issued?.accessKeyId,
    AWS_SECRET_ACCESS_KEY: issued?.secretAccessKey,
    AWS_SESSION_TOKEN: issued?.sessionToken,
    AWS_CREDENTIAL_EXPIRATION: issued?.expiration,
  };
}

describe("a job gets its role", () => {
  test("with keygen in one step and request in the next", async () => {
    const job = bench().newJob();
    const keygen = await job.run("keygen", "actions2aws keygen");
    expect(keygen).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^ACTIONS2AWS PUBKEY: age1[a-z0-9]{58}\n$/),
      stderr: "",
    });
    const step = await job.run(
      "assume role",
      `eval $(${bench().request("--region eu-west-1")})\nenv > "$RUNNER_TEMP/seen"`,
    );
    expect(step).toMatchObject({ exitCode: 0, stdout: "" });
    expect(job.seen("seen")).toEqual({
      ...variables(),
      AWS_REGION: "eu-west-1",
      AWS_DEFAULT_REGION: "eu-west-1",
    });
    const publicKey = keygen.stdout.trim().split(" ").at(-1);
    expect(bench().records).toMatchObject([{ asked: { public_key: publicKey } }]);
  });

  test("with keygen and request in one step", async () => {
    const job = bench().newJob();
    const step = await job.run(
      "assume role",
      `actions2aws keygen && eval $(${bench().request()})\nenv > "$RUNNER_TEMP/seen"`,
    );
    expect(step.exitCode).toBe(0);
    expect(job.seen("seen")).toEqual(variables());
  });

  test("with request alone, which makes the key that it needs", async () => {
    const job = bench().newJob();
    const step = await job.run(
      "assume role",
      `eval $(${bench().request()})\nenv > "$RUNNER_TEMP/seen"`,
    );
    expect(step.exitCode).toBe(0);
    expect(job.seen("seen")).toEqual(variables());
  });

  test("a second time with the key that it has, and each time with credentials of its own", async () => {
    const job = bench().newJob();
    const script = `eval $(${bench().request()})\neval $(${bench().request()})`;
    expect(await job.run("assume role", script)).toMatchObject({ exitCode: 0 });
    const keys = bench().records.map(({ asked }) => (asked as { public_key: string }).public_key);
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
    expect(new Set(bench().world.sts.issued.map(({ accessKeyId }) => accessKeyId)).size).toBe(2);
  });

  test("with options from the environment in place of flags", async () => {
    const job = bench().newJob();
    const step = await job.run("assume role", "actions2aws request > /dev/null", {
      env: {
        ACTIONS2AWS_URL: bench().broker.url,
        ACTIONS2AWS_ROLE: role,
        ACTIONS2AWS_STEP_NAME: "assume role",
        ACTIONS2AWS_DURATION: "30m",
      },
    });
    expect(step.exitCode).toBe(0);
    expect(bench().world.sts.assumed).toMatchObject([{ durationSeconds: 1_800 }]);
  });
});

describe("the credentials go", () => {
  test("with a command behind -- into its environment alone, and its exit code comes back", async () => {
    const job = bench().newJob();
    const step = await job.run(
      "assume role",
      `${bench().request()} -- sh -c 'env > "$RUNNER_TEMP/inside"; echo hello; exit 7' || code=$?
env > "$RUNNER_TEMP/outside"
exit $code`,
    );
    expect(step).toMatchObject({ exitCode: 7, stdout: "hello\n" });
    expect(job.seen("inside")).toEqual(variables());
    expect(job.seen("outside")).toEqual({});
  });

  test("with --format json to stdout as one object", async () => {
    const job = bench().newJob();
    const step = await job.run("assume role", bench().request("--format json"), {
      showsCredentials: true,
    });
    expect(step.exitCode).toBe(0);
    expect(JSON.parse(step.stdout)).toEqual(variables());
  });

  test("with --format credential-process to stdout as AWS's tools read it", async () => {
    const job = bench().newJob();
    const step = await job.run("assume role", bench().request("--format credential-process"), {
      showsCredentials: true,
    });
    const [issued] = bench().world.sts.issued;
    expect(JSON.parse(step.stdout)).toEqual({
      Version: 1,
      AccessKeyId: issued?.accessKeyId,
      SecretAccessKey: issued?.secretAccessKey,
      SessionToken: issued?.sessionToken,
      Expiration: issued?.expiration,
    });
  });

  test("with --format github-env into the environment of the steps that follow", async () => {
    const job = bench().newJob();
    const step = await job.run(
      "assume role",
      `${bench().request("--format github-env")}\nenv > "$RUNNER_TEMP/now"`,
    );
    expect(step).toMatchObject({ exitCode: 0, stdout: "" });
    await job.run("deploy", 'env > "$RUNNER_TEMP/later"; echo "$AWS_SESSION_TOKEN"', {
      showsCredentials: true,
    });
    expect(job.seen("now")).toEqual({});
    expect(job.seen("later")).toEqual(variables());
  });

  test("to nobody's eyes: masks come before anything that could show them", async () => {
    const job = bench().newJob();
    const step = await job.run("assume role", `${bench().request("--format json")} 2>&1`, {
      showsCredentials: true,
    });
    const written = step.stdout.split("\n");
    const secrets = Object.values(variables()).slice(0, 3).map(String);
    for (const secret of secrets) {
      const mask = written.indexOf(`::add-mask::${secret}`);
      expect(mask).toBeGreaterThanOrEqual(0);
      expect(written.findIndex((line) => line.includes(secret))).toBe(mask);
      expect(step.log).not.toContain(secret);
    }
    expect(step.log).toContain('{"AWS_ACCESS_KEY_ID":"***"');
  });
});

test("the audit record tells who got what, under the id that the job's log shows", async () => {
  const job = bench().newJob();
  const step = await job.run("assume role", `eval $(${bench().request("--duration 20m")})`);
  const [, requestId] = /request ([0-9a-f-]{36})/.exec(step.stderr) ?? [];
  const { run, id } = job.job;
  const [issued] = bench().world.sts.issued;
  const tags = {
    "github:jobId": String(id),
    "github:runId": String(run.id),
    "github:run": String(run.runNumber),
    "github:job": "deploy",
    "github:commit": run.headSha,
    "github:repo": "acme/app",
  };
  const session = `a2a-1001-${run.id}-1-${id}`;
  expect(bench().records).toMatchObject([
    {
      request_id: requestId,
      decision: "allowed",
      grant: "app-deploy",
      identity: {
        repository: "acme/app",
        repository_id: 1001,
        run_id: run.id,
        run_attempt: 1,
        job: "deploy",
        job_id: id,
        workflow: ".github/workflows/deploy.yml",
        ref: "refs/heads/main",
        sha: run.headSha,
        event: "push",
        triggering_actor: "octocat",
      },
      proof: "log",
      role,
      session_name: session,
      tags,
      access_key_id: issued?.accessKeyId,
      expiration: issued?.expiration,
      client_address: "127.0.0.1",
    },
  ]);
  expect(bench().world.sts.assumed).toMatchObject([
    { roleArn: role, roleSessionName: session, externalId: "acme/app", durationSeconds: 1_200 },
  ]);
});

describe("an identity file gone wrong stops the step before the broker hears of it", () => {
  test.for([
    ["a symbolic link", 'ln -s "$RUNNER_TEMP/elsewhere" "$FILE"', "is a symbolic link"],
    ["no identity", 'echo nonsense > "$FILE"; chmod 600 "$FILE"', "does not hold exactly one"],
    ["open to others", 'chmod 644 "$FILE"', "can be used by other users"],
    ["a folder", 'rm "$FILE"; mkdir "$FILE"', "is not a regular file"],
    ["a pipe", 'rm "$FILE"; mkfifo -m 600 "$FILE"', "is not a regular file"],
    [
      "two identities",
      'cat "$FILE" "$FILE" > "$FILE.2"; mv "$FILE.2" "$FILE"; chmod 600 "$FILE"',
      "does not hold exactly one",
    ],
  ] as const)("%s", async ([, spoil, message]) => {
    const job = bench().newJob();
    const env = { FILE: job.inTemp("actions2aws/identity") };
    await job.run("keygen", "actions2aws keygen");
    const prepared = spoil.startsWith("ln ")
      ? `mv "$FILE" "$RUNNER_TEMP/elsewhere"; ${spoil}`
      : spoil;
    await job.run("something else", prepared, { env });
    const step = await job.run("assume role", `eval $(${bench().request()})\necho went on`, {
      env,
    });
    expect(step).toMatchObject({ exitCode: 1, stdout: "" });
    expect(step.stderr).toMatch(/^actions2aws: the identity .*\n$/);
    expect(step.stderr).toContain(message);
    expect(bench().world.sts.journal).toEqual([]);
    expect(bench().world.github.journal).toEqual([]);
  });

  test("and keygen --force mends it", async () => {
    const job = bench().newJob();
    const file = job.inTemp("actions2aws/identity");
    await job.run("keygen", `actions2aws keygen; echo nonsense > "${file}"`);
    const script = `actions2aws keygen --force\neval $(${bench().request()})`;
    expect(await job.run("assume role", script)).toMatchObject({ exitCode: 0 });
    expect(bench().records).toMatchObject([{ decision: "allowed" }]);
  });
});

test("what is sealed to a job opens with that job's key alone", async () => {
  const [one, other] = [await bench().client(), await bench().client()];
  const reply = await one.attempt();
  const { credentials } = reply.json as { credentials: string };
  const header = Buffer.from(armor.decode(credentials)).toString("latin1").split("\n--- ", 1)[0];
  expect(header?.split("\n").filter((line) => line.startsWith("-> "))).toEqual([
    expect.stringMatching(/^-> X25519 /),
  ]);
  await expect(other.open(credentials)).rejects.toThrow("no identity matched");
  await expect(one.credentialsIn(reply)).resolves.toMatchObject({
    AccessKeyId: bench().world.sts.issued[0]?.accessKeyId,
  });
});
