import type { Secret } from "../core/secret.ts";
import type { AgeKey } from "./age-key.ts";
import type { RunContext } from "./run-context.ts";

/** Who asks for what, and with which key. */
export interface Asked {
  readonly run: RunContext;
  readonly key: AgeKey;
  readonly role: string;
  readonly step: string | undefined;
  readonly durationSeconds: number | undefined;
}

/** What a request is proved by; a grant can want both. */
export interface Proofs {
  /** Opened. */
  readonly ticket?: string;
  readonly token?: Secret | undefined;
}

// These fields leave and no others (C-18).

export function challengeBody({ run, key }: Asked): object {
  return {
    repository: run.repository,
    run_id: run.runId,
    run_attempt: run.runAttempt,
    public_key: key.publicKey,
    job: run.job,
    ...(run.ref !== undefined && { ref: run.ref }),
  };
}

export function credentialBody(
  { run, key, role, step, durationSeconds }: Asked,
  { ticket, token }: Proofs,
): object {
  return {
    repository: run.repository,
    run_id: run.runId,
    run_attempt: run.runAttempt,
    job: run.job,
    ...(step !== undefined && { step }),
    role,
    ...(durationSeconds !== undefined && { duration_seconds: durationSeconds }),
    public_key: key.publicKey,
    ...(ticket !== undefined && { ticket }),
    ...(token !== undefined && { oidc_token: token.reveal() }),
  };
}
