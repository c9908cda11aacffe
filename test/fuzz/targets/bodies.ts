import assert from "node:assert/strict";
import { checkTicket } from "../../../src/core/challenge.ts";
import { parseLegacyRequest } from "../../../src/core/legacy.ts";
import {
  checkRenewalToken,
  makeRenewalToken,
  parseRenewalRequest,
} from "../../../src/core/renewal.ts";
import { parseChallengeRequest, parseCredentialRequest } from "../../../src/core/request.ts";
import { binding, type Honest, key, now, roleArn, serverUrl, signer, ticket } from "../honest.ts";
import { type Target, unlessRefused } from "../target.ts";

const names = ["repository", "run_id", "run_attempt", "public_key", "job", "id", "runner_name"]
  .concat("name", "ref", "step", "role", "duration_seconds", "ticket", "oidc_token")
  .concat("Repo", "RunId", "JobName", "StepName", "RoleARN", "renewal_token");
const values = [
  "acme/app",
  "acme/..",
  "5001",
  "9007199254740993",
  key.publicKey,
  roleArn,
  "{",
  "\\",
];

const run = { repository: "acme/app", run_id: 5_001, run_attempt: "1", public_key: key.publicKey };
const job = { id: 7_001, runner_name: "GitHub Actions 12", name: "deploy" };

/** A body that anybody can send: it is a request whose ids and names have one spelling, or refused. */
function openBody(seeds: object[], parse: (text: string) => object): Target {
  return {
    seeds: seeds.map((seed) => JSON.stringify(seed)),
    words: [...names, ...values],
    async run(input) {
      const request = await unlessRefused(["invalid_request"], () => parse(input.toString()));
      if (request === undefined) return;
      const { proofs: _, ...fields } = request as Record<string, unknown>;
      assertPlain(fields);
      // The original's clients write the number as text.
      const again = parse(
        JSON.stringify(fields, (name, value: unknown) =>
          name === "RunId" ? String(value) : value,
        ),
      );
      assert.deepEqual(again, request);
    },
  };
}

const ids = new Set(["run_id", "run_attempt", "id", "RunId", "duration_seconds"]);

function assertPlain(fields: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(fields)) {
    assert(names.includes(name), `there is no field ${name}`);
    if (typeof value === "object" && value !== null) assertPlain({ ...value });
    else if (ids.has(name))
      assert(value === undefined || (Number.isSafeInteger(value) && Number(value) > 0));
    else assert(value === undefined || typeof value === "string");
  }
}

export const openChallengeBody = (): Target =>
  openBody([run, { ...run, job, ref: "refs/heads/main" }], parseChallengeRequest);

export const openCredentialBody = ({ token }: Honest): Target =>
  openBody(
    [
      { ...run, job, step: "assume role", role: roleArn, duration_seconds: 900, ticket },
      { ...run, job: { id: "7001" }, role: roleArn, oidc_token: token },
    ],
    parseCredentialRequest,
  );

export const openLegacyBody = (): Target =>
  openBody(
    [{ Repo: "acme/app", RunId: "5001", JobName: "deploy", StepName: "keygen", RoleARN: roleArn }],
    parseLegacyRequest,
  );

export const openRenewalBody = (): Target =>
  openBody([{ renewal_token: renewalToken }], parseRenewalRequest);

const renewalToken = makeRenewalToken(signer, serverUrl, {
  repository: "acme/app",
  runId: 5_001,
  runAttempt: 1,
  jobId: 7_001,
  role: roleArn,
  step: undefined,
  durationSeconds: 900,
  proofs: { log: true, oidc: false },
  environment: null,
  publicKey: key.publicKey,
  since: now,
  given: now,
});

/** A ticket or a renewal token: one that this broker has given, byte for byte, or none. */
export function openSignedTokens(): Target {
  return {
    seeds: [ticket, renewalToken],
    words: [".", "c1", "r1", ...ticket.split("."), ...renewalToken.split(".")],
    async run(input) {
      const text = input.toString();
      const codes = ["challenge_invalid", "challenge_expired", "renewal_invalid"] as const;
      if (await unlessRefused(codes, () => checkTicket(signer, binding, text, now)))
        assert.equal(text, ticket);
      if (await unlessRefused(codes, () => checkRenewalToken(signer, serverUrl, text)))
        assert.equal(text, renewalToken);
    },
  };
}
