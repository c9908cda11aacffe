import { z } from "zod";
import { codes } from "../../core/errors.ts";
import type { ChallengeAnswer } from "../broker-parts.ts";
import type { CredentialAnswer } from "../sealed-answer.ts";

/** What the broker answers, for the OpenAPI document. The compiler holds them to what it really answers. */

const armored = z.string().startsWith("-----BEGIN AGE ENCRYPTED FILE-----\n");

export const challengeAnswer: z.ZodType<ChallengeAnswer> = z.object({
  challenge: z
    .string()
    .regex(/^c1\.[A-Za-z0-9._-]+$/)
    .describe("What the job prints: `ACTIONS2AWS PROOF: <public_key> <challenge>`."),
  ticket: armored.describe("The ticket, an armored age file to public_key."),
  expires_at: z.iso.datetime().describe("When challenge and ticket end."),
});

export const credentialAnswer: z.ZodType<CredentialAnswer> = z.object({
  credentials: armored.describe(
    "An armored age file to public_key, of the JSON object {AccessKeyId, SecretAccessKey, SessionToken, Expiration, RenewalToken}.",
  ),
  expiration: z.iso.datetime().describe("When the credentials end."),
  grant: z.string().describe("The name of the grant that allows it."),
  renewal_after: z.iso.datetime().describe("When to ask for new ones."),
  request_id: z.string().describe("Names the request in the broker's audit record."),
});

/** RFC 9457 problem details. */
export const problem = z.object({
  type: z.string().regex(/^urn:actions2aws:problem:[a-z_]+$/),
  title: z.string().describe("What the code means."),
  status: z.int().min(400).max(599).describe("The answer's HTTP status."),
  detail: z.string().describe("One sentence for whoever reads the job's log."),
  code: z.enum(codes).describe("What went wrong, for programs."),
  request_id: z.string().describe("Names the request in the broker's audit record and log."),
  fields: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("Names of the grant's fields that the run does not fit; never their values."),
});

export type Problem = z.output<typeof problem>;
