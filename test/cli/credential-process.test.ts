import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { actions2aws, start, launcher, until } from "./launcher.ts";
import { type Call, type Outcome, requestIn, role } from "./request-scene.ts";
import {
  answerWith,
  freshAnswers,
  goodChallenge,
  goodCredentials,
  problem,
  type Reply,
  type Script,
  type ScriptedBroker,
  scriptedBroker,
} from "../harness/scripted-broker.ts";
import { jobEnvironment, temporaryFolder } from "./test-host.ts";
import { tokenService } from "../harness/token-service.ts";

const minute = 60_000;
const format = "credential-process";

/** A job, in which AWS tools call us. */
async function job(script: Script = {}) {
  const folder = temporaryFolder();
  const broker = await scriptedBroker({
    credentials: [freshAnswers()],
    renewals: [freshAnswers()],
    ...script,
  });
  return {
    folder,
    broker,
    cache: join(folder, "actions2aws/identity.cache"),
    call: (call: Call = {}) =>
      requestIn(folder, broker, { ...call, flags: { format, ...call.flags } }),
    /** What the broker was asked since the last look. */
    paths: looking(broker),
  };
}

function looking(broker: ScriptedBroker): () => string[] {
  let seen = 0;
  return () => {
    const paths = broker.journal.slice(seen).map(({ path }) => path.slice(4));
    seen = broker.journal.length;
    return paths;
  };
}

function keyOf({ out }: Pick<Outcome, "out">): string {
  return (JSON.parse(out) as { AccessKeyId: string }).AccessKeyId;
}

function entryIn(cache: string): string {
  const [entry = "", ...others] = readdirSync(cache);
  expect(others).toEqual([]);
  return join(cache, entry);
}

describe("what is kept", () => {
  test("is used by later calls, which ask nobody and say nothing", async () => {
    const { call, paths } = await job();
    const first = await call();
    expect(paths()).toEqual(["challenges", "credentials"]);
    expect(first.err).toMatch(/^actions2aws: credentials for /m);
    const second = await call({ later: 9 * minute });
    expect(second.code).toBe(0);
    expect(second.out).toBe(first.out);
    expect(
      second.err.split("\n").filter((line) => line && !line.startsWith("::add-mask::")),
    ).toEqual([]);
    expect(paths()).toEqual([]);
  });

  test("has exactly the fields that AWS tools read", async () => {
    const { call } = await job();
    for (const later of [0, minute]) {
      const { out } = await call({ later });
      expect(Object.keys(JSON.parse(out) as object)).toEqual([
        "Version",
        "AccessKeyId",
        "SecretAccessKey",
        "SessionToken",
        "Expiration",
      ]);
      expect(out).toMatch(/^\{"Version":1,.*\}\n$/);
    }
  });

  test("lies in a file 0600 in a folder 0700, and nothing lies beside it", async () => {
    const { call, cache } = await job();
    const before = process.umask(0);
    try {
      await call();
    } finally {
      process.umask(before);
    }
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    expect(statSync(entryIn(cache)).mode & 0o777).toBe(0o600);
  });

  test.each<[string, Call]>([
    ["another run", { env: { GITHUB_RUN_ID: "1" } }],
    ["another attempt", { env: { GITHUB_RUN_ATTEMPT: "3" } }],
    ["another repository", { env: { GITHUB_REPOSITORY: "acme/other" } }],
    ["another job", { env: { GITHUB_JOB: "test" } }],
    ["another runner", { env: { RUNNER_NAME: "GitHub Actions 13" } }],
    ["another leg of the matrix, on the same runner", { env: { RUNNER_TRACKING_ID: "github_2" } }],
    ["another GitHub", { env: { GITHUB_SERVER_URL: "https://ghes.example" } }],
    ["another job id", { flags: { jobId: "42" } }],
    ["another role", { flags: { role: `${role}-2` } }],
  ])("is not used by %s (C-08, C-16)", async (_name, other) => {
    const { call, paths } = await job();
    const first = await call();
    paths();
    const second = await call(other);
    expect(second.code).toBe(0);
    expect(keyOf(second)).not.toBe(keyOf(first));
    expect(paths()).toEqual(["challenges", "credentials"]);
    // Nor does it take the first one's place.
    expect(keyOf(await call())).toBe(keyOf(first));
  });

  test("is not used with another identity, nor by another broker", async () => {
    const { call, paths, folder } = await job();
    const first = await call();
    paths();
    rmSync(join(folder, "actions2aws/identity"));
    expect(keyOf(await call())).not.toBe(keyOf(first));
    expect(paths()).toEqual(["challenges", "credentials"]);
    const other = await scriptedBroker({ credentials: [freshAnswers()] });
    await requestIn(folder, other, { flags: { format } });
    expect(other.journal).toHaveLength(2);
  });

  test.each<[string, (entry: string, elsewhere: string) => void]>([
    [
      "a symbolic link",
      (entry, elsewhere) => {
        rmSync(entry);
        symlinkSync(elsewhere, entry);
      },
    ],
    ["a file that others can read", (entry) => chmodSync(entry, 0o644)],
    ["no JSON", (entry) => writeFileSync(entry, "{")],
    [
      "another entry's text",
      (entry) => writeFileSync(entry, readFileSync(entry, "utf8").replace("7654321", "1")),
    ],
    [
      "a hostile key",
      (entry) => writeFileSync(entry, readFileSync(entry, "utf8").replace("ASIA", "A;id")),
    ],
  ])("%s is replaced, not obeyed", async (_name, spoil) => {
    const { call, cache, paths, folder } = await job();
    await call();
    paths();
    const entry = entryIn(cache);
    const elsewhere = join(folder, "elsewhere");
    writeFileSync(elsewhere, readFileSync(entry), { mode: 0o600 });
    spoil(entry, elsewhere);
    const before = readFileSync(elsewhere, "utf8");
    const { code, out } = await call();
    expect(code).toBe(0);
    expect(out).not.toContain(";");
    expect(paths()).toEqual(["challenges", "credentials"]);
    expect(readFileSync(elsewhere, "utf8")).toBe(before);
    expect(statSync(entry).isFile()).toBe(true);
    expect(statSync(entry).mode & 0o777).toBe(0o600);
  });

  test("what cannot be kept is handed on all the same", async () => {
    const { call, cache } = await job();
    await call();
    const entry = entryIn(cache);
    rmSync(entry);
    mkdirSync(entry);
    const { code, out, err } = await call();
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ Version: 1 });
    expect(err).toMatch(/credentials cannot be kept in .* \(EISDIR\)/);
  });

  test("a planted folder is refused", async () => {
    const { call, cache, folder, paths } = await job();
    mkdirSync(join(folder, "actions2aws"), { mode: 0o700 });
    mkdirSync(join(folder, "theirs"));
    symlinkSync(join(folder, "theirs"), cache);
    const { code, message } = await call();
    expect(code).toBe(1);
    expect(message).toContain("is a symbolic link");
    expect(paths()).toEqual([]);
    expect(readdirSync(join(folder, "theirs"))).toEqual([]);
  });
});

describe("renewals", () => {
  test("from renewal_after on, with the token and nothing else, again and again", async () => {
    const { call, paths, broker } = await job({
      renewals: [freshAnswers({ lifeMs: 60 * minute }), freshAnswers({ lifeMs: 90 * minute })],
    });
    const first = await call();
    paths();
    const second = await call({ later: 10 * minute + 1_000 });
    expect(second.code).toBe(0);
    expect(keyOf(second)).not.toBe(keyOf(first));
    expect(paths()).toEqual(["renewals"]);
    expect(Object.keys(broker.journal.at(-1)?.body ?? {})).toEqual(["renewal_token"]);
    expect(keyOf(await call({ later: 30 * minute }))).toBe(keyOf(second));
    expect(paths()).toEqual([]);
    const third = await call({ later: 59 * minute });
    expect(keyOf(third)).not.toBe(keyOf(second));
    expect(paths()).toEqual(["renewals"]);
    const tokens = broker.asked("/v1/renewals").map(({ body }) => body.renewal_token);
    expect(new Set(tokens).size).toBe(2);
  });

  test("also after they have expired, while the broker says yes", async () => {
    const { call, paths } = await job({ renewals: [freshAnswers({ lifeMs: 90 * minute })] });
    await call();
    paths();
    expect(await call({ later: 60 * minute })).toMatchObject({ code: 0 });
    expect(paths()).toEqual(["renewals"]);
  });

  test("the renewal token is in no output", async () => {
    const { call, broker } = await job({ renewals: [freshAnswers({ lifeMs: 60 * minute })] });
    const calls = [await call(), await call({ later: 11 * minute })];
    const token = String(broker.asked("/v1/renewals")[0]?.body.renewal_token);
    for (const { out, err } of calls) expect(out + err).not.toContain(token);
  });

  const denials: [string, Reply][] = [
    ["renewal_invalid", problem(403, "renewal_invalid")],
    ["not_in_progress", problem(403, "not_in_progress")],
    ["no_grant", problem(403, "no_grant", { fields: ["ref"] })],
  ];

  test.each(denials)(
    "%s: a clear line, and no proof by a log that nobody sees",
    async (code, no) => {
      const { call, paths } = await job({ renewals: [no] });
      await call();
      paths();
      const ended = await call({ later: 11 * minute });
      expect(ended).toMatchObject({ code: 3, out: "" });
      expect(ended.message).toMatch(
        new RegExp(`^the kept credentials are not renewed: the broker says no: ${code}`),
      );
      expect(ended.err).not.toContain("ACTIONS2AWS PROOF");
      expect(paths()).toEqual(["renewals"]);
    },
  );

  test("refused while there is time: they go on until their last minutes, and nobody is asked twice", async () => {
    const { call, paths } = await job({
      credentials: [freshAnswers({ lifeMs: 60 * minute })],
      renewals: [problem(403, "renewal_invalid")],
    });
    const first = await call();
    paths();
    const second = await call({ later: 41 * minute });
    expect(second).toMatchObject({ code: 0, out: first.out });
    expect(second.err).toMatch(/renewal_invalid.*the credentials that are kept go on until /);
    expect(paths()).toEqual(["renewals"]);
    expect(await call({ later: 50 * minute })).toMatchObject({ code: 0, out: first.out });
    expect(paths()).toEqual([]);
    expect(await call({ later: 56 * minute })).toMatchObject({ code: 3, out: "" });
    expect(paths()).toEqual(["renewals"]);
  });

  test("the job has ended: they do not go on (C-08)", async () => {
    const { call } = await job({
      credentials: [freshAnswers({ lifeMs: 60 * minute })],
      renewals: [problem(403, "not_in_progress")],
    });
    await call();
    expect(await call({ later: 41 * minute })).toMatchObject({ code: 3, out: "" });
  });

  test("refused, and a token is there: proved anew by it", async () => {
    const { env, given } = await tokenService();
    const { call, paths, broker } = await job({
      renewals: [problem(403, "renewal_invalid")],
      credentials: [freshAnswers(), freshAnswers({ lifeMs: 60 * minute })],
    });
    await call({ flags: { proof: "log" } });
    paths();
    expect(await call({ later: 11 * minute, env })).toMatchObject({ code: 0 });
    expect(paths()).toEqual(["renewals", "credentials"]);
    expect(broker.journal.at(-1)?.body).toMatchObject({ oidc_token: given[0] });
  });

  test("refused, and so is the token, since the grant wants the log: the first word is told", async () => {
    const { env } = await tokenService();
    const { call, paths } = await job({
      renewals: [problem(403, "renewal_invalid")],
      credentials: [freshAnswers(), problem(403, "no_grant", { fields: ["proof"] })],
    });
    await call({ flags: { proof: "log" } });
    paths();
    const { code, message } = await call({ later: 11 * minute, env });
    expect(code).toBe(3);
    expect(message).toContain("renewal_invalid");
    expect(paths()).toEqual(["renewals", "credentials"]);
  });

  test("the job has ended: a token is not tried", async () => {
    const { env, journal } = await tokenService();
    const { call } = await job({ renewals: [problem(403, "not_in_progress")] });
    await call({ flags: { proof: "log" } });
    expect(await call({ later: 11 * minute, env })).toMatchObject({ code: 3 });
    expect(journal).toEqual([]);
  });

  test.each<[string, Reply]>([
    ["503", problem(503, "github_unavailable")],
    ["429", problem(429, "rate_limited", {}, { "retry-after": "60" })],
    ["a broken connection", (_asked, response) => response.destroy()],
  ])("%s: what is there goes on, and the next calls do not ask at once", async (_name, reply) => {
    const { call, paths } = await job({ renewals: [reply] });
    const first = await call();
    paths();
    const second = await call({ later: 11 * minute, speed: 20 });
    expect(second).toMatchObject({ code: 0, out: first.out });
    expect(second.err).toContain("the credentials that are kept go on until");
    expect(paths().length).toBeGreaterThan(0);
    expect(await call({ later: 11 * minute + 5_000 })).toMatchObject({ code: 0, out: first.out });
    expect(paths()).toEqual([]);
  });

  test("503 until they have ended: exit 4", async () => {
    const { call } = await job({ renewals: [problem(503, "github_unavailable")] });
    await call();
    const { code, out, message } = await call({ later: 20 * minute, speed: 20 });
    expect({ code, out }).toEqual({ code: 4, out: "" });
    expect(message).toMatch(/not renewed: out of time.*github_unavailable/);
  });

  test("another account's credentials are not taken (C-02)", async () => {
    const flags = { expectAccount: "609629065308" };
    const { call } = await job({
      renewals: [answerWith({ ...goodCredentials, AccessKeyId: "ASIAQNZGKIQY56JQ7WML" })],
      credentials: [freshAnswers({ lifeMs: minute })],
    });
    expect(await call({ flags })).toMatchObject({ code: 0 });
    const { code, out, message } = await call({ flags, later: 50_000 });
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(message).toMatch(/not renewed: .*are another account's/);
  });
});

test("nothing is kept, and there is no token: --proof oidc says what to do", async () => {
  const { call, paths } = await job();
  const { code, message } = await call({ flags: { proof: "oidc" } });
  expect(code).toBe(2);
  expect(message).toMatch(/no credentials of this job are kept.*request --profile/);
  expect(paths()).toEqual([]);
});

test("a denial leaves nothing behind but the identity", async () => {
  const { call, cache } = await job({ credentials: [problem(403, "no_grant")] });
  expect(await call()).toMatchObject({ code: 3 });
  expect(readdirSync(cache)).toEqual([]);
});

describe("processes", () => {
  async function processes(script: Script) {
    const { broker, folder, cache, paths } = await job(script);
    const env = {
      ...jobEnvironment(folder),
      ACTIONS2AWS_URL: broker.url,
      ACTIONS2AWS_ROLE: role,
      ACTIONS2AWS_FORMAT: format,
    };
    return { broker, cache, paths, env, call: () => actions2aws(["request"], env) };
  }

  test("ten at once make one proof, and ten more one renewal", async () => {
    const { call, paths } = await processes({
      credentials: [freshAnswers({ lifeMs: 9_000, renewalAfterMs: 6_000 })],
    });
    const ten = () => Promise.all(Array.from({ length: 10 }, call));
    const first = await ten();
    expect(first.map(({ code }) => code)).toEqual(first.map(() => 0));
    expect(new Set(first.map(keyOf)).size).toBe(1);
    expect(paths()).toEqual(["challenges", "credentials"]);
    const { Expiration } = JSON.parse(first[0]?.out ?? "") as { Expiration: string };
    await until(() => Date.now() > Date.parse(Expiration) - 3_000, 15_000);
    const second = await ten();
    expect(second.map(({ code }) => code)).toEqual(second.map(() => 0));
    expect(paths()).toEqual(["renewals"]);
    expect(new Set(second.map(keyOf)).size).toBe(1);
    expect(keyOf(second[0] ?? { out: "" })).not.toBe(keyOf(first[0] ?? { out: "" }));
  }, 60_000);

  test("one that is killed while it asks holds the others up for seconds only", async () => {
    const { call, paths, env, cache } = await processes({ challenges: [() => {}, goodChallenge] });
    const doomed = start([...launcher, "request"], env);
    await until(() => paths().length > 0);
    doomed.child.kill("SIGKILL");
    await doomed.ended;
    expect(readdirSync(cache).filter((name) => name.endsWith(".lock"))).toHaveLength(1);
    const begun = performance.now();
    expect((await call()).code).toBe(0);
    expect(performance.now() - begun).toBeGreaterThan(4_000);
    expect(paths()).toEqual(["challenges", "credentials"]);
    expect(readdirSync(cache)).toHaveLength(1);
  }, 40_000);

  test("lives of three seconds: call after call, good credentials come", async () => {
    const { call, paths } = await processes({
      credentials: [freshAnswers({ lifeMs: 3_000 })],
      renewals: [freshAnswers({ lifeMs: 3_000 })],
    });
    const end = performance.now() + 6_000;
    const keys = new Set<string>();
    while (performance.now() < end) {
      const { code, out } = await call();
      expect(code).toBe(0);
      keys.add(keyOf({ out }));
      const { Expiration } = JSON.parse(out) as { Expiration: string };
      expect(Date.parse(Expiration)).toBeGreaterThan(Date.now());
    }
    const asked = paths();
    expect(asked.filter((path) => path === "challenges")).toHaveLength(1);
    expect(asked.filter((path) => path === "renewals").length).toBe(keys.size - 1);
    expect(keys.size).toBeGreaterThanOrEqual(3);
  }, 30_000);
});
