import { describe, expect, test } from "vitest";
import type { Reply } from "../world/ask.ts";
import type { Claims } from "../world/issuer/claims.ts";
import type { Client } from "../harness/client.ts";
import { bodyOf, outcomeOf, served, useTokens } from "../harness/token-scene.ts";

const { bench, ask, expectNotAccepted } = useTokens();

const seconds = (): number => Math.floor(Date.now() / 1_000);

/** Asks with a token of this very second, and again if the second has passed before the answer. */
async function askAt(client: Client, claims: (now: number) => Claims): Promise<Reply> {
  for (;;) {
    const now = seconds();
    const reply = await ask(client, "by-token", { iat: now, nbf: now, ...claims(now) });
    if (seconds() === now) return reply;
    await bench().check();
    bench().begin();
  }
}

describe("a token's times are whole seconds, within a minute of the broker's:", () => {
  const good: Record<string, (now: number) => Claims> = {
    "that ended 59 seconds ago": (now) => ({ iat: now - 300, exp: now - 59 }),
    "that begins in 59 seconds": (now) => ({ nbf: now + 59 }),
    "that was made in 59 seconds": (now) => ({ iat: now + 59 }),
    "that was made ten minutes and 59 seconds ago": (now) => ({ iat: now - 659 }),
    "that does not say when it begins": () => ({ nbf: undefined }),
    "that ends in ten years, and was made just now": (now) => ({ exp: now + 315_360_000 }),
  };
  test.for(Object.entries(good))("one %s is served (O-06)", async ([, claims]) => {
    const client = await bench().client();
    expect(outcomeOf(await askAt(client, claims))).toEqual(served);
  });

  const bad: Record<string, (now: number) => Claims> = {
    "that ended 60 seconds ago": (now) => ({ iat: now - 300, exp: now - 60 }),
    "that ended 61 seconds ago": (now) => ({ iat: now - 300, exp: now - 61 }),
    "that begins in 61 seconds": (now) => ({ nbf: now + 61 }),
    "that was made in 61 seconds": (now) => ({ iat: now + 61 }),
    "that was made ten minutes and 61 seconds ago, and has not ended": (now) => ({
      iat: now - 661,
    }),
    "that was made a day ago, and ends tomorrow": (now) => ({
      iat: now - 86_400,
      exp: now + 86_400,
    }),
    "that never ends": () => ({ exp: undefined }),
    "that ends at 1e300": () => ({ exp: 1e300 }),
    "that ends at a text": () => ({ exp: "9999999999" }),
    "that ends at null": () => ({ exp: null }),
    "that ends at a list": (now) => ({ exp: [now + 300] }),
    "that ends at half a second": (now) => ({ exp: now + 300.5 }),
    "that ends before 1970": (now) => ({ exp: -now }),
    "that does not say when it was made": () => ({ iat: undefined }),
    "that was made at a text": (now) => ({ iat: String(now) }),
    "that was made at half a second": (now) => ({ iat: now - 0.5 }),
    "that was made at null": () => ({ iat: null }),
    "that begins at a text": (now) => ({ nbf: String(now) }),
    "that begins at half a second": (now) => ({ nbf: now - 0.5 }),
  };
  test.for(Object.entries(bad))("one %s is not accepted (O-06)", async ([, claims]) => {
    const client = await bench().client();
    const reply = await askAt(client, claims);
    await expectNotAccepted(reply);
    expect(bodyOf(reply).detail).toMatch(
      /has expired|its times or claims|its claim (?:exp|iat|nbf)/,
    );
  });
});
