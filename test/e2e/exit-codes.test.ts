import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { roleOf } from "../harness/config.ts";

const bench = useBench();

/** Something at the address that is no broker. */
const stranger = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/html" }).end("<h1>It works!</h1>");
});
beforeAll(() => new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve)));
afterAll(() => stranger.close());

const strangerUrl = (): string => `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;

test("0: done, and stderr tells grant, end and request id in one line of its own", async () => {
  const job = bench().newJob();
  const step = await job.run("assume role", `${bench().request()} > /dev/null`);
  expect(step.exitCode).toBe(0);
  const own = step.stderr.split("\n").filter((line) => line.startsWith("actions2aws:"));
  expect(own).toHaveLength(1);
  expect(own[0]).toMatch(
    /^actions2aws: credentials for arn:aws:iam::\d{12}:role\/app-deploy until \S+Z \(grant app-deploy, request [0-9a-f-]{36}\)$/,
  );
});

test.for([
  ["2: no broker's address", "actions2aws request --role x", 2, "ACTIONS2AWS_URL"],
  [
    "2: http to another host",
    "actions2aws request --url http://broker.example.com --role x",
    2,
    "https",
  ],
  ["2: an option that is not there", "actions2aws request --nonsense", 2, "--nonsense"],
  ["2: a duration that AWS does not know", "REQUEST --duration 5m", 2, "--duration"],
  ["3: a role that no grant gives", "DENIED", 3, "role_not_granted"],
  [
    "4: nobody listens",
    "actions2aws request --url http://127.0.0.1:1 --role ROLE --timeout 1s",
    4,
    "--url",
  ],
  ["1: what answers is no broker", "actions2aws request --url STRANGER --role ROLE", 1, "--url"],
] as const)("%s", async ([, command, exitCode, word]) => {
  const script = command
    .replace("REQUEST", bench().request())
    .replace("DENIED", bench().request("", roleOf("not-granted")))
    .replace("ROLE", roleOf("app-deploy"))
    .replace("STRANGER", strangerUrl());
  const step = await bench().newJob().run("assume role", script);
  expect(step).toMatchObject({ exitCode, stdout: "false\n" });
  const lines = step.stderr.trimEnd().split("\n");
  expect(lines.at(-1)).toMatch(/^actions2aws: [\x20-\x7e]+$/);
  expect(lines.at(-1)).toContain(word);
  const other = /^actions2aws: .*; trying again$|^ACTIONS2AWS PROOF: /;
  expect(lines.filter((line) => !other.test(line))).toHaveLength(1);
  expect(bench().world.sts.journal).toEqual([]);
});

test("3: a denial's line has code, request id and what to do, as the audit has it", async () => {
  const step = await bench()
    .newJob()
    .run("assume role", bench().request("", roleOf("not-granted")));
  const [record] = bench().records;
  expect(record).toMatchObject({ decision: "denied", code: "role_not_granted" });
  expect(step.stderr).toContain(`role_not_granted (role; request ${String(record?.request_id)})`);
  expect(step.stderr).toContain("check --role");
});

test("outside of a job it says so, and asks nobody", async () => {
  const job = bench().newJob();
  const step = await job.run("assume role", `unset GITHUB_REPOSITORY\n${bench().request()}`);
  expect(step).toMatchObject({ exitCode: 2 });
  expect(step.stderr).toMatch(/^actions2aws: GITHUB_REPOSITORY .*\n$/);
  expect(bench().world.github.journal).toEqual([]);
});
