import assert from "node:assert/strict";
import {
  assertOf,
  factsOf,
  identityOf,
  parseClaims,
  refOf,
} from "../../../src/core/oidc-claims.ts";
import { OidcVerifier } from "../../../src/server/oidc.ts";
import { audience, type Honest, now, ScriptedNetwork } from "../honest.ts";
import { type Target, unlessRefused } from "../target.ts";

function verifierOf(issuer: string, keys: string | Buffer): OidcVerifier {
  const network = new ScriptedNetwork(() => keys);
  return new OidcVerifier({ issuer, network, wall: () => now, steady: () => 0 });
}

/** A token as anybody can send it: the honest one, byte for byte, or none. */
export function openToken({ issuer, keys, token, sign }: Honest): Target {
  const verifier = verifierOf(issuer, keys);
  return {
    seeds: [token, sign({ aud: audience, iss: issuer })],
    words: [".", "=", "-", "_", ...token.split(".")]
      .concat(Buffer.from('{"alg":"none"}').toString("base64url"))
      .concat(Buffer.from('{"alg":"RS256","crit":["b64"],"b64":false}').toString("base64url")),
    async run(input) {
      const text = input.toString();
      const claims = await unlessRefused(["oidc_invalid"], () => verifier.verify(text, audience));
      if (claims) assert.equal(text, token);
    },
  };
}

/** Claims that the issuer has signed: whatever they are, an identity of them is a whole one. */
export function openClaims(honest: Honest): Target {
  return {
    seeds: [honest.claims],
    words: ["repository", "repository_id", "run_id", "run_attempt", "check_run_id", "ref_type"]
      .concat("workflow_ref", "job_workflow_ref", "environment", "event_name", "tag", "branch")
      .concat(
        "acme/app/.github/workflows/x.yml@refs/heads/main",
        "refs/tags/v1",
        "refs/pull/1/merge",
      ),
    async run(input) {
      await unlessRefused(["oidc_invalid"], () => {
        const claims = parseClaims(jsonOf(input.toString()));
        const { repository, run, job } = identityOf(claims);
        for (const id of [repository.id, run.id, run.attempt, run.number, job.id])
          assert(Number.isSafeInteger(id) && id > 0);
        assert([null, claims.ref].includes(refOf(claims)));
        assert(JSON.stringify(factsOf(claims)).includes(repository.name));
        assertOf(claims, {
          repository: "acme/app",
          run_id: 5_001,
          run_attempt: 1,
          job: { id: 7_001 },
        });
        assert.deepEqual([run.id, run.attempt, job.id], [5_001, 1, 7_001]);
      });
    },
  };
}

/** The issuer's keys: whatever they are, they sign nothing but the honest token. */
export function openKeys({ issuer, keys, token }: Honest): Target {
  const [honest] = moduli(keys);
  return {
    seeds: [keys, '{"keys":[]}'],
    words: [
      "keys",
      "kty",
      "RSA",
      "EC",
      "oct",
      "kid",
      "simulated-key-1",
      "use",
      "sig",
      "enc",
      "alg",
    ].concat("RS256", "none", "HS256", "n", "e", "AQAB", "k", "x5c", "key_ops", "verify"),
    async run(input) {
      const claims = await unlessRefused(["oidc_invalid", "github_unavailable"], () =>
        verifierOf(issuer, input).verify(token, audience),
      );
      if (claims) assert(moduli(input.toString()).includes(honest));
    },
  };
}

function moduli(keys: string): unknown[] {
  const { keys: list } = jsonOf(keys) as { keys: { n?: unknown }[] };
  return list.map(({ n }) => Buffer.from(String(n), "base64url").toString("hex"));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
