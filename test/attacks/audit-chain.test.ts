import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Bench } from "../harness/bench.ts";
import { actions2aws } from "../harness/program.ts";

// F-18. A broker writes some records; then somebody has the file for a while.

const denials = 6;
let lines: string[];

async function decide(bench: Bench): Promise<void> {
  const stranger = await bench.client();
  for (let count = 0; count < denials / 2; count++)
    await stranger.ask({ ticket: "c1.x" }, { repository: "evil/app" });
}

function linesIn(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

function fileOf(changed: readonly string[], name = "audit.jsonl"): string {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-chain-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, name);
  writeFileSync(file, changed.map((line) => `${line}\n`).join(""));
  return file;
}

async function verified(
  ...files: string[]
): Promise<{ exitCode: number | null; places: string[] }> {
  const { exitCode, stdout } = await actions2aws(["verify-audit", ...files]);
  const places = [...stdout.matchAll(/^(?:.*\/)?(\S+:\d+): does not follow/gm)].map(([, at]) => at);
  return { exitCode, places: places.map(String) };
}

beforeAll(async () => {
  const bench = await Bench.start();
  try {
    bench.begin();
    await decide(bench);
    await bench.expectGolden();
    await bench.restart();
    await decide(bench);
    await bench.expectGolden();
    await bench.check();
    lines = linesIn(bench.files.audit);
  } finally {
    await bench.stop();
  }
});

test("an audit file is whole, over a restart as well (F-18)", async () => {
  expect(lines).toHaveLength(denials + 2);
  expect(await verified(fileOf(lines))).toEqual({ exitCode: 0, places: [] });
});

describe("who changes an audit file is found out, at that place (F-18):", () => {
  const changes: Record<string, (all: string[]) => string[]> = {
    "by a changed record": (all) => all.with(3, String(all[3]).replace('"role"', '"rule"')),
    "by a record taken out": (all) => all.toSpliced(4, 1),
    "by a record put in": (all) => all.toSpliced(4, 0, String(all[2])),
    "by two records in the other order": (all) =>
      all.with(4, String(all[5])).with(5, String(all[4])),
    "by a chain that begins anew": (all) =>
      all.with(4, String(all[4]).replace(/"previous":"\w+"/, '"previous":null')),
    "by a record cut short": (all) => all.with(3, String(all[3]).slice(0, 90)),
  };
  test.for(Object.entries(changes))("%s", async ([, change]) => {
    const { exitCode, places } = await verified(fileOf(change(lines)));
    expect(exitCode).toBe(1);
    expect(places[0]).toBe("audit.jsonl:5");
  });

  test("though not who takes away the end: the last hash has to be kept elsewhere", async () => {
    const { stdout: whole } = await actions2aws(["verify-audit", fileOf(lines)]);
    const { stdout: cut } = await actions2aws(["verify-audit", fileOf(lines.slice(0, -1))]);
    const hash = /hash of the last record: (\w{64})/;
    expect(hash.exec(cut)?.[1]).toMatch(/^[0-9a-f]{64}$/);
    expect(hash.exec(cut)?.[1]).not.toBe(hash.exec(whole)?.[1]);
  });
});

test("half a record of a crash does not break the chain (F-08)", async () => {
  const file = fileOf([...lines.slice(0, 4), String(lines[4]).slice(0, 50), ...lines.slice(4)]);
  expect(await verified(file)).toEqual({ exitCode: 0, places: [] });
});

describe("a broker whose audit file", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start();
    bench.begin();
    await decide(bench);
  });
  afterAll(() => bench.stop());

  test("is rotated goes on with the chain in the new one (F-18)", async () => {
    const { audit } = bench.files;
    renameSync(audit, `${audit}.1`);
    await decide(bench);
    expect(await verified(`${audit}.1`, audit)).toEqual({ exitCode: 0, places: [] });
    const { stdout } = await actions2aws(["verify-audit", audit, `${audit}.1`]);
    expect(stdout).toContain("audit.jsonl.1:1: a new chain begins");
  });

  test("gets a record of somebody else's shows it (F-18)", async () => {
    const { audit } = bench.files;
    const before = linesIn(audit).length;
    appendFileSync(audit, `{"decision":"denied","previous":"${"0".repeat(64)}"}\n`);
    await decide(bench);
    const { exitCode, places } = await verified(audit);
    expect(exitCode).toBe(1);
    expect(places).toEqual([`audit.jsonl:${before + 1}`, `audit.jsonl:${before + 2}`]);
  });
});
