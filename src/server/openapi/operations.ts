import type { z } from "zod";
import type { Code } from "../../core/errors.ts";
import { legacyRequest } from "../../core/legacy.ts";
import { renewalRequest } from "../../core/renewal.ts";
import { challengeRequest, credentialRequest } from "../../core/request.ts";
import { challengeAnswer, credentialAnswer } from "./answers.ts";
import * as example from "./examples.ts";

/** One route of the main listener, as the document describes it. */
export interface Operation {
  readonly id: string;
  readonly method: "get" | "post";
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly request?: Shape;
  readonly answer: Answer;
  /** Every way in which it can be turned away. */
  readonly codes: readonly Code[];
}

/** A body that becomes a component of the document. */
interface Shape {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly example: unknown;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly description: string;
  /** None for what is not JSON of a shape of ours. */
  readonly body?: Shape;
  /** Caches may keep it, and ask with its ETag whether it still holds. */
  readonly cacheable?: boolean;
}

const anyRequest = [
  "invalid_request",
  "rate_limited",
  "too_large",
  "unsupported_media_type",
  "internal_error",
] as const;
const anyDecision = [
  ...anyRequest,
  "not_in_progress",
  "fork",
  "ref_ambiguous",
  "no_grant",
  "role_not_granted",
  "job_not_found",
  "github_unavailable",
  "github_rate_limited",
  "aws_denied",
  "aws_unavailable",
  "audit_unavailable",
  "store_unavailable",
] as const;
const anyLog = [
  "job_ambiguous",
  "proof_pending",
  "proof_ambiguous",
  "proof_invalid",
  "github_session_expired",
] as const;

/** All of them: a new route is a new entry. */
export const operations: readonly Operation[] = [
  {
    id: "createChallenge",
    method: "post",
    path: "/v1/challenges",
    summary: "Ask for a challenge",
    description:
      "Gives what the job has to print into its step's log, and a ticket that only the holder of the private key can open. " +
      "Nothing is decided, and no call is waited for. `job` and `ref` are hints that let the broker look ahead.",
    request: {
      name: "ChallengeRequest",
      schema: challengeRequest,
      example: example.challengeRequest,
    },
    answer: {
      status: 201,
      type: "application/json",
      description: "A challenge, good for five minutes.",
      body: { name: "Challenge", schema: challengeAnswer, example: example.challenge },
    },
    codes: anyRequest,
  },
  {
    id: "createCredentials",
    method: "post",
    path: "/v1/credentials",
    summary: "Prove which job this is, and get credentials",
    description:
      "The log proof: the opened ticket, while the challenge stands in the log of a pinned step; `proof_pending` may pass when asked again. " +
      "The OIDC proof: a token of GitHub's. Grants may want either or both.",
    request: {
      name: "CredentialRequest",
      schema: credentialRequest,
      example: example.credentialRequest,
    },
    answer: {
      status: 200,
      type: "application/json",
      description: "Credentials that only the holder of the private key can open.",
      body: { name: "Credentials", schema: credentialAnswer, example: example.credentials },
    },
    codes: [...anyDecision, ...anyLog, "challenge_invalid", "challenge_expired", "oidc_invalid"],
  },
  {
    id: "renewCredentials",
    method: "post",
    path: "/v1/renewals",
    summary: "Get new credentials for the same role and key",
    description:
      "With the RenewalToken of the credentials before, while GitHub says that the job is in progress, and by the grants as they are now.",
    request: { name: "RenewalRequest", schema: renewalRequest, example: example.renewalRequest },
    answer: {
      status: 200,
      type: "application/json",
      description: "Credentials that only the holder of the private key can open.",
      body: { name: "Credentials", schema: credentialAnswer, example: example.credentials },
    },
    codes: [...anyDecision, "renewal_invalid"],
  },
  {
    id: "createLegacyCredentials",
    method: "post",
    path: "/",
    summary: "What the original's clients ask",
    description:
      "For grants with `legacy: true` alone. The completed step must announce exactly one key by a whole line, `ACTIONS2AWS PUBKEY: age1…`.",
    request: { name: "LegacyRequest", schema: legacyRequest, example: example.legacyRequest },
    answer: {
      status: 200,
      type: "application/octet-stream",
      description:
        "A binary age file to that key, of the JSON object {AccessKeyId, SecretAccessKey, SessionToken, Expiry}.",
    },
    codes: [...anyDecision, ...anyLog],
  },
  {
    id: "describe",
    method: "get",
    path: "/openapi.json",
    summary: "This document",
    description: "Made of the schemas by which the broker checks what it gets.",
    answer: {
      status: 200,
      type: "application/json",
      description: "An OpenAPI 3.1 document.",
      cacheable: true,
    },
    codes: [],
  },
];
