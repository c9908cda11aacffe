import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { FileAuditLog, StreamAuditLog } from "../../src/server/audit-log.ts";
import { code } from "../core/golden.ts";
import { makeFolder } from "./folder.ts";

const intent = { role: "arn:…", session_name: "a2a-1" };

function paths(): {
  path: string;
  intents: string;
  records: () => Record<string, unknown>[];
  open: () => Promise<FileAuditLog>;
} {
  const path = join(makeFolder(), "audit.jsonl");
  return {
    path,
    intents: `${path}.intents`,
    records: () =>
      readFileSync(path, "utf8")
        .split("\n")
        .slice(0, -1)
        .map(
          (line) => JSON.parse(line.replace(/,"previous":[^,}]+/, "")) as Record<string, unknown>,
        ),
    open: async () => {
      const log = await FileAuditLog.open(path);
      onTestFinished(() => log.close().catch(() => undefined));
      return log;
    },
  };
}

describe("a file of records", () => {
  test("has the intent on disk before, and the record after", async () => {
    const { open, intents, records } = paths();
    const log = await open();
    await log.intend("r-1", intent);
    expect(JSON.parse(readFileSync(intents, "utf8"))).toEqual({
      intent: true,
      request_id: "r-1",
      ...intent,
    });
    await log.record("r-1", { request_id: "r-1", decision: "allowed" });
    expect(records()).toEqual([{ request_id: "r-1", decision: "allowed" }]);
  });

  test("H-22: each record is one line", async () => {
    const { open, records } = paths();
    const log = await open();
    await log.record("r-1", { request_id: "r-1", job: 'x\n{"decision":"allowed"}\u2028' });
    expect(records()).toHaveLength(1);
  });

  test("F-08: after a crash between intent and record, what may have been issued is told once", async () => {
    const { open, records } = paths();
    const crashed = await open();
    await crashed.intend("r-1", intent);
    await crashed.record("r-1", { request_id: "r-1", decision: "allowed" });
    await crashed.intend("r-2", intent);
    await open();
    await open();
    expect(records()).toEqual([
      { request_id: "r-1", decision: "allowed" },
      { intent: true, request_id: "r-2", ...intent, decision: "interrupted", code: "unknown" },
    ]);
  });

  test("F-18: what was told once is not told again when the records are rotated", async () => {
    const { open, path } = paths();
    await (await open()).intend("r-1", intent);
    await open();
    renameSync(path, `${path}.1`);
    await open();
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}.1`, "utf8")).toContain('"interrupted"');
  });

  test("F-08: a denial settles an intent as well", async () => {
    const { open, records } = paths();
    const log = await open();
    await log.intend("r-1", intent);
    await log.record("r-1", { request_id: "r-1", decision: "denied" });
    await open();
    expect(records()).toHaveLength(1);
  });

  test("F-08: half a line of an intent was never synced, so AWS was not asked", async () => {
    const { open, path, intents } = paths();
    writeFileSync(intents, `{"intent":true,"request_id":"r-1","role"`);
    await open();
    expect(existsSync(path) ? readFileSync(path, "utf8") : "").toBe("");
  });

  test("a stop in order leaves no intents behind", async () => {
    const { open, intents, records } = paths();
    const log = await open();
    await log.intend("r-1", intent);
    await log.record("r-1", { request_id: "r-1" });
    await log.close();
    expect(readFileSync(intents, "utf8")).toBe("");
    await open();
    expect(records()).toHaveLength(1);
  });

  test("a stop with an open intent keeps it for the next start", async () => {
    const { open, records } = paths();
    const log = await open();
    await log.intend("r-1", intent);
    await log.close();
    await open();
    expect(records()).toMatchObject([{ request_id: "r-1", decision: "interrupted" }]);
  });

  test("the file of intents does not grow for ever", async () => {
    const { open, intents } = paths();
    const log = await open();
    const long = { ...intent, filler: "x".repeat(10_000) };
    for (let count = 0; count < 60; count++) {
      await log.intend(`r-${count}`, long);
      await log.record(`r-${count}`, { request_id: `r-${count}` });
    }
    expect(readFileSync(intents, "utf8").length).toBeLessThan(350_000);
  });

  test.skipIf(!existsSync("/dev/full"))(
    "F-07: a full disk is found out before AWS is asked",
    async () => {
      const log = await FileAuditLog.open("/dev/full");
      await expect(log.intend("r-1", intent)).rejects.toThrow(code("audit_unavailable"));
      await expect(log.record("r-1", {})).rejects.toThrow(code("audit_unavailable"));
      await log.close();
    },
  );

  test("F-07: a folder that is gone is found out before AWS is asked", async () => {
    const { open, path } = paths();
    const log = await open();
    await log.intend("r-1", intent);
    rmSync(join(path, ".."), { recursive: true });
    await expect(log.intend("r-2", intent)).rejects.toThrow(code("audit_unavailable"));
    await expect(log.record("r-1", {})).rejects.toThrow(code("audit_unavailable"));
  });
});

describe("a stream of records", () => {
  test("gets one line each, marked as audit", async () => {
    const stream = new PassThrough();
    const log = new StreamAuditLog(stream);
    await log.record("r-1", { request_id: "r-1", job: "a\nb" });
    expect(String(stream.read())).toBe('{"msg":"audit","request_id":"r-1","job":"a\\nb"}\n');
  });

  test("F-07: that is broken is audit_unavailable", async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("gone")) });
    broken.on("error", () => undefined);
    await expect(new StreamAuditLog(broken).record("r-1", {})).rejects.toThrow(
      code("audit_unavailable"),
    );
  });
});
