import { afterEach, expect } from "vitest";
import type { Reply } from "../world/ask.ts";
import type { Claims } from "../world/issuer/claims.ts";
import { SimulatedIssuer } from "../world/issuer/index.ts";
import type { JwtOverrides } from "../world/issuer/keys.ts";
import { type Bench, type BenchOptions, useBench } from "./bench.ts";
import type { Body, Client } from "./client.ts";
import { type Grant, grantLike, roleOf } from "./config.ts";

/** The broker's address as jobs write it, which tokens are made for. */
export const publicUrl = "https://broker.example.com";

/** A workflow of another repository, for grants that list it. */
export const calledWorkflow = "acme/ci/.github/workflows/deploy.yml@refs/heads/main";

/** A grant for tokens: it names neither a job, whose name they do not tell, nor a step. */
export function byToken(name: string, changes: Grant = {}): Grant {
  return grantLike(name, { proof: "oidc", job: undefined, step: undefined, ...changes });
}

/** A bench for jobs that show tokens; one grant takes them from any job of a push to main. */
export function tokenBench(grants: readonly Grant[] = []): BenchOptions {
  return {
    grants: [byToken("by-token"), ...grants],
    settings: { public_url: publicUrl },
    tokens: true,
  };
}

export function bodyOf({ json }: Reply): Body {
  return json as Body;
}

/** What an answer comes to, in few words: what is served has neither code nor fields. */
export function outcomeOf(
  reply: Reply,
): [status: number, code: string | undefined, fields: string[]] {
  const { code, fields = [] } = bodyOf(reply);
  return [reply.status, code, fields];
}

export const served = [200, undefined, []] as const;

/** Another host's issuer, with a key of its own. It has to see no call of the broker's. */
export async function withOtherIssuer(
  act: (other: SimulatedIssuer) => Promise<void>,
): Promise<void> {
  const other = new SimulatedIssuer(() => Date.now());
  await other.start();
  try {
    // The first key of each issuer is the same: see signingKey.
    other.rotate();
    other.rotate();
    await act(other);
    expect(other.journal).toEqual([]);
  } finally {
    await other.close();
  }
}

export interface TokenScene {
  readonly bench: () => Bench;
  /** A token of the client's job, which has to turn up nowhere (O-18). */
  readonly tokenOf: (client: Client, claims?: Claims, overrides?: JwtOverrides) => string;
  /** Asks with a token of these claims for the role of that name. */
  readonly ask: (client: Client, name: string, claims?: Claims, more?: object) => Promise<Reply>;
  /** Asks with this token, or what is shown in its place. */
  readonly show: (client: Client, token: string, more?: object) => Promise<Reply>;
  /** A token that is none tells nothing: no call is made for it, and nothing that it says is recorded. */
  readonly expectNotAccepted: (reply: Reply) => Promise<void>;
}

/**
 * Attacks on the OIDC proof. After each of them a job gets its role by its token, and no part of a
 * token stands in anything that the broker has said, written or shown (O-18).
 */
export function useTokens(grants: readonly Grant[] = []): TokenScene {
  const bench = useBench({ ...tokenBench(grants), attacks: true });
  const shown: string[] = [];

  function tokenOf(client: Client, claims: Claims = {}, overrides: JwtOverrides = {}): string {
    const token = client.token(publicUrl, claims, overrides);
    shown.push(token);
    return token;
  }

  function show(client: Client, token: string, more: object = {}): Promise<Reply> {
    return client.askByToken(token, { role: roleOf("by-token"), ...more });
  }

  function ask(client: Client, name: string, claims?: Claims, more?: object): Promise<Reply> {
    return show(client, tokenOf(client, claims), { role: roleOf(name), ...more });
  }

  async function expectNotAccepted(reply: Reply): Promise<void> {
    expect(reply.status).toBe(401);
    await bench().expectDenied(reply, "oidc_invalid");
    expect(bodyOf(reply).detail).toMatch(/^The OIDC token is not accepted: [\w' ]+\.$/);
    for (const record of bench().records) expect(record).not.toHaveProperty("identity");
    expect(bench().asked).toEqual([]);
  }

  afterEach(async () => {
    const honest = await bench().client();
    await honest.credentialsIn(await ask(honest, "by-token"));
    const { broker, records, replies } = bench();
    const texts = [broker.stdout, broker.stderr, JSON.stringify([records, replies])];
    texts.push(await broker.shown());
    const parts = shown.splice(0).flatMap((token) => token.split("."));
    for (const part of parts.filter((text) => text.length > 16))
      expect(texts.filter((text) => text.includes(part))).toEqual([]);
  });

  return { bench, tokenOf, ask, show, expectNotAccepted };
}
