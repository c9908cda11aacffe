import { createPrivateKey, type KeyObject } from "node:crypto";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ask, type Reply } from "./ask.ts";
import { startWorld, type World } from "./index.ts";
import { signingKey, signJwt } from "./issuer/keys.ts";

let world: World;

beforeEach(async () => {
  world = await startWorld();
  world.github.golden();
});
afterEach(() => world.close());

function rest(path: string, headers: Record<string, string> = {}): Promise<Reply> {
  return ask(world.github.apiUrl + path, {
    authorization: `Bearer ${world.github.token}`,
    ...headers,
  });
}

/** Asks for an installation token with these claims, signed by the app or by another key. */
function tokens(claims: Record<string, unknown>, header = {}, key?: KeyObject): Promise<Reply> {
  const { privateKey } = world.github.installApp("acme", new Set([1_001]));
  const jwt = signJwt(
    claims,
    { kid: "", privateKey: key ?? createPrivateKey(privateKey) },
    { header },
  );
  return ask(
    `${world.github.apiUrl}/app/installations/3001/access_tokens`,
    { authorization: `Bearer ${jwt}` },
    { method: "POST" },
  );
}

describe("a GitHub App", () => {
  const now = Math.floor(Date.now() / 1_000);
  const good = { iss: "2001", iat: now - 60, exp: now + 540 };

  test("gets a token for its repositories alone, for an hour", async () => {
    world.github.addRepository({ name: "other", id: 1_002 });
    const { status, json } = await tokens(good);
    expect(status).toBe(201);
    const authorization = `token ${Object(json).token}`;
    expect((await rest("/repos/acme/app", { authorization })).status).toBe(200);
    expect((await rest("/repos/acme/other", { authorization })).status).toBe(404);
    for (const issued of world.github.installationTokens.values())
      issued.expiresAt = Date.now() - 1;
    expect((await rest("/repos/acme/app", { authorization })).status).toBe(401);
  });

  test.each([
    ["for more than ten minutes", { ...good, exp: now + 700 }, {}, undefined, 401],
    ["that has ended", { ...good, exp: now - 1 }, {}, undefined, 401],
    ["from the future", { ...good, iat: now + 120 }, {}, undefined, 401],
    ["of another app", { ...good, iss: 1 }, {}, undefined, 404],
    ["with another algorithm", good, { alg: "none" }, undefined, 401],
    ["of another key", good, {}, signingKey(0).privateKey, 401],
  ])("is refused with a JWT %s", async (_, claims, header, key, status) => {
    expect((await tokens(claims, header, key)).status).toBe(status);
  });
});
