import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Bench } from "../harness/bench.ts";
import { Machine } from "../harness/machine.ts";
import { OperatedProgram } from "../harness/operated-program.ts";
import { actions2aws } from "../harness/program.ts";
import { makeFolder } from "../server/folder.ts";

/** There is no level to set. These are what programs like ours are made to say more by. */
const loud = {
  DEBUG: "*",
  LOG_LEVEL: "trace",
  PINO_LOG_LEVEL: "trace",
  NODE_DEBUG_NATIVE: "*",
  AWS_SDK_LOAD_CONFIG: "1",
  AWS_SESSION_TOKEN: "canary/session/token/of/the/broker",
};

test("a broker that is told to say all that it can tells no secret (F-20)", async () => {
  const bench = await Bench.start({ attacks: true, broker: { env: loud } });
  onTestFinished(() => bench.stop());
  bench.begin();
  const client = await bench.client();
  const first = await client.obtain();
  expect((await client.renew(first.RenewalToken)).status).toBe(200);
  await client.renew(`${first.RenewalToken}x`);
  const refusal = bench.world.sts.refuse("AccessDenied");
  await (await bench.client()).attempt();
  refusal.remove();
  bench.world.github.session.state = "sign-in-page";
  await (await bench.client()).attempt();
  bench.world.github.session.state = "signed-in";
  await bench.ask(
    "/v1/credentials",
    { "content-type": "application/json" },
    { method: "POST", body: "{" },
  );
  // STS is shown its session token, and its journal may hold that.
  bench.world.sts.journal.forEach(({ headers }) => delete headers["x-amz-security-token"]);
  await bench.check();
});

test("a store's password is in no library's trace (F-20)", async () => {
  // Redis, as far as somebody has to be who says yes to all.
  let heard = "";
  const redis = createServer((socket: Socket) => {
    socket.on("data", (data) => {
      heard += data.toString();
      socket.write("+OK\r\n".repeat(data.toString().split(/\*\d+\r\n/).length - 1));
    });
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => redis.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void redis.close());
  const { port } = redis.address() as AddressInfo;
  const password = "canary-password-of-the-store";
  const settings = { store: `redis://127.0.0.1:${port}` };
  const bench = await Bench.start({
    settings,
    broker: { env: { ...loud, ACTIONS2AWS_STORE_PASSWORD: password } },
  });
  onTestFinished(() => bench.stop());
  await vi.waitFor(() => expect(heard).toContain(password), 10_000);
  expect(bench.broker.stdout + bench.broker.stderr).not.toContain("canary");
});

describe("NODE_DEBUG, by which Node itself prints headers and bodies,", () => {
  const secrets = { GITHUB_TOKEN: "canary", GITHUB_USER_SESSION: "canary" };
  test.for([
    ["serve", "--config", "any.yml"],
    ["record", "--repository", "acme/app", "--run", "1", "--out", "new"],
  ])("keeps %s from starting (F-20)", async (words) => {
    const ended = await actions2aws(words, { ...secrets, NODE_DEBUG: "http,net" });
    expect(ended).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^actions2aws: NODE_DEBUG prints .*: unset it\n$/m);
    expect(ended.stderr).not.toContain("canary");
  });

  test("keeps request from asking (F-20)", async () => {
    const machine = await Machine.in(makeFolder());
    const words = [
      "request",
      "--url",
      "http://127.0.0.1:1",
      "--role",
      "arn:aws:iam::123456789012:role/x",
    ];
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: "http://127.0.0.1:1/",
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "canary",
    };
    const ended = await machine.run(words, { env: { ...env, NODE_DEBUG: "http,net" } });
    expect(ended).toMatchObject({ exitCode: 1, stdout: "false\n" });
    expect(ended.stderr).toContain("NODE_DEBUG prints what is sent");
    expect(ended.stderr).not.toContain("canary");
  });
});

describe("an API token that can do more than it has to", () => {
  const scoped = (scopes: string) =>
    OperatedProgram.start({
      environment: ({ github }) => {
        github.api.fault({ match: /^\/rate_limit/, headers: { "x-oauth-scopes": scopes } });
        return {};
      },
    });

  test.for([
    ["repo", ["repo"]],
    ["read:org, workflow, admin:org", ["workflow", "admin:org"]],
  ] as const)("(%s) is warned of in the log, and works (F-19)", async ([scopes, told]) => {
    const it = await scoped(scopes);
    await it.until(() => it.log.some((line) => line.scopes !== undefined));
    expect(it.log.filter((line) => line.scopes !== undefined)).toMatchObject([
      { level: 40, scopes: told, msg: expect.stringContaining("fine-grained token") },
    ]);
    await (await it.client()).obtain();
  });

  test.for(["", "read:org, user:email"])("(%j) is not (F-19)", async (scopes) => {
    const it = await scoped(scopes);
    expect((await it.get("/readyz")).status).toBe(200);
    expect(it.log.filter((line) => line.scopes !== undefined)).toEqual([]);
  });
});
