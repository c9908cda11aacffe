import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { expect, onTestFinished, test } from "vitest";
import { type AuditRecord, Broker, type BrokerFiles } from "../harness/broker.ts";
import { expectNoLeak, expectOneRecordEach } from "../harness/checks.ts";
import { configuration, grantLike, wideLimits } from "../harness/config.ts";
import { byToken, publicUrl } from "../harness/token-scene.ts";
import { startWorld, type World } from "../world/index.ts";
import { HonestJobs } from "./schemathesis-job.ts";

// A stranger who has read /openapi.json: pip install schemathesis. It asks for what the document allows,
// for what it does not, and by other methods, and holds each answer to the document.

const root = join(import.meta.dirname, "../..");
const minutes = 600_000;

/** Drives a broker, and gives what was not as the document says. */
async function drive(broker: Broker, jobs: string | null): Promise<string> {
  const folder = temporaryFolder();
  const keys = await Promise.all(
    [1, 2, 3].map(async () => identityToRecipient(await generateIdentity())),
  );
  const hereAlone = ["--generation-database", "none", "--no-color", "--output-sanitize", "true"];
  const bounds = ["--max-examples", "60", "--seed", "1", "--request-timeout", "60"];
  const what = ["run", `${broker.url}/openapi.json`, "--checks", "all", "--continue-on-failure"];
  const config = ["--config-file", join(import.meta.dirname, "schemathesis.toml")];
  const child = spawn("schemathesis", [...config, ...what, ...bounds, ...hereAlone], {
    cwd: folder,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      PYTHONPATH: import.meta.dirname,
      PYTHONDONTWRITEBYTECODE: "1",
      SCHEMATHESIS_HOOKS: "schemathesis-hooks",
      PUBLIC_KEYS: keys.join(" "),
      ...(jobs !== null && { JOB_URL: jobs }),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  const [said, complaints, exit] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ]);
  expect(said + complaints).toMatch(/\b\d{3,} generated\b/);
  return exit === 0 ? "" : `${said}${complaints}`;
}

/** What holds whoever has asked: the broker runs, has kept within its memory, and has recorded each decision. */
async function expectSound(broker: Broker): Promise<AuditRecord[]> {
  expect(broker.running).toBe(true);
  expect(broker.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  expect(peakMegabytes(broker)).toBeLessThan(400);
  await expectOneRecordEach(broker, { log: 0, audit: 0 }, 0);
  expectNoLeak(broker, readFileSync(broker.files.audit, "utf8"), []);
  return broker.audit;
}

/** What a stranger meets who keeps to the document, and who does not. */
const usual = ["invalid_request", "no_grant", "challenge_invalid", "renewal_invalid"];

function expectCodes(records: readonly AuditRecord[], codes: readonly string[]): void {
  expect(records.map(({ code }) => code)).toEqual(expect.arrayContaining([...codes]));
}

/** Its largest set of pages in memory. */
function peakMegabytes({ pid }: Broker): number {
  const [, kilobytes = ""] =
    /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1_024;
}

test(
  "a broker on the recorded run keeps to its document",
  async () => {
    const world = await newWorld();
    const folder = temporaryFolder();
    const recording = join(folder, "recording");
    cpSync(join(root, "recordings/deploy"), recording, { recursive: true });
    const files = filesIn(folder);
    const example = readFileSync(join(root, "examples/broker.yml"), "utf8");
    const more = { audit: { file: files.audit }, ...wideLimits };
    const lines = Object.entries(more).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
    writeFileSync(files.config, example + lines.join(""));
    const broker = await newBroker(world, files, ["--recording", recording, "--simulate-aws"]);
    expect(await drive(broker, null)).toBe("");
    const records = await expectSound(broker);
    expect(new Set(records.map(({ decision }) => decision))).toEqual(new Set(["denied"]));
    // The document's own examples name this run: they get as far as the proof.
    expectCodes(records, usual);
  },
  minutes,
);

test(
  "a broker on GitHub's API keeps to its document, for strangers and for jobs",
  async () => {
    const world = await newWorld();
    const files = filesIn(temporaryFolder());
    const grants = [byToken("by-token"), grantLike("legacy", { legacy: true })];
    const settings = { public_url: publicUrl, ...wideLimits };
    writeFileSync(files.config, configuration(world, files.audit, grants, settings));
    const broker = await newBroker(world, files);
    const jobs = await HonestJobs.start(world, broker.url, publicUrl);
    onTestFinished(() => jobs.close());
    expect(await drive(broker, jobs.url)).toBe("");
    const records = await expectSound(broker);
    const allowed = records.filter(({ decision }) => decision === "allowed");
    expect(new Set(allowed.map(({ proof }) => proof))).toEqual(
      new Set(["log", "oidc", "renewal", "legacy"]),
    );
    expect(allowed.map(({ access_key_id: id }) => id)).toEqual(
      world.sts.issued.map(({ accessKeyId }) => accessKeyId),
    );
    expectCodes(records, [...usual, "job_not_found"]);
  },
  minutes,
);

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-schemathesis-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function filesIn(folder: string): BrokerFiles {
  return { config: join(folder, "broker.yml"), audit: join(folder, "audit.jsonl") };
}

async function newWorld(): Promise<World> {
  const world = await startWorld();
  onTestFinished(() => world.close());
  world.github.golden();
  return world;
}

async function newBroker(
  world: World,
  files: BrokerFiles,
  args: readonly string[] = [],
): Promise<Broker> {
  const broker = await Broker.start(world, files, { args });
  onTestFinished(async () => void (await broker.stop()));
  return broker;
}
