import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { actions2aws, launcher, start } from "../cli/launcher.ts";
import { freshAnswers, type ScriptedBroker, scriptedBroker } from "../harness/scripted-broker.ts";
import { jobEnvironment, temporaryFolder } from "../cli/test-host.ts";
import { useBench } from "../harness/bench.ts";
import { startWorld, type World } from "../world/index.ts";

// The AWS CLI, and the AWS SDK for JavaScript: https://docs.aws.amazon.com/sdkref/latest/guide/

const run = promisify(execFile);
const bench = useBench();
const role = "arn:aws:iam::123456789012:role/shop-deploy";
const whoAmI = ["sts", "get-caller-identity", "--output", "json"];
/** At least three times a life, and what the CLI takes to start. */
const lifeMs = 6_000;

interface Scene {
  readonly broker: ScriptedBroker;
  readonly world: World;
  readonly env: Record<string, string>;
}

/** A job beside a broker that gives short lives, and an STS that says who calls. */
async function scene({ renewedFor = lifeMs } = {}): Promise<Scene> {
  const broker = await scriptedBroker({
    credentials: [freshAnswers({ lifeMs })],
    renewals: [freshAnswers({ lifeMs: renewedFor })],
  });
  const world = await startWorld();
  onTestFinished(() => world.close());
  const folder = temporaryFolder();
  return {
    broker,
    world,
    env: {
      ...jobEnvironment(folder),
      PATH: process.env.PATH ?? "",
      HOME: folder,
      ACTIONS2AWS_URL: broker.url,
      ACTIONS2AWS_ROLE: role,
      AWS_DEFAULT_REGION: "eu-west-1",
      AWS_EC2_METADATA_DISABLED: "true",
    },
  };
}

function renewalsOf(broker: ScriptedBroker): number {
  return broker.asked("/v1/renewals").length;
}

/** The ids of the keys with which STS was asked. */
function callers({ sts }: World): string[] {
  return sts.journal.map(({ note }) => note?.callerKeyId ?? "");
}

test("--profile: the AWS CLI goes on over three renewals and more", async () => {
  const { broker, world, env } = await scene();
  const asked = await actions2aws(["request", "--profile", "deploy"], env);
  expect(asked.code).toBe(0);
  const args = ["--profile", "deploy", ...whoAmI, "--endpoint-url", world.sts.url];
  while (renewalsOf(broker) < 4) {
    const { stdout } = await run("aws", args, { env });
    expect(JSON.parse(stdout)).toMatchObject({ Account: expect.stringMatching(/^\d{12}$/) });
  }
  expect(new Set(callers(world)).size).toBeGreaterThanOrEqual(4);
  expect(broker.asked("/v1/credentials")).toHaveLength(1);
}, 120_000);

test("--profile: ten AWS CLIs at once make one renewal", async () => {
  const { broker, world, env } = await scene({ renewedFor: 900_000 });
  await actions2aws(["request", "--profile", "deploy"], env);
  await new Promise((resolve) => setTimeout(resolve, lifeMs));
  const args = ["--profile", "deploy", ...whoAmI, "--endpoint-url", world.sts.url];
  await Promise.all(Array.from({ length: 10 }, () => run("aws", args, { env })));
  expect(callers(world)).toHaveLength(10);
  expect(new Set(callers(world)).size).toBe(1);
  expect(renewalsOf(broker)).toBe(1);
}, 120_000);

test("--refresh: one command of many AWS CLI calls goes on over three renewals and more", async () => {
  const { broker, world, env } = await scene();
  const script = `for i in 1 2 3 4 5 6 7 8; do
    aws ${whoAmI.join(" ")} --endpoint-url ${world.sts.url} > /dev/null || exit 5; sleep 2
  done`;
  const words = [...launcher, "request", "--refresh", "--", "bash", "-c", script] as const;
  const { code, err } = await start(words, env).ended;
  expect({ code, failures: err.match(/Unable|Error/g) }).toEqual({ code: 0, failures: null });
  expect(renewalsOf(broker)).toBeGreaterThanOrEqual(3);
  expect(new Set(callers(world)).size).toBeGreaterThanOrEqual(3);
  expect(broker.asked("/v1/credentials")).toHaveLength(1);
}, 120_000);

test("--refresh: one client of the AWS SDK for JavaScript goes on over three renewals and more", async () => {
  const { broker, world, env } = await scene();
  const script = `
    const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
    const { setTimeout: sleep } = await import("node:timers/promises");
    const client = new STSClient({ region: "eu-west-1", endpoint: "${world.sts.url}" });
    for (let call = 0; call < 12; call++) {
      await client.send(new GetCallerIdentityCommand({}));
      await sleep(1_500);
    }`;
  const program = [process.execPath, "--input-type=module", "-e", script];
  const { code, err } = await start([...launcher, "request", "--refresh", "--", ...program], env)
    .ended;
  expect({ code, failures: err.match(/Unable|Error/g) }).toEqual({ code: 0, failures: null });
  expect(world.sts.journal).toHaveLength(12);
  expect(renewalsOf(broker)).toBeGreaterThanOrEqual(3);
  expect(new Set(callers(world)).size).toBeGreaterThanOrEqual(3);
}, 120_000);

test("with a real broker: one step proves by its log, the AWS CLI of a later one has the role", async () => {
  const { world: elsewhere } = await scene();
  const job = bench().newJob();
  const first = await job.run(
    "assume role",
    bench().request("--profile deploy --format github-env --region eu-west-1"),
  );
  expect(first.exitCode).toBe(0);
  const call = `aws ${whoAmI.join(" ")} --endpoint-url ${elsewhere.sts.url}`;
  const later = await job.run("deploy", `PATH="${process.env.PATH}" ${call}`);
  expect(later).toMatchObject({ exitCode: 0, stderr: "" });
  expect(callers(elsewhere)).toEqual([bench().world.sts.issued[0]?.accessKeyId]);
  const profile = readFileSync(join(job.folder, "home/.aws/credentials"), "utf8");
  expect(profile).toMatch(/^\[deploy\]\ncredential_process = \/\S+\/dist\/actions2aws request /);
}, 60_000);

test("a refusal reaches whoever calls the AWS CLI, with no token in it", async () => {
  const { env, world } = await scene();
  await actions2aws(["request", "--profile", "deploy"], env);
  const args = ["--profile", "deploy", ...whoAmI, "--endpoint-url", world.sts.url];
  const failed = await run("aws", args, { env: { ...env, GITHUB_RUN_ID: "1" } }).catch(
    (error: { stderr: string }) => error,
  );
  expect(failed.stderr).toMatch(/no credentials of this job are kept for this role/);
  expect(failed.stderr).not.toContain("::add-mask::");
}, 60_000);
