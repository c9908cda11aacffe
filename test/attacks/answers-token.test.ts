import { generateIdentity } from "age-encryption";
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { each, faultsOf, type Outcome, patient } from "../harness/identity-verdict.ts";
import { spelled } from "../harness/mutations.ts";
import {
  both,
  eachChange,
  fields,
  type Listed,
  meet,
  type Single,
  singleChanges,
} from "../harness/single-changes.ts";
import {
  honestByToken,
  publicUrl,
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
beforeAll(async () => {
  identity = await generateIdentity();
});

/** The claims that checks use; GitHub signs others as well, which must not count. */
const listed: Listed = {
  exact: fields(`
    aud iss repository_id run_id run_attempt check_run_id event_name ref ref_type
    workflow_ref environment
  `),
  folded: fields("repository actor"),
  used: fields("(all) jti iat exp run_number sha"),
  optional: {
    nbf: "RFC 7519 lets it be left out; iat and exp are there",
    job_workflow_ref: "tells the workflow that is called, if one is",
    job_workflow_sha: "as above, for grants that list a commit",
  },
  onceOnly: true,
  tagged: { run_number: "github:run", sha: "github:commit", repository: "github:repo" },
};

async function outcomeOf({ name, changes, must, follows }: Single): Promise<Outcome> {
  const { job, client } = await tokenCase(bench(), identity);
  const { issuer } = bench().world;
  const claims = issuer.claims(job, `${publicUrl}#${client.publicKey}`);
  const token = issuer.sign({}, { payload: spelled(claims, changes) });
  const reply = await client.askByToken(token, { role: tokenRole });
  return { name, job, reply, must, follows };
}

async function honestClaims(): Promise<unknown> {
  const { job } = await tokenCase(bench(), identity);
  return bench().world.issuer.claims(job, publicUrl);
}

test(
  "a token says one thing otherwise, and nobody gets another identity (O-12)",
  patient,
  async () => {
    const singles = singleChanges(await honestClaims(), listed);
    expect(singles.length).toBeGreaterThan(200);
    const unchanged: Single = { name: "unchanged", changes: [], must: "served", follows: [] };
    const outcomes = await each([unchanged, ...singles], outcomeOf);
    expect(faultsOf(bench(), outcomes, honestByToken)).toEqual([]);
  },
);

test(
  "a token says any two things otherwise, and nobody gets another identity (O-12)",
  patient,
  async () => {
    const one = fc.constantFrom(...eachChange(await honestClaims(), listed));
    const pair = fc.tuple(one, one).filter((it) => !meet(...it));
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 200, maxLength: 200 }), async (pairs) => {
        const outcomes = await each(pairs.map(both), outcomeOf);
        expect(faultsOf(bench(), outcomes, honestByToken)).toEqual([]);
      }),
      { numRuns: 1, endOnFailure: true },
    );
  },
);
