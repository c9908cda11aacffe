import { describe, expect, test, vi } from "vitest";
import type { Reply } from "../world/ask.ts";
import type { Fault } from "../world/index.ts";
import type { SimulatedIssuer } from "../world/issuer/index.ts";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";
import type { Client } from "../harness/client.ts";
import { roleOf } from "../harness/config.ts";
import { bodyOf, publicUrl, tokenBench, withOtherIssuer } from "../harness/token-scene.ts";

// What waits for the issuer waits side by side, and long on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** Runs on a broker of its own, which has not asked for any keys yet. */
function fresh(act: (own: Bench) => Promise<void>): () => Promise<void> {
  return alone(act, { ...tokenBench(), attacks: true });
}

function show(client: Client, token: string): Promise<Reply> {
  return client.askByToken(token, { role: roleOf("by-token") });
}

/** Asks until the answer has this status, or this code. */
async function until(expected: number | string, client: Client, token: string): Promise<void> {
  const answered = async (): Promise<void> => {
    const reply = await show(client, token);
    expect([reply.status, bodyOf(reply).code]).toContain(expected);
  };
  await vi.waitFor(answered, { interval: 250, timeout: 60_000 });
}

async function expectServed(own: Bench): Promise<void> {
  const client = await own.client();
  await client.credentialsIn(await show(client, client.token(publicUrl)));
}

async function expectToldToWait(own: Bench, reply: Reply): Promise<void> {
  expect(reply.status).toBe(503);
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  const { request_id: id = "", code } = bodyOf(reply);
  expect(code).toBe("github_unavailable");
  await own.expectRecorded(id, "github_unavailable");
}

/** How often the issuer was asked for its keys. */
function looks({ world }: Bench): number {
  return world.issuer.journal.filter(({ path }) => path === "/.well-known/jwks").length;
}

const troubles: Fault[] = [
  { status: 500 },
  { status: 404 },
  { reset: true },
  { body: "<html>Unicorn!</html>" },
  { body: '{"keys":[]}' },
  { gzipBomb: 50_000_000 },
];

describe.concurrent("an issuer that can't be asked for its keys", () => {
  test(
    "for whatever trouble of its own makes jobs wait until it can, without a word to AWS (O-07)",
    fresh(async (own) => {
      const client = await own.client();
      const token = client.token(publicUrl);
      for (const trouble of troubles) {
        const fault = own.world.issuer.fault(trouble);
        const before = looks(own);
        await vi.waitFor(
          async () => {
            await expectToldToWait(own, await show(client, token));
            expect(looks(own)).toBeGreaterThan(before);
          },
          { interval: 250, timeout: 30_000 },
        );
        fault.remove();
      }
      expect(own.world.sts.journal).toEqual([]);
      await until(200, client, token);
    }),
  );

  test(
    "while its keys change: a job with the new key is told to wait and then served, and one with the old key goes on (O-07)",
    fresh(async (own) => {
      const { issuer } = own.world;
      const [early, late] = [await own.client(), await own.client()];
      await expectServed(own);
      const before = early.token(publicUrl);
      issuer.rotate();
      const after = late.token(publicUrl);
      const fault = issuer.fault({ status: 500 });
      // The keys that the broker has are a moment old: for ten seconds it takes them for all there are.
      await until("github_unavailable", late, after);
      await expectToldToWait(own, await show(late, after));
      await early.credentialsIn(await show(early, before));
      fault.remove();
      await until(200, late, after);
      const old = await show(early, before);
      expect(bodyOf(old).code).toBe("oidc_invalid");
    }),
  );

  test("is waited for by a job's own process, which gets its role in the end (O-07)", async () => {
    const settings = { public_url: publicUrl };
    const wait = async (own: Bench): Promise<void> => {
      // Jobs ask for tokens of the address that they call.
      settings.public_url = own.broker.url;
      await own.restart();
      const fault = own.world.issuer.fault({ match: /jwks/, status: 500 });
      const asked = own.request("--proof oidc --timeout 60s -- true", roleOf("by-token"));
      const step = own.newJob().run("assume role", asked, { idToken: true });
      await vi.waitFor(() => expect(own.records).toHaveLength(1), 30_000);
      fault.remove();
      expect(await step).toMatchObject({ exitCode: 0 });
      expect((await step).stderr).toMatch(/github_unavailable/);
      expect(own.records).toMatchObject([{ decision: "denied" }, { decision: "allowed" }]);
    };
    await alone(wait, { ...tokenBench(), settings })();
  });
});

describe.concurrent("when the issuer changes its keys", () => {
  test(
    "a job with the new one is served within seconds, and the old one counts as long as it is shown (O-07)",
    fresh(async (own) => {
      const { issuer } = own.world;
      const [one, other] = [await own.client(), await own.client()];
      await expectServed(own);
      const before = one.token(publicUrl);
      issuer.rotate({ keepOld: true });
      await until(200, other, other.token(publicUrl));
      await one.credentialsIn(await show(one, before));
    }),
  );
});

describe.concurrent("tokens by the thousand, each of a key that nobody has,", () => {
  test(
    "cost a look at the keys each ten seconds, and jobs in their midst are served (O-08)",
    fresh(async (own) => {
      const begun = performance.now();
      await expectServed(own);
      // Of several runs, so that no limit of one is reached.
      const strangers = await Promise.all(Array.from({ length: 8 }, () => own.client()));
      const flood = strangers.map(async (stranger, index) => {
        for (let sent = 0; sent < 125; sent++) {
          const header = { kid: `random-${index}-${sent}` };
          const reply = await show(stranger, stranger.token(publicUrl, {}, { header }));
          expect(bodyOf(reply).code).toBe("oidc_invalid");
        }
        await expectServed(own);
      });
      await Promise.all(flood);
      const most = 1 + Math.ceil((performance.now() - begun) / 10_000);
      expect(looks(own)).toBeLessThanOrEqual(most);
      expect([own.asked, own.world.sts.issued]).toMatchObject([[], { length: 9 }]);
    }),
  );
});

describe.concurrent("the keys come from one address of the configured issuer's, whatever anybody says:", () => {
  /** The honest job is served by the issuer's keys, and the other's token is none. */
  async function expectOwnKeysAlone(own: Bench, other: SimulatedIssuer): Promise<void> {
    const client = await own.client();
    await until(200, client, client.token(publicUrl));
    const key = other.keys.at(-1) ?? expect.unreachable();
    const forged = await show(client, client.token(publicUrl, {}, { key }));
    expect(bodyOf(forged).code).toBe("oidc_invalid");
    const paths = own.world.issuer.journal.map(({ path }) => path);
    expect(new Set(paths)).toEqual(new Set(["/.well-known/jwks"]));
  }

  test(
    "what the issuer tells of itself, with another's address for its keys, is not even asked for (O-16)",
    fresh((own) =>
      withOtherIssuer(async (other) => {
        own.world.issuer.transform((body) => {
          if ("jwks_uri" in body) body.jwks_uri = `${other.url}/.well-known/jwks`;
        });
        await expectOwnKeysAlone(own, other);
      }),
    ),
  );

  test(
    "a redirect to another's is not followed: nobody is served until the keys are there (O-16)",
    fresh((own) =>
      withOtherIssuer(async (other) => {
        const fault = own.world.issuer.fault({ redirect: `${other.url}/.well-known/jwks` });
        const client = await own.client();
        const key = other.keys.at(-1) ?? expect.unreachable();
        for (const overrides of [{}, { key }])
          await expectToldToWait(own, await show(client, client.token(publicUrl, {}, overrides)));
        expect(own.world.sts.journal).toEqual([]);
        fault.remove();
        await expectOwnKeysAlone(own, other);
      }),
    ),
  );
});
