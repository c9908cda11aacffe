import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../bundle.ts";
import { type AuditRecord, DemoBroker } from "./broker.ts";
import { secretsIn, variablesIn } from "./job.ts";
import { type Environment, runToEnd } from "./program.ts";
import { type Job, RecordedRun, stepInProgress } from "./recorded-run.ts";
import { command, expect, good, output, scene, shortened, table, tell } from "./stage.ts";
import type { WireTap } from "./wire-tap.ts";

// The scenes in which a job gets its role.

export const config = "examples/broker.yml";
const recording = "recordings/deploy";
export const role = "arn:aws:iam::123456789012:role/shop-deploy";

export function theRun(folder: string): RecordedRun {
  scene("A run of GitHub Actions, recorded");
  const recorded = new RecordedRun(join(root, recording), join(folder, "recording"));
  const { run } = recorded;
  const deploy = recorded.jobInProgress("release");
  table([
    ["repository", run.repository.full_name],
    [
      "run",
      `${run.id}, attempt ${run.run_attempt}: a ${run.event} to ${run.head_branch}, ${run.path}`,
    ],
    ["job", `${deploy.name}, in progress on "${deploy.runner_name}"`],
    ["step", `${stepInProgress(deploy).name}, in progress`],
  ]);
  const items = recorded.liveItems(deploy);
  const forged = items.find((item) => /\nACTIONS2AWS PROOF: age1/.test(item));
  expect(forged !== undefined, "the recorded log holds a forged announcement");
  tell(
    `Its log has ${items.length} items. One is a commit message of ${run.head_commit.author.name}'s, with a forged announcement:`,
  );
  output(forged.split("\n").slice(0, 6).join("\n"));
  return recorded;
}

export async function theBroker(recorded: RecordedRun): Promise<DemoBroker> {
  scene("The broker answers from that recording");
  const args = ["--simulate-aws", "--listen", "127.0.0.1:0"];
  command(`actions2aws serve --config ${config} --recording ${recording} ${args.join(" ")}`);
  const files = ["--config", join(root, config), "--recording", recorded.folder];
  const broker = await DemoBroker.start(["serve", ...files, ...args]);
  const listening = broker.log.find(({ msg }) => msg === "listening");
  output(`${String(listening?.msg)} at ${broker.url}, grants: ${String(listening?.grants)}`);
  return broker;
}

/** @returns the public key. */
export async function theKey(job: Environment): Promise<string> {
  scene("The job makes a key pair");
  command("actions2aws keygen");
  const { exitCode, stdout, stderr } = await runToEnd(["keygen"], job);
  output(stdout || stderr);
  const [, publicKey] = /^ACTIONS2AWS PUBKEY: (age1[0-9a-z]{58})\n$/.exec(stdout) ?? [];
  expect(exitCode === 0 && publicKey !== undefined, "keygen announces a public key");
  const file = ["actions2aws", "identity"];
  expect(existsSync(join(job.RUNNER_TEMP ?? "", ...file)), "keygen keeps the private half");
  tell(`The private half stays with the job, in $RUNNER_TEMP/${file.join("/")}.`);
  return publicKey;
}

export async function theRole(
  job: Environment,
  broker: DemoBroker,
  tap: WireTap,
  publicKey: string,
): Promise<void> {
  scene("The job asks for a role, and proves by its log that it is the job");
  const args = ["request", "--url", tap.url, "--role", role, "--region", "eu-west-1"];
  command(`eval $(actions2aws request --url … --role ${role} --region eu-west-1)`);
  const ended = await runToEnd(args, job);
  const variables = variablesIn(ended.stdout);
  const secrets = secretsIn(variables);
  output(ended.stderr, secrets);
  expect(ended.exitCode === 0, "request ends with exit code 0");
  const announcement = `\nACTIONS2AWS PROOF: ${publicKey} `;
  expect(`\n${ended.stderr}`.includes(announcement), "the job announces its key");
  expect(variables !== null && secrets.length === 2, "its stdout sets the AWS variables");
  tell(`These variables are set, ${(ended.ms / 1000).toFixed(1)} s later:`);
  table(
    [...variables].map(([name, value]) => [
      name,
      secrets.includes(value) ? shortened(value) : value,
    ]),
  );
  theSeal(tap, secrets, publicKey);
  const { access_key_id } = await broker.nextDecision(0);
  expect(access_key_id === variables.get("AWS_ACCESS_KEY_ID"), "the key id is the recorded one");
  good("The job opened the seal: its access key id is the one in the broker's record.");
}

function theSeal(tap: WireTap, secrets: readonly string[], publicKey: string): void {
  const [challenge, credentials] = tap.exchanges;
  expect(challenge?.path === "/v1/challenges" && challenge.status === 201, "a challenge was given");
  expect(
    credentials?.path === "/v1/credentials" && credentials.status === 200,
    "so were credentials",
  );
  const { credentials: sealed } = JSON.parse(credentials.answered) as { credentials: string };
  const isAge = sealed.startsWith("-----BEGIN AGE ENCRYPTED FILE-----\n");
  const crossed = tap.exchanges.map(({ sent, answered }) => sent + answered).join();
  expect(
    isAge && credentials.sent.includes(publicKey),
    "the answer is an age file for the job's key",
  );
  expect(
    !secrets.some((secret) => crossed.includes(secret)),
    "no secret crosses the wire in clear",
  );
  good(
    `On the wire there was an age file of ${sealed.length} characters, and none of the secrets in clear.`,
  );
}

export function theDecision(record: AuditRecord, deploy: Job, recorded: RecordedRun): void {
  scene("What the broker checked, from its audit record");
  const { decision, grant, identity, tags = {} } = record;
  expect(decision === "allowed" && record.role === role, "the record says allowed");
  expect(identity?.run_id === recorded.run.id, "it is of this run");
  expect(identity.job_id === deploy.id, "it is of this job");
  table([
    ["decision", `${decision}, by the grant ${grant}`],
    ["repository", `${identity.repository}, id ${identity.repository_id}`],
    ["workflow", identity.workflow],
    ["calls", identity.called_workflows.join(", ")],
    ["ref", `${identity.ref}, commit ${identity.sha.slice(0, 12)}`],
    ["event", `${identity.event}, by ${identity.triggering_actor}`],
    ["job", `${identity.job}, id ${identity.job_id}`],
    ["role", `${record.role}, for ${record.duration_seconds} s`],
    ["session", record.session_name],
    ["tags", list(tags)],
  ]);
}

function list(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}
