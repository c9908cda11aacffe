import { z } from "zod";
import { Refusal } from "./errors.ts";
import { parseJsonObject } from "./json.ts";
import type { Proofs } from "./policy.ts";
import { parsePublicKey, type PublicKey, publicKeyShape } from "./recipient.ts";

/**
 * Untrusted JSON → a request. Everything in here is attacker-controlled: it selects which run, job
 * and role are meant, and decides nothing (design rule 1 of the catalogue).
 */

/** `owner/name`, ASCII only, so that no URL can be bent by it (H-01) and no case folding surprises (G-15). */
export const repositoryShape = /^[A-Za-z0-9_-]{1,39}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;

/** An IAM role's ARN: partition, account, path and name; nothing else. */
export const roleShape =
  /^arn:aws(?:-[a-z]{1,10}){0,3}:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]{1,576}$/;

const repository = z
  .string()
  .regex(repositoryShape, "must be OWNER/NAME")
  .describe("The repository, OWNER/NAME.");

/** A positive integer below 2^53, as a number or its canonical decimal text (H-03, H-04). */
const id = z
  .union([
    z.number().meta({ type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    z.string().regex(/^[1-9][0-9]{0,15}$/, "must be a positive integer below 2^53"),
  ])
  .transform(Number)
  .refine(
    (value) => Number.isSafeInteger(value) && value > 0,
    "must be a positive integer below 2^53",
  );
const runId = id.describe("GITHUB_RUN_ID.");
const runAttempt = id.describe("GITHUB_RUN_ATTEMPT; only the current attempt counts.");

/** The same, as other programs write it: decimal text alone. */
export const decimalId = z
  .string()
  .regex(/^[1-9][0-9]{0,15}$/)
  .transform(Number)
  .refine(Number.isSafeInteger);

const name = z.string().min(1).max(512);

const job = z
  .strictObject({
    id: id
      .optional()
      .describe("The job's id, job.check_run_id in a workflow. It wins over the others."),
    runner_name: name.optional().describe("RUNNER_NAME: the job in progress on that runner."),
    name: name.optional().describe("The name that GitHub shows, if only one job has it."),
  })
  .describe("Which job of the run is meant. It selects, and decides nothing.");

const publicKey = z.string().transform((text, context): PublicKey => {
  const key = parsePublicKey(text);
  if (key !== null) return key;
  context.addIssue({ code: "custom", message: "must be an age X25519 recipient, age1…" });
  return z.NEVER;
});
const recipient = publicKey.meta({
  pattern: publicKeyShape.source,
  // What the pattern can't say: the last six characters are a checksum, and not every key is a point.
  format: "age-x25519-recipient",
  description: "The job's age X25519 recipient. What is answered is sealed to it.",
});

// The descriptions, and what is said by `meta`, are for the OpenAPI document: see server/openapi.ts.

export const challengeRequest = z.strictObject({
  repository,
  run_id: runId,
  run_attempt: runAttempt,
  public_key: recipient,
  job: job.optional(),
  ref: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe("A hint, as GITHUB_REF has it: what to look up ahead. It decides nothing."),
});

export const credentialRequest = z
  .strictObject({
    repository,
    run_id: runId,
    run_attempt: runAttempt,
    job: job
      .meta({ minProperties: 1 })
      .refine((hint) => Object.values(hint).some((value) => value !== undefined), {
        message: "must name the job by id, runner_name or name",
      }),
    step: name.optional().describe("The step that announces; the grant must name it."),
    role: z
      .string()
      .regex(roleShape, "must be the ARN of an IAM role")
      .describe("The ARN of the role that is asked for."),
    duration_seconds: z
      .int()
      .min(900)
      .max(43_200)
      .optional()
      .describe("How long the session may last; at most what the grant allows. Default: 900."),
    public_key: recipient,
    ticket: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe("The log proof: the challenge's ticket, opened with the private half of the key."),
    /** Real ones are about 1,500 characters (O-13). */
    oidc_token: z
      .string()
      .min(1)
      .max(8_192)
      .optional()
      .describe("The OIDC proof: a GitHub token with the audience `<public_url>#<public_key>`."),
  })
  .meta({ anyOf: [{ required: ["ticket"] }, { required: ["oidc_token"] }] });

/** How a caller points at a job; see selectJob in identity.ts. */
export interface JobSelector {
  id?: number | undefined;
  runner_name?: string | undefined;
  name?: string | undefined;
}

export type ChallengeRequest = z.output<typeof challengeRequest>;

/** A request and which proofs come with it; at least one does. */
export type CredentialRequest = z.output<typeof credentialRequest> & { proofs: Proofs };

/** @throws {Refusal} invalid_request */
export function parseChallengeRequest(body: string): ChallengeRequest {
  return parse(challengeRequest, body);
}

/** The request as if its token had not come, for a broker that takes none. */
export function withoutToken(request: CredentialRequest): CredentialRequest {
  return { ...request, oidc_token: undefined, proofs: { ...request.proofs, oidc: false } };
}

/** @throws {Refusal} invalid_request */
export function parseCredentialRequest(body: string): CredentialRequest {
  const request = parse(credentialRequest, body);
  const proofs = { log: request.ticket !== undefined, oidc: request.oidc_token !== undefined };
  if (proofs.log || proofs.oidc) return { ...request, proofs };
  throw new Refusal("invalid_request", {
    detail: "A proof is missing: give the challenge's opened ticket, an oidc_token, or both.",
  });
}

function parse<T>(schema: z.ZodType<T>, body: string): T {
  const result = schema.safeParse(parseJsonObject(body));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Refusal("invalid_request", {
    detail: issue ? describe(issue) : "The body does not fit.",
  });
}

/** Names the field, never its value. Unknown keys are the caller's own text, so they are not repeated. */
function describe(issue: z.core.$ZodIssue): string {
  const field = issue.path.join(".") || "the body";
  if (issue.code === "unrecognized_keys") return `${field} has a field that is not known here.`;
  return `${field}: ${issue.message}.`;
}
