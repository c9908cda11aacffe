import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseRequestOptions, type RequestFlags } from "../../src/cli/request-options.ts";
import { request } from "../../src/cli/request.ts";
import { generateAgeKey, identityFileText } from "../../src/cli/age-key.ts";
import { proofLine } from "../../src/core/announcement.ts";
import { seal } from "../../src/core/seal.ts";
import { hostile } from "../harness/hostile.ts";
import {
  answerWith,
  challenge,
  goodAnswer,
  goodChallenge,
  goodCredentials,
  problem,
  type Reply,
  requestId,
  type Script,
  scriptedBroker,
  ticket,
} from "../harness/scripted-broker.ts";
import { jobEnvironment, temporaryFolder, testHost } from "./test-host.ts";

const role = "arn:aws:iam::123456789012:role/shop-deploy";
const secrets = [
  goodCredentials.AccessKeyId,
  goodCredentials.SecretAccessKey,
  goodCredentials.SessionToken,
];

interface Setting {
  flags?: RequestFlags;
  env?: Record<string, string>;
  speed?: number;
}

/** A whole request against a broker that follows the script. */
async function play(script: Script, { flags = {}, env = {}, speed = 1 }: Setting = {}) {
  const folder = temporaryFolder();
  const broker = await scriptedBroker(script);
  const host = testHost({ ...jobEnvironment(folder), ...env }, { speed });
  const options = parseRequestOptions({ url: broker.url, role, ...flags }, null, host.env);
  const outcome = await request(options, host).then(
    (code) => ({ code, message: "" }),
    (error: { exitCode: number; message: string }) => ({
      code: error.exitCode,
      message: error.message,
    }),
  );
  return { ...outcome, out: host.out, err: host.err, broker, folder };
}

/** The lines that show a secret, other than the masks. */
function leaks(err: string): string[] {
  return err
    .split("\n")
    .filter((line) => !line.startsWith("::add-mask::"))
    .filter((line) =>
      [...secrets, goodCredentials.RenewalToken, ticket, "AGE-SECRET-KEY"].some((secret) =>
        line.includes(secret),
      ),
    );
}

describe("a good broker", () => {
  test("the whole flow: two requests with exactly the contract's fields (C-18)", async () => {
    const env = {
      GITHUB_TOKEN: "ghs_canary",
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "canary",
      AWS_SECRET_ACCESS_KEY: "canary",
      GITHUB_EVENT_PATH: "/canary",
    };
    const flags = { step: "assume role", duration: "1h", jobId: "42" };
    const { code, broker } = await play({}, { flags, env });
    expect(code).toBe(0);
    expect(broker.journal).toHaveLength(2);
    const [asked, proved] = broker.journal;
    const publicKey = asked?.body.public_key;
    const run = { repository: "acme/shop", run_id: 7654321, run_attempt: 2 };
    const job = { id: 42, runner_name: "GitHub Actions 12", name: "deploy" };
    expect(asked).toMatchObject({ method: "POST", path: "/v1/challenges" });
    expect(asked?.body).toEqual({ ...run, public_key: publicKey, job, ref: "refs/heads/main" });
    expect(proved).toMatchObject({ method: "POST", path: "/v1/credentials" });
    expect(proved?.body).toEqual({
      ...run,
      job,
      step: "assume role",
      role,
      duration_seconds: 3600,
      public_key: publicKey,
      ticket,
    });
    expect(JSON.stringify(broker.journal)).not.toContain("canary");
  });

  test("what is not given does not leave", async () => {
    const { broker } = await play({}, { env: { GITHUB_REF: "" } });
    const keys = broker.journal.map(({ body }) => Object.keys(body).toSorted());
    expect(keys).toEqual([
      ["job", "public_key", "repository", "run_attempt", "run_id"],
      ["job", "public_key", "repository", "role", "run_attempt", "run_id", "ticket"],
    ]);
  });

  test("stderr: the announcement alone on its line, the masks, one line of success", async () => {
    const { err, broker } = await play({});
    const announcement = proofLine(String(broker.journal[0]?.body.public_key), challenge);
    const lines = err.trimEnd().split("\n");
    expect(lines[0]).toBe(announcement);
    expect(lines.filter((line) => line !== announcement)).toEqual([
      ...secrets.map((secret) => `::add-mask::${secret}`),
      expect.stringMatching(
        `^actions2aws: credentials for ${role} until ${goodCredentials.Expiration} \\(grant shop-deploy, request ${requestId}\\)$`,
      ),
    ]);
    expect(leaks(err)).toEqual([]);
  });

  test("outside a job nothing is masked", async () => {
    const { code, err } = await play({}, { env: { GITHUB_ACTIONS: "" } });
    expect(code).toBe(0);
    expect(err).not.toContain("::add-mask::");
    expect(leaks(err)).toEqual([]);
  });

  test("each format gets its text, and github-env the file's", async () => {
    const path = join(temporaryFolder(), "env");
    writeFileSync(path, "OLD=1\n");
    const { out } = await play(
      {},
      { flags: { format: "github-env", region: "eu-west-1" }, env: { GITHUB_ENV: path } },
    );
    expect(out).toBe("");
    const text = readFileSync(path, "utf8");
    expect(text.startsWith("OLD=1\nAWS_ACCESS_KEY_ID<<ghadelimiter_")).toBe(true);
    expect(text).toContain("AWS_DEFAULT_REGION<<");
    const json = await play({}, { flags: { format: "json" } });
    expect(JSON.parse(json.out)).toMatchObject({ AWS_SESSION_TOKEN: goodCredentials.SessionToken });
  });

  test("an identity that is there is used", async () => {
    const folder = temporaryFolder();
    const key = generateAgeKey();
    const identity = join(folder, "key");
    writeFileSync(identity, identityFileText(key, 0), { mode: 0o600 });
    const { broker } = await play({}, { flags: { identity } });
    expect(broker.journal[0]?.body.public_key).toBe(key.publicKey);
  });

  test("an identity that others can read is refused before anything is asked", async () => {
    const identity = join(temporaryFolder(), "key");
    writeFileSync(identity, identityFileText(generateAgeKey(), 0), { mode: 0o644 });
    const { code, message, broker } = await play({}, { flags: { identity } });
    expect(code).toBe(1);
    expect(message).toContain("chmod 600");
    expect(broker.journal).toEqual([]);
  });

  test("a profile that may win is warned of", async () => {
    const { err } = await play({}, { env: { AWS_PROFILE: "x", AWS_DEFAULT_PROFILE: "y" } });
    expect(err).toMatch(/warning: AWS_PROFILE is set.*\n.*warning: AWS_DEFAULT_PROFILE is set/);
    expect(
      (await play({}, { flags: { format: "json" }, env: { AWS_PROFILE: "x" } })).err,
    ).not.toContain("warning");
  });
});

describe("waiting", () => {
  test("credentials are asked for at once, and again as Retry-After says, while the line is repeated", async () => {
    const folder = temporaryFolder();
    const announceTo = join(folder, "3.live");
    const pending = problem(409, "proof_pending", {}, { "retry-after": "1" });
    const speed = 10;
    const { code, err, broker } = await play(
      { credentials: [pending, pending, goodAnswer] },
      { flags: { announceTo }, speed },
    );
    expect(code).toBe(0);
    const times = broker.journal.map(({ at }) => at * speed);
    expect(times).toHaveLength(4);
    const [asked = 0, first = 0, second = 0, third = 0] = times;
    expect(first - asked).toBeLessThan(10_000);
    expect(second - first).toBeGreaterThanOrEqual(990);
    expect(third - second).toBeGreaterThanOrEqual(990);
    const printed = err.split("\n").filter((line) => line.startsWith("ACTIONS2AWS PROOF: "));
    expect(printed.length).toBeGreaterThanOrEqual(3);
    const items = readFileSync(announceTo, "utf8").trimEnd().split("\n");
    expect(items).toEqual(printed.map((line, index) => JSON.stringify({ id: index + 1, line })));
  });

  test.each(["challenge_expired", "challenge_invalid"] as const)(
    "%s: a new challenge is asked for, once (F-11)",
    async (code) => {
      const again = await play({ credentials: [problem(403, code), goodAnswer] });
      expect(again.code).toBe(0);
      expect(again.broker.journal.map(({ path }) => path)).toEqual([
        "/v1/challenges",
        "/v1/credentials",
        "/v1/challenges",
        "/v1/credentials",
      ]);
      const never = await play({ credentials: [problem(403, code)] });
      expect(never.code).toBe(3);
      expect(never.broker.journal).toHaveLength(4);
    },
  );

  test("cut off by its own time limit, it repeats the broker's last word", async () => {
    const { code, message } = await play(
      { credentials: [problem(409, "proof_pending", {}, { "retry-after": "0" }), () => {}] },
      { flags: { timeout: "2s" } },
    );
    expect(code).toBe(4);
    expect(message).toContain("proof_pending");
    expect(message).not.toContain("no answer in time");
  });

  test("a broker that is down for ever: few attempts, an end in time, exit 4 (C-17)", async () => {
    const { code, message, broker, out } = await play(
      { challenges: [{ status: 503, headers: { "content-type": "text/html" } }] },
      { flags: { timeout: "30s" }, speed: 20 },
    );
    expect(code).toBe(4);
    expect(message).toMatch(/out of time after 30s.*status 503/);
    expect(out).toBe("");
    expect(broker.journal.length).toBeGreaterThan(2);
    expect(broker.journal.length).toBeLessThan(14);
  });

  test("a broker that is silent ends in time as well", async () => {
    const start = performance.now();
    const { code, message } = await play({ credentials: [() => {}] }, { flags: { timeout: "1s" } });
    expect(code).toBe(4);
    expect(message).toContain("no answer in time");
    expect(performance.now() - start).toBeLessThan(8_000);
  });
});

describe("denials", () => {
  test.each<[number, string, Record<string, unknown>, number, RegExp]>([
    [
      403,
      "no_grant",
      { fields: ["ref", "event"] },
      3,
      /no_grant \(ref, event; request req-\d+\).*ask whoever runs the broker/,
    ],
    [403, "fork", {}, 3, /forks: true/],
    [403, "not_in_progress", {}, 3, /re-run the job/],
    [403, "role_not_granted", {}, 3, /--role/],
    [409, "job_ambiguous", {}, 3, /--job-id/],
    [404, "job_not_found", {}, 3, /--job-id/],
    [502, "aws_denied", {}, 3, /trust policy/],
    [400, "invalid_request", { detail: "role: must be…" }, 3, /invalid_request.*role: must be/],
    [404, "not_found", {}, 1, /path in --url/],
    [413, "too_large", {}, 1, /versions/],
  ])("%d %s", async (status, code, more, exitCode, line) => {
    const {
      code: exit,
      message,
      out,
      broker,
      err,
    } = await play({ credentials: [problem(status, code, more)] });
    expect({ exit, out }).toEqual({ exit: exitCode, out: "" });
    expect(message).toMatch(line);
    expect(message).toContain(requestId);
    expect(broker.journal).toHaveLength(2);
    expect(leaks(err)).toEqual([]);
  });
});

describe("a hostile broker: nothing is written, nothing is printed (C-01)", () => {
  /** What came of it, in the two formats that could do harm. */
  async function effects(script: Script) {
    const path = join(temporaryFolder(), "env");
    writeFileSync(path, "OLD=1\n");
    const found = [];
    for (const format of ["shell", "github-env"]) {
      const setting = { flags: { format, timeout: "2s" }, env: { GITHUB_ENV: path } };
      const { code, message, out, err } = await play(script, setting);
      const strange = err
        .split("\n")
        .filter((line) => !/^(?:ACTIONS2AWS PROOF: age1.*|actions2aws: .*|)$/.test(line));
      found.push({ failed: code !== 0, message, out, strange, file: readFileSync(path, "utf8") });
    }
    return found;
  }

  function nothing(line: RegExp) {
    const one = {
      failed: true,
      message: expect.stringMatching(line),
      out: "",
      strange: [],
      file: "OLD=1\n",
    };
    return [one, one];
  }

  const fields = [
    "AccessKeyId",
    "SecretAccessKey",
    "SessionToken",
    "Expiration",
    "RenewalToken",
  ] as const;

  test.each(fields.flatMap((field) => hostile.map((text) => [field, text] as const)))(
    "%s with %j",
    async (field, text) => {
      const script = {
        credentials: [answerWith({ ...goodCredentials, [field]: goodCredentials[field] + text })],
      };
      expect(await effects(script)).toEqual(nothing(/not used/));
    },
  );

  const elsewhere = generateAgeKey();

  const sealedTo =
    (text: string): Reply =>
    async (asked, response) => {
      const body = {
        challenge,
        ticket: await seal(elsewhere.publicKey, text),
        credentials: await seal(elsewhere.publicKey, text),
      };
      response.writeHead(asked.path.endsWith("challenges") ? 201 : 200, {
        "content-type": "application/json",
      });
      response.end(JSON.stringify(body));
    };

  const scrypt = `-----BEGIN AGE ENCRYPTED FILE-----\n${Buffer.from(
    "age-encryption.org/v1\n-> scrypt rF0/NwblUHHTpgQgRpe5CQ 30\ngUjEymFKMVXQEKdMMHL24oYexjE3TIC0O0zGSqJ2aUY\n--- AAAA",
  ).toString("base64")}\n-----END AGE ENCRYPTED FILE-----\n`;

  const body = (fieldsOf: Record<string, unknown>): Reply => ({ status: 200, body: fieldsOf });

  test.each<[string, Script, RegExp]>([
    ["a ticket for another key", { challenges: [sealedTo(ticket)] }, /cannot be opened/],
    [
      "credentials for another key",
      { credentials: [sealedTo(JSON.stringify(goodCredentials))] },
      /cannot be opened/,
    ],
    [
      "a scrypt stanza that burns hours",
      { credentials: [body({ credentials: scrypt })] },
      /cannot be opened/,
    ],
    [
      "a ticket with a scrypt stanza",
      { challenges: [body({ challenge, ticket: scrypt })] },
      /cannot be opened/,
    ],
    [
      "no age file",
      { credentials: [body({ credentials: JSON.stringify(goodCredentials) })] },
      /cannot be opened/,
    ],
    ["no credentials", { credentials: [body({})] }, /no credentials/],
    ["credentials in the clear", { credentials: [body({ ...goodCredentials })] }, /no credentials/],
    ["no ticket", { challenges: [body({ challenge })] }, /ticket/],
    ["no JSON inside", { credentials: [answerWith("not JSON")] }, /not used/],
    [
      "a redirect",
      { credentials: [{ status: 307, headers: { location: "http://127.0.0.1:1/" } }] },
      /unexpected_redirect/,
    ],
    [
      "HTML",
      { credentials: [{ status: 200, headers: { "content-type": "text/html" }, body: "<html>" }] },
      /does not speak/,
    ],
  ])("%s", async (_name, script, line) => {
    expect(await effects(script)).toEqual(nothing(line));
  });

  test.each<[string, (armored: string) => string]>([
    ["cut off", (armored) => armored.split("\n").toSpliced(-4, 1).join("\n")],
    [
      "with one byte changed",
      (armored) => armored.replace(/(.)(.{20}\n-----END|.{20}\n.*\n-----END)/, flip),
    ],
  ])("a file %s", async (_name, damage) => {
    const reply: Reply = async (asked, response) => {
      const sealed = await seal(String(asked.body.public_key), JSON.stringify(goodCredentials));
      expect(damage(sealed)).not.toBe(sealed);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ credentials: damage(sealed) }));
    };
    expect(await effects({ credentials: [reply] })).toEqual(nothing(/cannot be opened/));
  });

  function flip(_match: string, character: string, rest: string): string {
    return (character === "A" ? "B" : "A") + rest;
  }

  test.each([
    "",
    "short",
    "a b".repeat(9),
    "::add-mask::xxxxxxxxxxxx",
    "x".repeat(17) + "\n::stop-commands::x",
    "x".repeat(201),
    "##[group]xxxxxxxxxxxxx",
    `${challenge}\u001b[31m`,
  ])("the challenge %j never reaches the log", async (text) => {
    const reply: Reply = async (asked, response) => {
      response.writeHead(201, { "content-type": "application/json" });
      response.end(
        JSON.stringify({
          challenge: text,
          ticket: await seal(String(asked.body.public_key), ticket),
        }),
      );
    };
    const { code, err } = await play({ challenges: [reply] });
    expect({ code, err }).toEqual({ code: 1, err: "" });
  });

  test("its words about success cannot command the runner", async () => {
    const outside = {
      grant: "x\n::stop-commands::y",
      renewal_after: "##[error]",
      request_id: "a\r\n::error::b",
    };
    const { code, err } = await play({ credentials: [answerWith(goodCredentials, outside)] });
    expect(code).toBe(0);
    expect(err).not.toMatch(/^::(?!add-mask::)/m);
    expect(err).not.toContain("##[");
    expect(err).not.toContain("\r");
  });
});

test("no command file, no identity outside its folder: nothing else is left behind", async () => {
  const { folder } = await play({ challenges: [goodChallenge] });
  expect(readdirSync(folder)).toEqual(["actions2aws"]);
  expect(readdirSync(join(folder, "actions2aws"))).toEqual(["identity"]);
  expect(existsSync(join(folder, "env"))).toBe(false);
});
