import { describe, expect, test } from "vitest";
import { audienceFor, findTokenService } from "../../src/cli/oidc-token.ts";
import { type Call, requestIn } from "./request-scene.ts";
import {
  freshAnswers,
  goodAnswer,
  problem,
  type Reply,
  type Script,
  scriptedBroker,
  ticket,
} from "../harness/scripted-broker.ts";
import { temporaryFolder } from "./test-host.ts";
import { answer, bearer, tokenService } from "../harness/token-service.ts";

const wantsLog = problem(403, "no_grant", { fields: ["proof"] });

async function play(script: Script, call: Call = {}, tokens = tokenService()) {
  const service = await tokens;
  const broker = await scriptedBroker(script);
  const ended = await requestIn(temporaryFolder(), broker, {
    ...call,
    env: { ...service.env, ...call.env },
  });
  return { ...ended, broker, service, paths: broker.journal.map(({ path }) => path.slice(4)) };
}

/** Neither bearer nor token is shown, but behind a mask. */
function expectHidden({ out, err, message, service }: Awaited<ReturnType<typeof play>>): void {
  const lines = err.split("\n").filter((line) => !line.startsWith("::add-mask::"));
  for (const secret of [bearer, ...service.given]) {
    expect(lines.join("\n")).not.toContain(secret);
    expect(out).not.toContain(secret);
    expect(message).not.toContain(secret);
  }
}

describe("a token is there", () => {
  test.each(["auto", "oidc"])(
    "%s: one request with exactly the contract's fields",
    async (proof) => {
      const played = await play({}, { flags: { proof, step: "assume role" } });
      const { code, broker, service, err, paths } = played;
      expect({ code, paths }).toEqual({ code: 0, paths: ["credentials"] });
      const [asked] = broker.journal;
      const publicKey = String(asked?.body.public_key);
      expect(asked?.body).toEqual({
        repository: "acme/shop",
        run_id: 7654321,
        run_attempt: 2,
        job: { runner_name: "GitHub Actions 12", name: "deploy" },
        step: "assume role",
        role: "arn:aws:iam::609629065308:role/shop-deploy",
        public_key: publicKey,
        oidc_token: service.given[0],
      });
      expect(service.audiences).toEqual([`${broker.url}#${publicKey}`]);
      expect(err).not.toContain("ACTIONS2AWS PROOF");
      expectHidden(played);
    },
  );

  test("it is asked for as the runner's toolkit does, and masked before all else", async () => {
    const played = await play({});
    const { service, err } = played;
    expect(service.journal).toHaveLength(1);
    expect(service.journal[0]).toMatchObject({
      method: "GET",
      headers: { authorization: `bearer ${bearer}`, accept: "application/json" },
    });
    expect(service.journal[0]?.url.searchParams.get("api-version")).toBe("2.0");
    expect(err.split("\n")[0]).toBe(`::add-mask::${service.given[0]}`);
    expectHidden(played);
  });

  test("log: it is not even asked for", async () => {
    const { code, paths, service } = await play({}, { flags: { proof: "log" } });
    expect({ code, paths }).toEqual({ code: 0, paths: ["challenges", "credentials"] });
    expect(service.journal).toEqual([]);
  });

  test("outside a job nothing is masked, and the token is not shown", async () => {
    const { code, err } = await play({}, { env: { GITHUB_ACTIONS: "" } });
    expect(code).toBe(0);
    expect(err).not.toContain("eyJ");
  });

  test("with credential-process, whose stderr an AWS tool may quote, it is on stderr in no way", async () => {
    const denied = problem(403, "role_not_granted");
    const { code, err } = await play(
      { credentials: [denied] },
      { flags: { format: "credential-process" } },
    );
    expect({ code, err }).toEqual({ code: 3, err: "" });
  });
});

describe("the broker wants the log", () => {
  test("auto: then ticket and a fresh token go together", async () => {
    const played = await play({ credentials: [wantsLog, goodAnswer] });
    const { code, paths, broker, service } = played;
    expect({ code, paths }).toEqual({
      code: 0,
      paths: ["credentials", "challenges", "credentials"],
    });
    expect(service.given).toHaveLength(2);
    expect(broker.journal[0]?.body).not.toHaveProperty("ticket");
    expect(broker.journal[2]?.body).toMatchObject({ ticket, oidc_token: service.given[1] });
    expectHidden(played);
  });

  test("the same token goes with each repetition, so that the broker knows it again", async () => {
    const pending = problem(409, "proof_pending", {}, { "retry-after": "0" });
    const { code, broker, service } = await play({
      credentials: [wantsLog, pending, pending, goodAnswer],
    });
    expect(code).toBe(0);
    expect(service.given).toHaveLength(2);
    expect(broker.journal.slice(2).map(({ body }) => body.oidc_token)).toEqual(
      Array.from({ length: 3 }, () => service.given[1]),
    );
  });

  test("oidc: that is a no", async () => {
    const { code, message, paths, err } = await play(
      { credentials: [wantsLog] },
      { flags: { proof: "oidc" } },
    );
    expect({ code, paths }).toEqual({ code: 3, paths: ["credentials"] });
    expect(message).toContain("no_grant (proof;");
    expect(err).not.toContain("ACTIONS2AWS PROOF");
  });

  test.each<[string, Reply]>([
    ["more than the proof", problem(403, "no_grant", { fields: ["proof", "ref"] })],
    ["another field", problem(403, "no_grant", { fields: ["ref"] })],
    ["no field", problem(403, "no_grant")],
    ["another code", problem(403, "fork", { fields: ["proof"] })],
  ])("%s does not fit: auto ends there", async (_name, reply) => {
    const { code, paths } = await play({ credentials: [reply] });
    expect({ code, paths }).toEqual({ code: 3, paths: ["credentials"] });
  });
});

test("a broker that takes no tokens: auto says so, and proves by the log alone", async () => {
  const refused = problem(401, "oidc_invalid", { detail: "this broker has no public_url" });
  const { code, err, broker, paths } = await play({ credentials: [refused, goodAnswer] });
  expect({ code, paths }).toEqual({ code: 0, paths: ["credentials", "challenges", "credentials"] });
  expect(err).toMatch(/oidc_invalid.*going on with the log proof/);
  expect(broker.journal[2]?.body).not.toHaveProperty("oidc_token");
  const strict = await play({ credentials: [refused] }, { flags: { proof: "oidc" } });
  expect({ code: strict.code, paths: strict.paths }).toEqual({ code: 3, paths: ["credentials"] });
});

test.each(["auto", "oidc"])(
  "%s: a token that is used up, though nobody has answered: another one, once",
  async (proof) => {
    const spent = problem(401, "oidc_invalid", {}, { "retry-after": "1" });
    const played = await play({ credentials: [spent, goodAnswer] }, { flags: { proof } });
    const { code, paths, broker, service } = played;
    expect({ code, paths }).toEqual({ code: 0, paths: ["credentials", "credentials"] });
    expect(broker.journal.map(({ body }) => body.oidc_token)).toEqual(service.given);
    expect(new Set(service.given).size).toBe(2);
    expectHidden(played);
    const always = await play({ credentials: [spent] }, { flags: { proof: "oidc" } });
    expect({ code: always.code, paths: always.paths }).toEqual({
      code: 3,
      paths: ["credentials", "credentials"],
    });
  },
);

describe("no token is there", () => {
  const without = { ACTIONS_ID_TOKEN_REQUEST_URL: "", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "" };

  test.each([
    without,
    { ACTIONS_ID_TOKEN_REQUEST_URL: "" },
    { ACTIONS_ID_TOKEN_REQUEST_TOKEN: "" },
  ])("auto: the log proof", async (env) => {
    const { code, paths, broker } = await play({}, { env });
    expect({ code, paths }).toEqual({ code: 0, paths: ["challenges", "credentials"] });
    expect(broker.journal[1]?.body).not.toHaveProperty("oidc_token");
  });

  test("oidc: exit 2, and what to do", async () => {
    const { code, message, paths } = await play({}, { env: without, flags: { proof: "oidc" } });
    expect({ code, paths }).toEqual({ code: 2, paths: [] });
    expect(message).toContain("permissions: id-token: write");
  });
});

describe("the token service", () => {
  test.each<[string, number, number]>([
    ["a refusal", 403, 1],
    ["an unknown address", 404, 1],
    ["trouble", 503, 4],
    ["too many", 429, 4],
  ])("%s: asked %#", async (_name, status, times) => {
    const refuses = () =>
      tokenService([(_asked, response) => answer(response, status, { secret: bearer })]);
    const strict = await play({}, { flags: { proof: "oidc" }, speed: 20 }, refuses());
    expect(strict.code).toBe(times === 1 ? 3 : 4);
    expect(strict.message).toContain(`status ${status}`);
    expect(strict.service.journal).toHaveLength(times);
    expect(strict.broker.journal).toEqual([]);
    expectHidden(strict);
    const auto = await play({}, { speed: 20 }, refuses());
    expect({ code: auto.code, paths: auto.paths }).toEqual({
      code: 0,
      paths: ["challenges", "credentials"],
    });
    expect(auto.err).toMatch(/GitHub gives no OIDC token.*going on with the log proof/);
  });

  test("trouble that passes is no trouble", async () => {
    const failing = (_asked: unknown, response: Parameters<typeof answer>[0]) =>
      answer(response, 502, "");
    const good = (_asked: unknown, response: Parameters<typeof answer>[0]) =>
      answer(response, 200, { value: "a.b.c" });
    const { code, broker } = await play({}, { speed: 20 }, tokenService([failing, failing, good]));
    expect(code).toBe(0);
    expect(broker.journal[0]?.body.oidc_token).toBe("a.b.c");
  });

  test.each<[string, unknown]>([
    ["no JSON", "<html>"],
    ["no value", { count: 1 }],
    ["a value of another kind", { value: 7 }],
    ["line ends", { value: "a.b.c\n::stop-commands::x" }],
    ["a text that is no token", { value: "hello" }],
    ["null", "null"],
  ])("an answer with %s is none", async (_name, body) => {
    const service = tokenService([(_asked, response) => answer(response, 200, body)]);
    const { code, message, err } = await play({}, { flags: { proof: "oidc" } }, service);
    expect(code).toBe(3);
    expect(message).toContain("its answer holds no token");
    expect(err).toBe("");
  });

  test("more than 32 KiB are not read", async () => {
    const service = tokenService([
      (_asked, response) => answer(response, 200, { value: `a.${"b".repeat(33_000)}.c` }),
    ]);
    const { code, message } = await play({}, {}, service);
    expect(code).toBe(1);
    expect(message).toMatch(/token service's answer is too large/);
  });

  test.each([301, 302, 307, 308])("a redirect (%d) is not followed (C-04)", async (status) => {
    const elsewhere = await tokenService();
    const location = elsewhere.env.ACTIONS_ID_TOKEN_REQUEST_URL ?? "";
    const service = tokenService([
      (_asked, response) => response.writeHead(status, { location }).end(),
    ]);
    const { code, message } = await play({}, {}, service);
    expect(code).toBe(1);
    expect(message).toContain("unexpected_redirect: the token service");
    expect(elsewhere.journal).toEqual([]);
  });

  test("silence ends in time", async () => {
    const { code, message } = await play(
      {},
      { flags: { proof: "oidc", timeout: "2s" } },
      tokenService([() => {}]),
    );
    expect(code).toBe(4);
    expect(message).toContain("no answer in time");
  });
});

test.each([
  "http://example.com/token",
  "http://127.0.0.1.example.com/",
  "ftp://127.0.0.1/",
  "https://user:p@example.com/",
  "https://exa mple.com/",
  "https://example.com/#x",
  "//example.com",
  "https://example.com/\n",
  "https:\\\\example.com",
])("ACTIONS_ID_TOKEN_REQUEST_URL=%j is refused, and the bearer goes nowhere", async (url) => {
  const env = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer };
  expect(() => findTokenService(env)).toThrow(/not as the runner sets them/);
  const { code, paths } = await play({}, { env });
  expect({ code, paths }).toEqual({ code: 1, paths: [] });
});

test("a bearer with a line end is refused", () => {
  expect(() =>
    findTokenService({
      ACTIONS_ID_TOKEN_REQUEST_URL: "https://x.example/",
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "a\r\nx: y",
    }),
  ).toThrow(/not as the runner sets them/);
});

test.each([
  ["https://b.example", "https://b.example#age1x"],
  ["https://b.example/", "https://b.example#age1x"],
  ["https://b.example/base/", "https://b.example/base#age1x"],
  ["https://B.Example:443/base", "https://b.example/base#age1x"],
  ["https://b.example:8443", "https://b.example:8443#age1x"],
])("the audience for --url %s", (url, audience) => {
  expect(audienceFor(new URL(url), "age1x")).toBe(audience);
});

test("--duration is sent only when it is asked for", async () => {
  const { broker } = await play({ credentials: [freshAnswers()] });
  expect(broker.journal[0]?.body).not.toHaveProperty("duration_seconds");
});
