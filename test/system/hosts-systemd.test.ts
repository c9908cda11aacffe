import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { brokerEnvironment, type LogLine, signingKey } from "../harness/broker.ts";
import type { Client } from "../harness/client.ts";
import { configuration, type Grant, grantLike, roleOf } from "../harness/config.ts";
import { root } from "../../scripts/bundle.ts";
import { program } from "../harness/program.ts";
import { ask } from "../world/ask.ts";
import { type Golden, startWorld, type World } from "../world/index.ts";
import { Machine, run } from "./hosts/machine.ts";
import { expectNotGranted, expectServes, newClient } from "./hosts/served.ts";

// The unit, under the systemd of this machine, as docs/systemd.md installs it.

const unit = "actions2aws";
const unitFile = join(root, "deploy/systemd/actions2aws.service");
const installedUnit = "/etc/systemd/system/actions2aws.service";
const secretsFolder = "/etc/actions2aws/secrets";
const auditFile = "/var/log/actions2aws/audit.jsonl";
const configFile = "/etc/actions2aws/broker.yml";
const logFile = "/run/actions2aws.log";

let world: World;
let golden: Golden;
let machine: Machine;

/** The operator's drop-in. Where GitHub and AWS are is the world's to say; the log is read by the tests. */
function dropIn(): string {
  const environment = Object.entries(brokerEnvironment(world))
    .filter(([name]) => name.startsWith("AWS_"))
    .map(([name, value]) => `Environment=${name}=${value}`);
  return [
    "[Service]",
    ...environment,
    `StandardOutput=append:${logFile}`,
    `StandardError=append:${logFile}`,
  ].join("\n");
}

/** By the commands of docs/systemd.md, as they stand there; what is typed in comes after. */
async function install(): Promise<void> {
  const page = readFileSync(join(root, "docs/systemd.md"), "utf8");
  const [, commands = ""] = /```sh\n([^`]+)```/.exec(page) ?? [];
  expect(commands).toContain("install ");
  const done = await machine.run("sh", "-ec", `exec </dev/null; cd /source; ${commands}`);
  expect(done).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const { token, session } = world.github;
  await machine.write(`${secretsFolder}/github_token`, token);
  await machine.write(`${secretsFolder}/github_user_session`, session.cookie);
  // Any ports: others may be taken here.
  await machine.run("sed", "-i", "s/127.0.0.1:[0-9]*/127.0.0.1:0/g", installedUnit);
  await machine.run("mkdir", `${installedUnit}.d`);
  await machine.write(`${installedUnit}.d/test.conf`, dropIn());
  expect(await machine.systemctl("daemon-reload")).toMatchObject({ exitCode: 0 });
}

function grants(...more: readonly Grant[]): string {
  return configuration(world, auditFile, more);
}

beforeAll(async () => {
  world = await startWorld();
  golden = world.github.golden();
  machine = await Machine.start(root);
  await install();
});
afterAll(async () => {
  await machine.stop();
  await world.close();
});

beforeEach(async () => {
  world.sts.clearJournal();
  await machine.write(configFile, grants());
  await machine.write(logFile, "");
  expect(await machine.systemctl("start", unit)).toMatchObject({ exitCode: 0, stderr: "" });
});
afterEach(async () => {
  expect(await machine.read(logFile)).not.toContain("canary");
  await machine.systemctl("stop", unit);
  await machine.systemctl("reset-failed", unit);
});

async function log(): Promise<LogLine[]> {
  const lines = (await machine.read(logFile)).split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LogLine);
}

/** Waits for the last line with this message. */
async function said(message: string): Promise<LogLine> {
  let found: LogLine | undefined;
  await machine.until(async () => {
    found = (await log()).findLast(({ msg }) => msg === message);
    return found !== undefined;
  });
  return found ?? {};
}

async function client(): Promise<Client> {
  const { url } = await said("listening");
  return newClient(world, golden, String(url));
}

async function records(): Promise<Record<string, unknown>[]> {
  const lines = (await machine.read(auditFile)).trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("systemd finds no fault in it, and little that it could still take away", async () => {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-unit-"));
  const file = join(folder, `${unit}.service`);
  writeFileSync(
    file,
    readFileSync(unitFile, "utf8").replaceAll("/usr/local/bin/actions2aws", program),
  );
  try {
    expect(await run("systemd-analyze", "verify", file)).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
    // Of 10.0, tenfold. What is left: the network, and V8's machine code.
    const limits = ["--offline=true", "--threshold=12"];
    const { exitCode, stdout } = await run("systemd-analyze", "security", ...limits, file);
    expect(stdout).toMatch(/Overall exposure level .*: (?:0|1\.[012]) OK/);
    expect(exitCode).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a job gets its credentials, and another role is refused", async () => {
  await expectServes(world, await client(), records);
});

test("it runs as a user of its own, without rights, and warns of no secret", async () => {
  await said("admin listening");
  const pid = await machine.property(unit, "MainPID");
  const status = await machine.read(`/proc/${pid}/status`);
  const of = (name: string): string[] =>
    new RegExp(`^${name}:\\s+(.+)$`, "m").exec(status)?.[1]?.split(/\s+/) ?? [];
  expect(Number(of("Uid")[0])).toBeGreaterThan(1000);
  for (const name of ["CapEff", "CapPrm", "CapBnd", "CapAmb"])
    expect([name, ...of(name)]).toEqual([name, "0000000000000000"]);
  expect([...of("NoNewPrivs"), ...of("Seccomp")]).toEqual(["1", "2"]);
  expect(await machine.read(`/proc/${pid}/limits`)).toMatch(/^Max core file size +0 +0 /m);
  const warned = (await log()).filter(({ level }) => Number(level) >= 40);
  expect(warned.map(({ msg }) => msg)).toEqual([
    expect.stringMatching(/not AWS's own/), // the world's
  ]);
});

test("what it keeps is its own: the secrets, and the audit file", async () => {
  await (await client()).obtain();
  const user = (await machine.run("stat", "-c", "%u", auditFile)).stdout.trim();
  const modes = [
    "/run/credentials/actions2aws.service/github_token",
    auditFile,
    "/var/log/actions2aws/",
  ];
  const { stdout } = await machine.run("stat", "-c", "%a %u", ...modes);
  expect(stdout.trim().split("\n")).toEqual([`400 ${user}`, `600 ${user}`, `700 ${user}`]);
  const [other] = ["65534"];
  for (const path of modes) {
    const read = ["setpriv", `--reuid=${other}`, "--clear-groups", "cat", path];
    expect((await machine.run(...read)).stderr).toMatch(/Permission denied/);
  }
});

test("a reload brings new grants, and tells of bad ones without taking them", async () => {
  const job = await client();
  await expectNotGranted(world, job, "later");

  await machine.write(configFile, `${grants(grantLike("later", {}))}\nnonsense`);
  const bad = await machine.systemctl("reload", unit);
  expect(bad.exitCode).not.toBe(0);
  await expectNotGranted(world, job, "later");

  await machine.write(configFile, grants(grantLike("later", {})));
  expect(await machine.systemctl("reload", unit)).toMatchObject({ exitCode: 0 });
  await said("reloaded");
  await expect(job.obtain({ role: roleOf("later") })).resolves.toBeDefined();
});

test("it stops in order, and a restart takes new secrets", async () => {
  await said("listening");
  expect(await machine.systemctl("stop", unit)).toMatchObject({ exitCode: 0 });
  await said("stopped");
  expect(await machine.property(unit, "Result")).toBe("success");

  const secret = `${secretsFolder}/signing_key`;
  await machine.write(secret, "too short");
  await machine.write(logFile, "");
  await machine.systemctl("start", unit);
  await machine.until(async () => (await machine.property(unit, "ActiveState")) === "failed");
  expect(await machine.read(logFile)).toContain("ACTIONS2AWS_SIGNING_KEY must be 32 characters");
  // It would not help to start again.
  expect(await machine.property(unit, "NRestarts")).toBe("0");

  await machine.write(secret, signingKey);
  await machine.systemctl("reset-failed", unit);
  expect(await machine.systemctl("start", unit)).toMatchObject({ exitCode: 0 });
  await expect((await client()).obtain()).resolves.toBeDefined();
});

test("one that is killed comes back, and answers the operator on loopback", async () => {
  await said("listening");
  const pid = await machine.property(unit, "MainPID");
  await machine.write(logFile, "");
  await machine.run("kill", "-KILL", pid);
  await machine.until(async () => (await machine.property(unit, "NRestarts")) === "1");
  const { url } = await said("admin listening");
  expect((await ask(`${String(url)}/healthz`)).status).toBe(200);
  await expect((await client()).obtain()).resolves.toBeDefined();
});
