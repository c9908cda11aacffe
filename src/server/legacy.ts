import { Refusal } from "../core/errors.ts";
import { parseRun } from "../core/github-answers.ts";
import type { Grant } from "../core/grant.ts";
import { announcedKey, type LegacyRequest } from "../core/legacy.ts";
import type { PublicKey } from "../core/recipient.ts";
import { sealBinary } from "../core/seal.ts";
import type { RoleCredentials } from "./aws.ts";
import { addressOf, type Case, examine, type Findings, type Inquiry } from "./examine.ts";
import type { GitHubFacts } from "./github/ports.ts";
import { NativeRecipient } from "./native-recipient.ts";
import type { Guard, LogProver } from "./prove-by-log.ts";

/** @throws {Refusal} no_grant */
export function legacyGrants(grants: readonly Grant[]): readonly Grant[] {
  const legacy = grants.filter((grant) => grant.legacy);
  if (legacy.length > 0) return legacy;
  throw new Refusal("no_grant", {
    fields: ["legacy"],
    detail: "No grant gives this role to the original's clients.",
  });
}

/** @throws {Refusal} */
export async function proveLegacy(
  { github, log, clock, guard }: Omit<LogProver, "patience"> & { guard: Guard },
  grants: readonly Grant[],
  ask: LegacyRequest,
  findings: Findings & { grant?: string | undefined },
): Promise<{ case: Case; inquiry: Inquiry; publicKey: PublicKey }> {
  const arrivedAt = clock.steady();
  const { inquiry, found } = await guard({ repository: ask.Repo, run_id: ask.RunId }, async () => {
    const asked = await inquiryOf(ask, github, arrivedAt);
    const times = { notBefore: arrivedAt, arrivedAt };
    return { inquiry: asked, found: await examine(github, grants, asked, times, findings) };
  });
  findings.grant = found.grant.name;
  const address = {
    ...addressOf(inquiry),
    jobId: found.identity.job.id,
    headSha: found.identity.headSha,
  };
  const publicKey = announcedKey(await log.read(address, [ask.StepName]));
  return { case: found, inquiry, publicKey };
}

async function inquiryOf(
  ask: LegacyRequest,
  github: GitHubFacts,
  notBefore: number,
): Promise<Inquiry> {
  const address = { repository: ask.Repo, runId: ask.RunId, runAttempt: 0 };
  const run = await github.run(address, notBefore);
  return {
    repository: ask.Repo,
    run_id: ask.RunId,
    // The original does not know of attempts.
    run_attempt: parseRun(run.value).run_attempt,
    job: { name: ask.JobName },
    step: ask.StepName,
    role: ask.RoleARN,
    proofs: { log: true, oidc: false },
    environment: null,
  };
}

/** The original's answer: a binary age file of its four fields. */
export function sealLegacy(
  credentials: RoleCredentials,
  publicKey: PublicKey,
): Promise<Uint8Array> {
  const content = {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    SessionToken: credentials.sessionToken.reveal(),
    Expiry: credentials.expiration,
  };
  return sealBinary(new NativeRecipient(publicKey), JSON.stringify(content));
}
