import { generateIdentity } from "age-encryption";
import { writeFileSync } from "node:fs";
import { beforeAll, expect, test, vi } from "vitest";
import { ask } from "../world/ask.ts";
import { useBench } from "../harness/bench.ts";
import { configuration } from "../harness/config.ts";
import { faultsOf, type Outcome, patient } from "../harness/identity-verdict.ts";
import { spelled } from "../harness/mutations.ts";
import { fields, type Listed, type Single, singleChanges } from "../harness/single-changes.ts";
import {
  honestByToken,
  tokenCase,
  tokenGrant,
  tokenRole,
  tokenSettings,
} from "../harness/token-cases.ts";

const bench = useBench({
  attacks: true,
  tokens: true,
  grants: [tokenGrant],
  settings: tokenSettings,
});
let identity: string;
let alter: (jwks: string) => string = (jwks) => jwks;
beforeAll(async () => {
  identity = await generateIdentity();
  bench().world.issuer.rewrite((text) => alter(text), { match: /jwks$/ });
});

/** What a key must say before a token counts by it. */
const listed: Listed = {
  exact: fields("keys.0.kid keys.0.kty"),
  used: fields("(all) keys keys.0 keys.0.n keys.0.e"),
  optional: {
    "keys.0.alg": "the broker takes RS256 alone, whatever a key says",
    "keys.0.use": "RFC 7517 lets it be left out",
  },
};

let reloads = 0;

/** A broker that has never seen the issuer's keys: another public_url makes it forget what it has learnt. */
async function forgetful(): Promise<string> {
  const { broker, files, world } = bench();
  const publicUrl = `https://broker-${++reloads}.example.com`;
  const settings = { ...tokenSettings, public_url: publicUrl };
  writeFileSync(files.config, configuration(world, files.audit, [tokenGrant], settings));
  broker.kill("SIGHUP");
  const reloaded = (): unknown[] => broker.log.filter(({ msg }) => msg === "reloaded");
  await vi.waitFor(() => expect(reloaded()).toHaveLength(reloads), {
    timeout: 10_000,
    interval: 5,
  });
  return publicUrl;
}

async function outcomeOf({ name, changes, must, follows }: Single): Promise<Outcome> {
  const publicUrl = await forgetful();
  alter = (jwks) => spelled(JSON.parse(jwks), changes);
  const { job, client } = await tokenCase(bench(), identity);
  const reply = await client.askByToken(client.token(publicUrl), { role: tokenRole });
  return { name, job, reply, must, follows };
}

test(
  "the issuer says one thing of its keys otherwise, and nobody gets another identity (O-02, O-07)",
  patient,
  async () => {
    const { issuer } = bench().world;
    const { json } = await ask(`${issuer.url}/.well-known/jwks`);
    const outcomes = [
      await outcomeOf({ name: "unchanged", changes: [], must: "served", follows: [] }),
    ];
    const singles = singleChanges(json, listed);
    expect(singles.length).toBeGreaterThan(80);
    // One after the other: the broker has one set of keys.
    for (const single of singles) outcomes.push(await outcomeOf(single));
    expect(faultsOf(bench(), outcomes, honestByToken)).toEqual([]);
  },
);
