import { z } from "zod";
import { Refusal } from "./errors.ts";
import { parseJsonObject } from "./json.ts";
import { parsePublicKey, type PublicKey } from "./recipient.ts";

/**
 * Untrusted JSON → a request. Everything in here is attacker-controlled: it selects which run, job
 * and role are meant, and decides nothing (design rule 1 of the catalogue).
 */

/** `owner/name`, ASCII only, so that no URL can be bent by it (H-01) and no case folding surprises (G-15). */
export const repositoryShape = /^[A-Za-z0-9_-]{1,39}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;

/** An IAM role's ARN: partition, account, path and name; nothing else. */
export const roleShape =
  /^arn:aws(?:-[a-z]{1,10}){0,3}:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]{1,576}$/;

const repository = z.string().regex(repositoryShape, "must be OWNER/NAME");

/** A positive integer below 2^53, as a number or its canonical decimal text (H-03, H-04). */
const id = z
  .union([
    z.number(),
    z.string().regex(/^[1-9][0-9]{0,15}$/, "must be a positive integer below 2^53"),
  ])
  .transform(Number)
  .refine(
    (value) => Number.isSafeInteger(value) && value > 0,
    "must be a positive integer below 2^53",
  );

const name = z.string().min(1).max(512);

const job = z.strictObject({
  id: id.optional(),
  runner_name: name.optional(),
  name: name.optional(),
});

const publicKey = z.string().transform((text, context): PublicKey => {
  const key = parsePublicKey(text);
  if (key !== null) return key;
  context.addIssue({ code: "custom", message: "must be an age X25519 recipient, age1…" });
  return z.NEVER;
});

const challengeRequest = z.strictObject({
  repository,
  run_id: id,
  run_attempt: id,
  public_key: publicKey,
  job: job.optional(),
  ref: z.string().min(1).max(512).optional(),
});

const credentialRequest = z.strictObject({
  repository,
  run_id: id,
  run_attempt: id,
  job: job.refine((hint) => Object.values(hint).some((value) => value !== undefined), {
    message: "must name the job by id, runner_name or name",
  }),
  step: name.optional(),
  role: z.string().regex(roleShape, "must be the ARN of an IAM role"),
  duration_seconds: z.int().min(900).max(43_200).optional(),
  public_key: publicKey,
  ticket: z.string().min(1).max(512),
});

/** How a caller points at a job; see selectJob in identity.ts. */
export interface JobSelector {
  id?: number | undefined;
  runner_name?: string | undefined;
  name?: string | undefined;
}

export type ChallengeRequest = z.output<typeof challengeRequest>;
export type CredentialRequest = z.output<typeof credentialRequest>;

/** @throws {Refusal} invalid_request */
export function parseChallengeRequest(body: string): ChallengeRequest {
  return parse(challengeRequest, body);
}

/** @throws {Refusal} invalid_request */
export function parseCredentialRequest(body: string): CredentialRequest {
  return parse(credentialRequest, body);
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
