import { expect, test, vi } from "vitest";
import type { StepLog } from "../../src/core/proof.ts";
import type { JobLog } from "../../src/server/github/ports.ts";
import { SharedLog } from "../../src/server/shared-log.ts";

const job = { repository: "acme/app", runId: 1, runAttempt: 1, jobId: 2, headSha: "" };

function open() {
  const read = vi.fn<JobLog["read"]>(
    () => new Promise<StepLog[]>((resolve) => setTimeout(resolve, 10, [])),
  );
  const prepare = vi.fn<JobLog["prepare"]>();
  return { read, prepare, log: new SharedLog({ read, prepare }) };
}

test("H-09: who waits for the same job shares a read, and the next is a new one", async () => {
  const { log, read } = open();
  await Promise.all(Array.from({ length: 100 }, () => log.read(job, ["assume role"])));
  expect(read).toHaveBeenCalledTimes(1);
  await log.read(job, ["assume role"]);
  expect(read).toHaveBeenCalledTimes(2);
});

test("H-09: however each of them spells the repository (G-15)", async () => {
  const { log, read } = open();
  const spellings = ["acme/app", "ACME/app", "Acme/App"];
  await Promise.all(spellings.map((repository) => log.read({ ...job, repository }, ["a"])));
  expect(read).toHaveBeenCalledTimes(1);
});

test("another job and other steps have reads of their own", async () => {
  const { log, read, prepare } = open();
  await Promise.all([
    log.read(job, ["a"]),
    log.read(job, ["a", "b"]),
    log.read({ ...job, jobId: 3 }, ["a"]),
    log.read({ ...job, runAttempt: 2 }, ["a"]),
  ]);
  expect(read).toHaveBeenCalledTimes(4);
  log.prepare(job);
  expect(prepare).toHaveBeenCalledWith(job);
});

test("a read that fails, fails for all of them, and is forgotten", async () => {
  const { log, read } = open();
  read.mockRejectedValueOnce(new Error("gone"));
  const both = await Promise.allSettled([log.read(job, ["a"]), log.read(job, ["a"])]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await log.read(job, ["a"])).toEqual([]);
});
