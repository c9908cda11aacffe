import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { type Body, Client } from "../harness/client.ts";

// Debian's age and age-keygen: apt-get install -y age

const bench = useBench();

function output(program: string, args: readonly string[], input?: string): string {
  return execFileSync(program, args, { encoding: "utf8", ...(input !== undefined && { input }) });
}

test("what the broker seals, tickets and credentials, opens with age", async () => {
  const job = bench().newJob();
  await job.run("keygen", "actions2aws keygen");
  const file = job.inTemp("actions2aws/identity");
  const [identity = ""] = /^AGE-SECRET-KEY-1.*$/m.exec(readFileSync(file, "utf8")) ?? [];
  bench().world.github.addStep(job.job);
  const client = await Client.of(bench().world, bench().broker.url, job.job, { identity });
  const who = { repository: "acme/app", run_id: job.job.run.id, run_attempt: 1 };
  const reply = await client.post("/v1/challenges", { ...who, public_key: client.publicKey });
  const { challenge = "", ticket: sealedTicket = "" } = reply.json as Body;
  const ticket = output("age", ["-d", "-i", file], sealedTicket);
  expect(ticket.startsWith(`${challenge}.`)).toBe(true);
  client.announce({ challenge, ticket });
  const { credentials = "" } = (await client.ask({ ticket })).json as Body;
  expect(JSON.parse(output("age", ["-d", "-i", file], credentials))).toMatchObject({
    AccessKeyId: bench().world.sts.issued[0]?.accessKeyId,
    SecretAccessKey: bench().world.sts.issued[0]?.secretAccessKey,
    SessionToken: bench().world.sts.issued[0]?.sessionToken,
  });
});

test("an identity that age-keygen made works with request --identity", async () => {
  const job = bench().newJob();
  await job.run("keys", 'age-keygen -o "$RUNNER_TEMP/theirs"');
  const request = bench().request('--identity "$RUNNER_TEMP/theirs"');
  const step = await job.run("assume role", `eval $(${request})\nenv > "$RUNNER_TEMP/seen"`);
  expect(step.exitCode).toBe(0);
  expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(bench().world.sts.issued[0]?.accessKeyId);
  const publicKey = output("age-keygen", ["-y", job.inTemp("theirs")]);
  expect(bench().records).toMatchObject([{ asked: { public_key: publicKey.trim() } }]);
});

test("an identity that keygen made works with age, and is the one that keygen announces", async () => {
  const job = bench().newJob();
  const { stdout } = await job.run("keygen", "actions2aws keygen");
  const publicKey = stdout.trim().split(" ").at(-1) ?? "";
  const file = job.inTemp("actions2aws/identity");
  expect(output("age-keygen", ["-y", file]).trim()).toBe(publicKey);
  const sealed = job.inTemp("sealed");
  output("age", ["-r", publicKey, "-o", sealed], "for this job");
  expect(output("age", ["-d", "-i", file, sealed])).toBe("for this job");
});

test("an identity file that age has sealed is refused with a plain line", async () => {
  const job = bench().newJob();
  await job.run(
    "keys",
    `cd "$RUNNER_TEMP" && umask 077 && age-keygen -o theirs
age -a -r "$(age-keygen -y theirs)" -o sealed theirs`,
  );
  const step = await job.run("assume role", bench().request('--identity "$RUNNER_TEMP/sealed"'));
  expect(step).toMatchObject({ exitCode: 1 });
  expect(step.stderr).toMatch(/^actions2aws: .* does not hold exactly one AGE-SECRET-KEY-1.*\n$/);
});
