import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { explain, type ExplainFlags } from "../../src/cli/explain.ts";
import { type TestHost, temporaryFolder, testHost } from "./test-host.ts";

const root = join(import.meta.dirname, "../..");
const role = "arn:aws:iam::123456789012:role/shop-deploy";
const deploy = "55138250077";
const key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/** A copy of the recorded run, and the small configuration that goes with it. */
function scene(): ExplainFlags & { recording: string } {
  const recording = join(temporaryFolder(), "run");
  cpSync(join(root, "recordings/deploy"), recording, { recursive: true });
  return { config: join(root, "examples/broker.yml"), recording, role };
}

function announce(recording: string, line: string): void {
  const file = join(recording, `steps/${deploy}/3.live`);
  writeFileSync(file, `${readFileSync(file, "utf8")}${JSON.stringify({ line })}\n`);
}

async function run(
  flags: ExplainFlags,
): Promise<{ code: number; host: TestHost; lines: string[] }> {
  const host = testHost();
  const code = await explain(flags, host);
  return { code, host, lines: host.out.trimEnd().split("\n") };
}

describe("the text", () => {
  test("shows each field of the grant, the announcement, the call of AWS, and the code last", async () => {
    const flags = scene();
    announce(flags.recording, `ACTIONS2AWS PROOF: ${key} c1.tix4jg.3mfrJ0zJ5Cq2Vwqj.Xk6hV1m0Tq7W`);
    const { code, host, lines } = await run({ ...flags, jobId: deploy });
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe("ok");
    expect(lines).toContain("grant shop-deploy, and what the run is");
    expect(host.out).toMatch(/ {2}fits {2}ref +refs\/heads\/main {2}← {2}refs\/heads\/main\n/);
    expect(host.out).toMatch(/ {2}item 6: not an announcement/);
    expect(host.out).toMatch(new RegExp(`item 12: ${key}, its challenge ends 2\\d{3}-`));
    expect(host.out).toMatch(/session name {2}a2a-1296269-19284650173-1-55138250077\n/);
    expect(host.out).toMatch(/tag {11}github:repo = acme\/shop\n/);
    expect(host.out).not.toContain("\u001b");
    expect(host.err).toBe("");
  });

  test("of a denial names the fields, and exits with 3", async () => {
    const flags = scene();
    const { code, host, lines } = await run({ ...flags, job: "docs" });
    expect(code).toBe(3);
    expect(lines.at(-1)).toBe("no_grant job");
    expect(host.out).toMatch(/NOT {3}job +release \/ deploy \(production\) {2}← {2}docs\n/);
  });

  test("compares the grants also for a job that is over", async () => {
    const { code, host, lines } = await run({ ...scene(), job: "lint" });
    expect([code, lines.at(-1)]).toEqual([3, "not_in_progress"]);
    expect(host.out).toMatch(/fits {2}workflow/);
  });

  test("H-22: shows what could move a terminal's cursor as plain letters", async () => {
    const flags = scene();
    const file = join(flags.recording, "run.json");
    const evil = "main\u001b[2K\rok\u202e";
    const text = readFileSync(file, "utf8").replace('"main"', JSON.stringify(evil));
    writeFileSync(file, text);
    const { host } = await run({ ...flags, jobId: deploy });
    expect(host.out).toContain("main\\u{1b}[2K\\u{d}ok\\u{202e}");
    // oxlint-disable-next-line no-control-regex
    expect(host.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });
});

test("--json is one object with all of it", async () => {
  const flags = scene();
  announce(flags.recording, `ACTIONS2AWS PROOF: ${key} c1.tix4jg.3mfrJ0zJ5Cq2Vwqj.Xk6hV1m0Tq7W`);
  const { code, host } = await run({ ...flags, jobId: deploy, json: true, step: "assume role" });
  expect(code).toBe(0);
  expect(JSON.parse(host.out)).toMatchObject({
    allowed: true,
    code: "ok",
    fields: [],
    grant: "shop-deploy",
    asked: { role, step: "assume role" },
    identity: { repository: "acme/shop", ref: "refs/heads/main", job_id: Number(deploy) },
    grants: [
      {
        name: "shop-deploy",
        in_question: true,
        fields: expect.arrayContaining([
          { field: "event", wanted: "push or workflow_dispatch", actual: "push", fits: true },
        ]),
      },
    ],
    steps: [{ name: "assume role", announcements: [{ item: 6, public_key: null }, { item: 12 }] }],
    assume_role: { role, external_id: "acme/shop", duration_seconds: 900, session_policy: null },
  });
});

describe("the job", () => {
  test("that is not named is the one in progress", async () => {
    const flags = scene();
    const file = join(flags.recording, "jobs.json");
    const list = JSON.parse(readFileSync(file, "utf8")) as { jobs: { name: string }[] };
    const jobs = list.jobs.filter(({ name }) => name !== "docs");
    writeFileSync(file, JSON.stringify({ total_count: jobs.length, jobs }));
    const { host, lines } = await run(flags);
    expect(host.out).toContain(deploy);
    expect(lines.at(-1)).toBe("proof_pending");
  });

  test("has to be named when two run: both are told", async () => {
    const host = testHost();
    await expect(explain(scene(), host)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("--job-id"),
    });
    expect(host.err).toMatch(new RegExp(`^${deploy} +in_progress release / deploy`, "m"));
  });
});

test.each<[string, Partial<ExplainFlags>]>([
  ["a role that is none", { role: "shop-deploy" }],
  ["a job given twice", { job: "docs", jobId: deploy }],
  ["a job id that is none", { jobId: "12x" }],
  ["a folder that is not there", { recording: "/nowhere" }],
])("%s is a fault of usage", async (_, change) => {
  await expect(explain({ ...scene(), ...change }, testHost())).rejects.toMatchObject({
    exitCode: 2,
  });
});

test("a configuration with faults is told line by line", async () => {
  const flags = scene();
  const config = join(temporaryFolder(), "broker.yml");
  writeFileSync(config, "grants: []\nmore: 1\n");
  const { code, host } = await run({ ...flags, config });
  expect(code).toBe(2);
  expect(host.err.split("\n").filter((line) => line.startsWith(`${config}:`))).toHaveLength(2);
  rmSync(config);
  expect((await run({ ...flags, config })).host.err).toMatch(/can't be read \(ENOENT\)/);
  mkdirSync(config);
  expect((await run({ ...flags, config })).code).toBe(2);
});
