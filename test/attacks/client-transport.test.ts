import { existsSync, writeFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import { recordingProxy } from "../harness/recording-proxy.ts";
import { answerWith, type Reply, ScriptedBrokers } from "../harness/scripted-broker.ts";
import { certificateFile, tls } from "../harness/tls.ts";
import { answer, tokenService } from "../harness/token-service.ts";
import { attempt, expectNothing } from "../harness/ways.ts";

const clients = useClients();

describe.concurrent("an address that is not https is refused, and not repeated (C-03):", () => {
  test.for([
    "http://broker.example.com",
    "HTTP://BROKER.EXAMPLE.COM",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://127.0.0.1@evil.example",
    "http://evil.example#@127.0.0.1",
    "http://0.0.0.0",
    "http://[::ffff:127.0.0.1]",
    "https://user:canary@broker.example.com",
    "https://canary@broker.example.com",
    "https://@broker.example.com",
    "file:///etc/canary",
    "ftp://broker.example.com",
    "javascript:canary()",
    "//broker.example.com",
    "broker.example.com",
    "https:broker.example.com",
    "https:\\\\broker.example.com",
    "https://broker.example.com\\@evil.example",
    "https://broker.example.com\nX-Canary: 1",
    " https://broker.example.com",
    "https://broker.example.com/ canary",
    "https://broker.example.com?canary",
    "https://broker.example.com#canary",
    "https://",
    "https://[",
    "",
  ])("%j", async (url) => {
    const ended = await attempt(await clients().machine(), { url }, "shell");
    expectNothing(ended);
    expect(ended.exitCode).toBe(2);
  });
});

const statuses = [300, 301, 302, 303, 307, 308];

describe("a redirect is never followed, and nothing goes where it points (C-04):", () => {
  const to = (url: string, status: number): Reply => ({
    status,
    headers: { location: `${url}/v1/credentials`, refresh: `0; url=${url}/v1/credentials` },
  });

  test.concurrent.for(
    statuses.flatMap((status) =>
      ["challenges", "credentials"].map((asked) => [status, asked] as const),
    ),
  )("%d instead of %s", async ([status, asked]) => {
    const elsewhere = clients().broker();
    const broker = clients().broker({ [asked]: [to(elsewhere.url, status)] });
    const ended = await attempt(await clients().machine(), broker, "github-env");
    expectNothing(ended);
    expect(ended).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("unexpected_redirect"),
    });
    expect(elsewhere.journal).toEqual([]);
  });

  test.concurrent("a header that has a browser go elsewhere is not heard", async () => {
    const elsewhere = clients().broker();
    const broker = clients().broker({
      credentials: [
        async (asked, response) => {
          response.setHeader("refresh", `0; url=${elsewhere.url}`);
          response.setHeader("location", elsewhere.url);
          response.setHeader("alt-svc", `h2="${new URL(elsewhere.url).host}"`);
          const reply = answerWith(canaries);
          if (typeof reply === "function") await reply(asked, response);
        },
      ],
    });
    expect(await attempt(await clients().machine(), broker, "json")).toMatchObject({ exitCode: 0 });
    expect(elsewhere.journal).toEqual([]);
  });

  test.for(statuses)(
    "%d from the service that gives tokens takes the bearer nowhere",
    async (status) => {
      const elsewhere = clients().broker();
      const broker = clients().broker();
      const service = await tokenService([
        (_asked, response) => void response.writeHead(status, { location: elsewhere.url }).end(),
      ]);
      const ended = await attempt(await clients().machine(), broker, "shell", {
        more: ["--proof", "oidc"],
        env: service.env,
      });
      expectNothing(ended);
      expect(ended.stderr).toContain("unexpected_redirect");
      expect([...elsewhere.journal, ...broker.journal]).toEqual([]);
    },
  );

  test("instead of a renewal it takes the renewal token nowhere", async () => {
    const elsewhere = clients().broker();
    const short = { ...canaries, Expiration: new Date(Date.now() + 12_000).toISOString() };
    const broker = clients().broker({
      credentials: [answerWith(short, { renewal_after: new Date().toISOString() })],
      renewals: [to(elsewhere.url, 307)],
    });
    const machine = await clients().machine();
    const ask = () => attempt(machine, broker, "credential-process");
    expect(await ask()).toMatchObject({ exitCode: 0 });
    await vi.waitFor(async () => expect((await ask()).stderr).toContain("unexpected_redirect"), {
      timeout: 18_000,
      interval: 500,
    });
    expect(broker.asked("/v1/renewals")[0]?.body).toEqual({ renewal_token: canaries.RenewalToken });
    expect(elsewhere.journal).toEqual([]);
  });
});

/** A broker as it is outside of this machine: with a certificate. */
async function secureBroker() {
  const brokers = await ScriptedBrokers.start(tls);
  onTestFinished(() => brokers.close());
  return brokers.at("", { credentials: [answerWith(canaries)] });
}

describe("a proxy", () => {
  const trusted = { NODE_EXTRA_CA_CERTS: certificateFile };

  test.for(["HTTPS_PROXY", "https_proxy"])(
    "that an earlier step has set by %s is told, and sees CONNECT and TLS alone (C-10)",
    async (name) => {
      const broker = await secureBroker();
      const proxy = await recordingProxy(broker.port);
      const env = { ...trusted, [name]: proxy.url };
      const url = "https://broker.test/base";
      const ended = await attempt(await clients().machine(), { url }, "json", { env });
      expect(ended).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining(`is asked through ${new URL(proxy.url).host}`),
      });
      expect(proxy.seen).toEqual(["CONNECT broker.test:443"]);
      expect(proxy.sent.join("")).toMatch(/^\u0016\u0003/);
      expect(proxy.sent.join("")).not.toMatch(/age1|acme|arn:|POST/);
      expect(broker.journal).toHaveLength(2);
    },
  );

  test("is not asked for what is on this machine, by no variable (C-10)", async () => {
    const proxy = await recordingProxy(1);
    const names = [
      "HTTP_PROXY",
      "http_proxy",
      "HTTPS_PROXY",
      "https_proxy",
      "ALL_PROXY",
      "all_proxy",
    ];
    const env = {
      ...Object.fromEntries(names.map((name) => [name, proxy.url])),
      NODE_USE_ENV_PROXY: "1",
      REQUEST_METHOD: "POST",
    };
    const broker = clients().broker();
    const service = await tokenService();
    const ended = await attempt(await clients().machine(), broker, "json", {
      env: { ...env, ...service.env },
    });
    expect(ended.exitCode).toBe(0);
    expect([broker.journal.length, service.journal.length]).toEqual([1, 1]);
    const secure = { url: `https://localhost:${(await secureBroker()).port}` };
    const other = await clients().machine();
    expect(await attempt(other, secure, "json", { env: { ...env, ...trusted } })).toMatchObject({
      exitCode: 0,
    });
    expect(proxy.seen).toEqual([]);
  });

  test("that speaks for the broker itself has no certificate that fits (C-10)", async () => {
    const impostor = await secureBroker();
    const proxy = await recordingProxy(impostor.port);
    const env = { ...trusted, HTTPS_PROXY: proxy.url };
    const url = "https://broker.example.com";
    const ended = await attempt(await clients().machine(), { url }, "github-env", { env });
    expectNothing(ended);
    expect(ended.stderr).toMatch(/the broker's certificate is not accepted \([A-Z_]+\)/);
    expect(impostor.journal).toEqual([]);
  });
});

describe("what earlier steps have set (C-11):", () => {
  test.for([
    ["nothing", {}],
    ["the system's certificates", { SSL_CERT_FILE: certificateFile, SSL_CERT_DIR: "/" }],
    ["an option for Node", { SSL_CERT_FILE: certificateFile, NODE_OPTIONS: "--use-openssl-ca" }],
    ["npm's option", { npm_config_strict_ssl: "false", NODE_TLS_REJECT_UNAUTHORIZED: "" }],
  ] as const)("with %s, a certificate that nobody vouches for is refused", async ([, env]) => {
    const broker = await secureBroker();
    const url = `https://localhost:${broker.port}`;
    const ended = await attempt(await clients().machine(), { url }, "shell", { env });
    expectNothing(ended);
    expect(ended.stderr).toMatch(/the broker's certificate is not accepted \([A-Z_]+\)/);
    expect(broker.journal).toEqual([]);
  });

  test("with certificates unchecked nobody is asked, not even for a token", async () => {
    const service = await tokenService();
    const broker = clients().broker();
    const secure = await secureBroker();
    const env = { ...service.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    for (const url of [broker.url, `https://localhost:${secure.port}`]) {
      const ended = await attempt(await clients().machine(), { url }, "shell", { env });
      expectNothing(ended);
      expect(ended.stderr).toContain("NODE_TLS_REJECT_UNAUTHORIZED=0");
    }
    expect([...broker.journal, ...secure.journal, ...service.journal]).toEqual([]);
  });

  test("code that Node would load is not loaded", async () => {
    const machine = await clients().machine();
    const script = machine.in("temp/evil.cjs");
    const trace = machine.in("home/trace");
    writeFileSync(script, `require("fs").writeFileSync(${JSON.stringify(trace)}, "");`);
    const env = {
      NODE_OPTIONS: `--require=${script}`,
      NODE_PATH: machine.in("temp"),
      BASH_ENV: script,
    };
    const ended = await attempt(machine, clients().broker(), "shell", { env });
    expect(ended.exitCode).toBe(0);
    expect(existsSync(trace)).toBe(false);
    // It would have been loaded: a Node that is not ours does.
    const other = await machine.run(["node -e 0"], {
      shell: ["sh"],
      env: { ...env, PATH: process.env.PATH ?? "" },
    });
    expect([other.exitCode, existsSync(trace)]).toEqual([0, true]);
  });

  test("a service for tokens on another machine, without TLS, is not asked", async () => {
    const broker = clients().broker();
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: "http://tokens.example.com/?x",
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "canary-bearer",
    };
    const ended = await attempt(await clients().machine(), broker, "shell", { env });
    expectNothing(ended);
    expect(broker.journal).toEqual([]);
  });

  test.for(["x\n::add-mask::y", "$(id).b.c", "a.b", 7, { a: 1 }])(
    "a service for tokens that gives %j gives none",
    async (value) => {
      const broker = clients().broker();
      const service = await tokenService([(_asked, response) => answer(response, 200, { value })]);
      const ended = await attempt(await clients().machine(), broker, "shell", {
        more: ["--proof", "oidc"],
        env: service.env,
      });
      expectNothing(ended);
      expect(broker.journal).toEqual([]);
    },
  );
});
