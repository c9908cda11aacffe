import { createPublicKey, verify, type JsonWebKey } from "node:crypto";

import { afterEach, beforeEach, expect, test } from "vitest";

import { ask } from "./ask.ts";
import { startWorld, type Golden, type World } from "./index.ts";
import { signingKey } from "./issuer/keys.ts";

let world: World;
let golden: Golden;

beforeEach(async () => {
  world = await startWorld();
  golden = world.github.golden();
});
afterEach(() => world.close());

async function jwks(): Promise<(JsonWebKey & { kid: string })[]> {
  const discovery = await ask(`${world.issuer.url}/.well-known/openid-configuration`);
  expect(discovery.json).toMatchObject({
    issuer: world.issuer.url,
    id_token_signing_alg_values_supported: ["RS256"],
  });
  return Object((await ask(Object(discovery.json).jwks_uri)).json).keys;
}

function read(jwt: string, part: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split(".")[part] ?? "", "base64url").toString());
}

async function valid(jwt: string): Promise<boolean> {
  const key = (await jwks()).find(({ kid }) => kid === read(jwt, 0)["kid"]);
  if (key === undefined) return false;
  const [header, payload, signature = ""] = jwt.split(".");
  return verify(
    "RSA-SHA256",
    Buffer.from(`${header}.${payload}`),
    createPublicKey({ key, format: "jwk" }),
    Buffer.from(signature, "base64url"),
  );
}

test("gives a job a token for the audience that it names", async () => {
  golden.job.environment = "production";
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } =
    world.issuer.environment(golden.job);
  const { json } = await ask(
    `${url}&audience=${encodeURIComponent("https://broker.example.com#age1x")}`,
    { authorization: `bearer ${token}` },
  );
  const { value } = Object(json);
  expect(await valid(value)).toBe(true);
  const claims = read(value, 1);
  expect(claims).toMatchObject({
    iss: world.issuer.url,
    aud: "https://broker.example.com#age1x",
    sub: "repo:acme/app:environment:production",
    repository: "acme/app",
    repository_id: "1001",
    ref: "refs/heads/main",
    ref_protected: "false",
    run_id: "5001",
    run_attempt: "1",
    check_run_id: "7001",
    environment: "production",
    workflow_ref: "acme/app/.github/workflows/deploy.yml@refs/heads/main",
  });
  const numbers = Object.entries(claims)
    .filter(([, claim]) => typeof claim !== "string")
    .map(([name]) => name);
  expect(numbers).toEqual(["iat", "nbf", "exp"]);
});

test("gives none without the job's request token, nor after the job", async () => {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } =
    world.issuer.environment(golden.job);
  expect((await ask(url)).status).toBe(401);
  world.github.completeJob(golden.job);
  expect((await ask(url, { authorization: `bearer ${token}` })).status).toBe(401);
});

test("signs what a test likes, right in all that is not overridden", async () => {
  const { issuer } = world;
  const claims = issuer.claims(golden.job);
  expect(await valid(issuer.sign(claims))).toBe(true);
  expect(await valid(issuer.sign(claims, { signature: "AAAA" }))).toBe(false);
  expect(
    await valid(issuer.sign(claims, { key: signingKey(7), header: { kid: issuer.keys[0]?.kid } })),
  ).toBe(false);
  expect(
    read(issuer.sign({ ...claims, run_id: "1" }, { header: { alg: "none" } }), 0),
  ).toMatchObject({ alg: "none", typ: "JWT" });
});

test("rotates its keys", async () => {
  const { issuer } = world;
  const old = issuer.sign(issuer.claims(golden.job));
  issuer.rotate({ keepOld: true });
  expect(await jwks()).toHaveLength(2);
  expect([await valid(old), await valid(issuer.sign(issuer.claims(golden.job)))]).toEqual([
    true,
    true,
  ]);
  issuer.rotate();
  expect(await jwks()).toHaveLength(1);
  expect(await valid(old)).toBe(false);
});
