import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { record, type RecordFlags } from "../../src/cli/record.ts";
import { startWorld } from "../world/index.ts";
import { temporaryFolder, testHost } from "./test-host.ts";

async function scene() {
  const world = await startWorld();
  onTestFinished(() => world.close());
  const { github } = world;
  github.golden();
  const flags: RecordFlags = {
    repository: "acme/app",
    run: "5001",
    out: join(temporaryFolder(), "out"),
    serverUrl: github.webUrl,
    apiUrl: github.apiUrl,
  };
  const environment = { GITHUB_TOKEN: github.token, GITHUB_USER_SESSION: github.session.cookie };
  return { github, flags, environment, host: testHost({}, { speed: 100 }) };
}

test("writes the folder, says what is in it, and forgets the secrets", async () => {
  const { flags, environment, host } = await scene();
  expect(await record(flags, host, environment)).toBe(0);
  expect(readdirSync(flags.out).toSorted()).toEqual([
    "jobs.json",
    "refs.json",
    "run.json",
    "steps",
  ]);
  expect(host.out).toMatch(
    /^recorded run 5001 of acme\/app, attempt 1, .*1 job, 1 log, 1 live feed\n/,
  );
  expect(host.out).toMatch(/^removed nothing$/m);
  expect(host.out + host.err).not.toMatch(/canary/i);
  expect(environment).toEqual({});
});

test("takes GitHub's addresses from a configuration", async () => {
  const { flags, environment, host } = await scene();
  const config = join(temporaryFolder(), "broker.yml");
  const { serverUrl, apiUrl, ...others } = flags;
  writeFileSync(
    config,
    `github: { server_url: "${serverUrl}", api_url: "${apiUrl}" }\ngrants:\n  - { name: x, repository: acme/app, step: y, role: "arn:aws:iam::123456789012:role/x" }\n`,
  );
  expect(await record({ ...others, config }, host, environment)).toBe(0);
  writeFileSync(config, "grants: []\n");
  expect(await record({ ...others, config }, host, environment)).toBe(2);
  expect(host.err).toMatch(/broker\.yml:1: /);
});

test.each<[string, Partial<RecordFlags>]>([
  ["a repository without its owner", { repository: "app" }],
  ["a run that is no number", { run: "5001x" }],
  ["an attempt below 1", { attempt: "0" }],
  ["an address that is not https", { serverUrl: "http://github.example.com" }],
  ["an address of the API with a query", { apiUrl: "https://github.com/?x" }],
  ["a configuration and an address", { config: "x.yml" }],
])("%s is a fault of usage", async (_, change) => {
  const { flags, environment, host } = await scene();
  await expect(record({ ...flags, ...change }, host, environment)).rejects.toMatchObject({
    exitCode: 2,
  });
  expect(existsSync(flags.out)).toBe(false);
});

test.each(["GITHUB_TOKEN", "GITHUB_USER_SESSION"])(
  "without %s there is nothing to read with",
  async (name) => {
    const { flags, environment, host } = await scene();
    await expect(record(flags, host, { ...environment, [name]: "" })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(name),
    });
  },
);

test("a folder with something in it is left as it is", async () => {
  const { github, flags, environment, host } = await scene();
  mkdirSync(join(flags.out, "x"), { recursive: true });
  await expect(record(flags, host, environment)).rejects.toMatchObject({ exitCode: 2 });
  expect(readdirSync(flags.out)).toEqual(["x"]);
  expect(github.journal).toEqual([]);
});

test.each<[string, number, (github: Awaited<ReturnType<typeof scene>>["github"]) => void]>([
  ["the run is not there", 1, (github) => void github.runs.splice(0)],
  ["the session has ended", 4, (github) => void (github.session.state = "redirect")],
  ["GitHub is in trouble", 4, (github) => void github.web.fault({ status: 500 })],
  ["GitHub's limit is used up", 4, (github) => github.exhaust()],
])("when %s there is no folder, and the exit code is %d", async (_, exitCode, change) => {
  const { github, flags, environment, host } = await scene();
  change(github);
  await expect(record(flags, host, environment)).rejects.toMatchObject({
    exitCode,
    message: expect.stringMatching(/^nothing was recorded: /),
  });
  expect(readdirSync(join(flags.out, ".."))).toEqual([]);
});
