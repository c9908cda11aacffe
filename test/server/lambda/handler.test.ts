import { describe, expect, test } from "vitest";
import type { Body } from "../../harness/client.ts";
import { grantLike, roleOf } from "../../harness/config.ts";
import { exchange, requestText, statusesIn } from "../../harness/connection.ts";
import { askAsOriginal, newOriginalKey, openedBy } from "../../harness/original.ts";
import { ask } from "../../world/ask.ts";
import { LambdaFunction, publicUrl } from "./function.ts";

const byToken = grantLike("by-token", { proof: "oidc", step: undefined, job: undefined });
const json = { "content-type": "application/json" };

describe("a job behind API Gateway", () => {
  test("proves itself by its log, has its role, and renews it", async () => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    const { RenewalToken, ...given } = await client.obtain();
    expect(given).toMatchObject({ AccessKeyId: expect.stringMatching(/^ASIA/) });
    await expect(client.credentialsIn(await client.renew(RenewalToken))).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
    expect(it.world.sts.assumed).toMatchObject([
      { roleArn: roleOf("app-deploy"), externalId: "acme/app" },
      { roleArn: roleOf("app-deploy"), externalId: "acme/app" },
    ]);
    expect(it.records).toMatchObject([
      { decision: "allowed", proof: "log", client_address: "192.0.2.7" },
      { decision: "allowed", proof: "renewal", client_address: "192.0.2.7" },
    ]);
    expect(it.text).not.toContain("canary");
  });

  test("proves itself by a token of GitHub's", async () => {
    const it = await LambdaFunction.open({ grants: [byToken] });
    const client = await it.client();
    const role = roleOf("by-token");
    const reply = await client.askByToken(client.token(publicUrl), { role });
    await expect(client.credentialsIn(reply)).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
    });
    expect(it.world.github.journal).toEqual([]);
  });

  test("is refused without AWS being asked, and the honest one beside it is not", async () => {
    const it = await LambdaFunction.open({ grants: [byToken] });
    const client = await it.client();
    const role = roleOf("by-token");
    const token = client.token("https://other.example.com");
    expect((await client.askByToken(token, { role })).json).toMatchObject({ code: "oidc_invalid" });
    const unknown = await client.attempt({ role: roleOf("admin") });
    expect(unknown.json).toMatchObject({ code: "role_not_granted" });
    expect(unknown.headers.get("content-type")).toBe("application/problem+json");
    expect(it.world.sts.journal).toEqual([]);
    expect(it.records.map(({ code }) => code)).toEqual(["oidc_invalid", "role_not_granted"]);
    await client.obtain();
    expect(it.world.sts.assumed).toHaveLength(1);
  });

  test("with the original's client gets the original's binary answer", async () => {
    const it = await LambdaFunction.open({ grants: [grantLike("legacy", { legacy: true })] });
    const { github } = it.world;
    const key = await newOriginalKey();
    const job = github.addJob(github.addRun(it.golden.repository));
    const step = github.addStep(job);
    github.say(job, step, key.line);
    github.completeStep(job, step, "success");
    github.addStep(job, { name: "request" });
    const reply = await askAsOriginal({ broker: { url: it.gateway.url }, replies: [] }, job);
    expect(reply.headers.get("content-type")).toBe("application/octet-stream");
    await expect(openedBy(key, reply)).resolves.toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
      Expiry: expect.any(String),
    });
  });

  test("asks again for what it was given, and gets the same (F-06)", async () => {
    const it = await LambdaFunction.open();
    const client = await it.client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const first = await client.ask(challenge);
    expect((await client.ask(challenge)).text).toBe(first.text);
    expect(it.world.sts.issued).toHaveLength(1);
  });
});

describe("whose request it is", () => {
  const limits = { limits: { per_address: "2/h" } };
  const post = (it: LambdaFunction, from: string): Promise<number> =>
    ask(
      `${it.gateway.url}/v1/credentials`,
      { ...json, "x-forwarded-for": from },
      { method: "POST", body: "{}" },
    ).then(({ status }) => status);
  const addresses = (it: LambdaFunction): unknown[] =>
    it.records.map((record) => record.client_address);

  test("says API Gateway, and not the caller (H-10)", async () => {
    const it = await LambdaFunction.open({ settings: limits });
    for (const from of ["198.51.100.1", "198.51.100.2, 198.51.100.3"]) await post(it, from);
    expect(addresses(it)).toEqual(["192.0.2.7", "192.0.2.7"]);
  });

  test("says a CloudFront before it, if it is trusted", async () => {
    const it = await LambdaFunction.open({ settings: { trusted_proxies: ["130.176.0.0/16"] } });
    it.gateway.sourceIp = "130.176.1.1";
    await post(it, "10.9.9.9, 198.51.100.1");
    it.gateway.sourceIp = "192.0.2.8";
    await post(it, "198.51.100.2");
    expect(addresses(it)).toEqual(["198.51.100.1", "192.0.2.8"]);
  });
});

describe("what API Gateway passes on is taken as the listener takes it", () => {
  test.each<[string, string, string, Record<string, string>, string | undefined, number, string]>([
    ["an unknown path", "GET", "/nothing", {}, undefined, 404, "not_found"],
    ["a path of somebody else's", "POST", "/v1/credentials/", json, "{}", 404, "not_found"],
    ["H-18: a folded path", "POST", "//v1/credentials", json, "{}", 404, "not_found"],
    ["H-18: an encoded path", "POST", "/v1/%63redentials", json, "{}", 404, "not_found"],
    ["H-18: a query", "POST", "/v1/credentials?x", json, "{}", 404, "not_found"],
    ["another method", "GET", "/v1/credentials", {}, undefined, 405, "method_not_allowed"],
    [
      "H-16: a form",
      "POST",
      "/v1/credentials",
      { "content-type": "text/plain" },
      "{}",
      415,
      "unsupported_media_type",
    ],
    ["no type", "POST", "/v1/credentials", {}, "{}", 415, "unsupported_media_type"],
    ["H-17: too much", "POST", "/v1/credentials", json, "x".repeat(33 * 1024), 413, "too_large"],
    ["no body", "POST", "/v1/credentials", json, undefined, 400, "invalid_request"],
    ["what is no JSON", "POST", "/v1/credentials", json, "\u0000", 400, "invalid_request"],
  ])("%s", async (_, method, path, headers, body, status, code) => {
    const it = await LambdaFunction.open();
    const init = { method, ...(body !== undefined && { body }) };
    const reply = await ask(it.gateway.url + path, headers, init);
    expect([reply.status, (reply.json as Body).code]).toEqual([status, code]);
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(it.world.github.journal).toEqual([]);
    await (await it.client()).obtain();
  });

  test("a method that no Request has, which is no error of the function's", async () => {
    const it = await LambdaFunction.open();
    const text = await exchange(
      it.gateway.url,
      requestText("/v1/credentials", "", { method: "TRACE" }),
    );
    expect([statusesIn(text), text]).toEqual([
      ["405"],
      expect.stringContaining('"code":"method_not_allowed"'),
    ]);
  });

  test("the description of the interface, and that it has not changed", async () => {
    const it = await LambdaFunction.open();
    const { json: document, headers } = await ask(`${it.gateway.url}/openapi.json`);
    expect(document).toMatchObject({ openapi: expect.stringMatching(/^3\./) });
    const etag = headers.get("etag") ?? "";
    const again = await ask(`${it.gateway.url}/openapi.json`, { "if-none-match": etag });
    expect([again.status, again.text]).toEqual([304, ""]);
    expect((await ask(`${it.gateway.url}/openapi.json`, {}, { method: "HEAD" })).status).toBe(200);
  });

  test("a stage that has a name stands before the path, and public_url's path may", async () => {
    const it = await LambdaFunction.open({ settings: { public_url: `${publicUrl}/broker` } });
    it.gateway.stage = "prod";
    await (await it.client()).obtain();
    const { status } = await ask(`${it.gateway.url}/broker/v1/credentials`);
    expect(status).toBe(405);
    it.gateway.stage = "$default";
    expect((await ask(`${it.gateway.url}/prod/v1/credentials`)).status).toBe(404);
  });
});
