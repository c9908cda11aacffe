import { readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { role } from "../harness/config.ts";

const bench = useBench();

test("keygen announces its key, gives it as an output, and request goes on with it", async () => {
  const job = bench().newJob();
  const keygen = await job.use("make key", "keygen");
  expect(keygen).toMatchObject({
    exitCode: 0,
    stdout: `ACTIONS2AWS PUBKEY: ${keygen.outputs["public-key"]}\n`,
    stderr: "",
  });
  expect(keygen.log).toMatch(/^\S+Z ACTIONS2AWS PUBKEY: age1[a-z0-9]{58}$/m);
  expect(statSync(job.inTemp("actions2aws/identity")).mode & 0o777).toBe(0o600);
  const given = { url: bench().broker.url, role };
  expect(await job.use("assume role", "request", { with: given })).toMatchObject({ exitCode: 0 });
  expect(bench().records).toMatchObject([{ asked: { public_key: keygen.outputs["public-key"] } }]);
});

test("a second keygen keeps the key, unless it is forced", async () => {
  const job = bench().newJob();
  const keys = [];
  for (const force of ["", "false", "true"]) {
    const step = await job.use("make key", "keygen", { with: { force } });
    keys.push(step.outputs["public-key"]);
  }
  const [first, second, third] = keys;
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect(readFileSync(job.inTemp("actions2aws/identity"), "utf8")).toContain(third);
});

test("keygen that cannot keep a key says so, and fails", async () => {
  const job = bench().newJob();
  const identity = "/proc/nowhere/identity";
  const step = await job.use("make key", "keygen", { with: { identity } });
  expect(step).toMatchObject({ exitCode: 1, stdout: "", outputs: {} });
  expect(step.stderr).toMatch(/^::error title=actions2aws::the identity \/proc\/nowhere/m);
});
