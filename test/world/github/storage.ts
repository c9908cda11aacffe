import { randomUUID } from "node:crypto";

import { text, type Answer, type Request } from "../answer.ts";
import type { Job, Step } from "./model.ts";
import type { State } from "./state.ts";

const lifetime = 600_000;

/** A signed URL for a completed step's log. */
export function stepLogUrl(state: State, job: Job, step: Step): string {
  return sign(state, `/logs/${job.internalId}/step-${step.number}.txt`, () => step.log);
}

/** A signed URL for a completed job's log, all steps in a row. */
export function jobLogUrl(state: State, job: Job): string {
  return sign(state, `/logs/${job.internalId}/job.txt`, () =>
    job.steps.map((step) => step.log).join(""),
  );
}

/** The signed storage: an origin of its own, where neither cookie nor token have any business. */
export function storageAnswer(state: State, request: Request): Answer {
  // Azure's answer to the bearer token that careless clients forward.
  if (request.headers.authorization !== undefined) return refusal(400, "InvalidAuthenticationInfo");
  const signed = state.signatures.get(request.query.get("sig") ?? "");
  if (signed === undefined || signed.path !== request.pathname || signed.until <= state.now())
    return refusal(403, "AuthenticationFailed");
  return text(`\uFEFF${signed.content()}`, 200, "text/plain");
}

function sign(state: State, path: string, content: () => string): string {
  const signature = randomUUID();
  const until = state.now() + lifetime;
  state.signatures.set(signature, { path, content, until });
  const expiry = encodeURIComponent(new Date(until).toISOString());
  return `${state.storageUrl}${path}?se=${expiry}&sp=r&sv=2025-11-05&sr=b&sig=${signature}`;
}

function refusal(status: number, code: string): Answer {
  return text(
    `\uFEFF<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
    status,
    "application/xml",
  );
}
