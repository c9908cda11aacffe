import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Bench } from "../harness/bench.ts";
import { auditIn } from "../harness/broker.ts";
import type { Body } from "../harness/client.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(async () => {
  bench.expectSecretsKept();
  await bench.stop();
});

test("without a place for its record nothing is issued, AWS is not even asked, and all goes on when there is one again (F-07)", async () => {
  await bench.expectGolden();
  bench.begin();
  const folder = dirname(bench.files.audit);
  rmSync(folder, { recursive: true });
  const client = await bench.client();
  const challenge = await client.challenge();
  client.announce(challenge);
  const reply = await client.ask(challenge);
  expect([reply.status, (reply.json as Body).code]).toEqual([503, "audit_unavailable"]);
  expect(bench.world.sts.journal).toEqual([]);
  const step = await bench.newJob().run("assume role", bench.request("--timeout 2s"));
  expect(step.exitCode).toBe(4);
  expect(step.stderr).toMatch(/audit_unavailable.*audit record cannot be written/);

  mkdirSync(folder);
  await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
  expect(auditIn(bench.files.audit)).toMatchObject([{ decision: "allowed" }]);
});

test("a file that is rotated away goes on under its name", async () => {
  await bench.expectGolden();
  const before = bench.broker.audit.length;
  renameSync(bench.files.audit, `${bench.files.audit}.1`);
  await bench.expectGolden();
  expect(auditIn(`${bench.files.audit}.1`)).toHaveLength(before);
  expect(auditIn(bench.files.audit)).toHaveLength(1);
});
