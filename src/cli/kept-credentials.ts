import { Deadline } from "./asking.ts";
import type { CredentialCache, Kept } from "./credential-cache.ts";
import type { CredentialSource } from "./credential-source.ts";
import { Failure, exitCodes, lineOf } from "./failure.ts";
import { LockWatch } from "./file-lock.ts";
import { type Host, say } from "./host.ts";
import type { Issued } from "./issued.ts";
import { hasMargin, renewalTime } from "./lifespan.ts";
import { TurnedAway } from "./refusal-line.ts";

const longestTryMs = 10_000;
const pauseAfterFailureMs = 20_000;

export interface Found {
  readonly issued: Issued;
  /** Not kept from before, but asked for. */
  readonly isNew: boolean;
}

/** Those that are kept, if they are good for a while yet; else others, asked for by one process of many. */
export async function keptOrNewCredentials(
  cache: CredentialCache,
  source: CredentialSource,
  timeoutSeconds: number,
  host: Host,
): Promise<Found> {
  cache.prepare();
  const deadline = new Deadline(timeoutSeconds, host);
  const watch = new LockWatch(cache.lockPath, host);
  for (;;) {
    const kept = cache.read();
    if (kept && !isDue(kept, host.now())) return { issued: kept, isNew: false };
    const lock = cache.lock();
    if (lock) {
      try {
        return await renewOrProve(cache, source, deadline, host);
      } finally {
        lock.release();
      }
    }
    // Somebody else sees to it, and these will do meanwhile.
    if (kept && hasMargin(kept, host.now())) return { issued: kept, isNew: false };
    if (deadline.remainingMs() <= 0) throw stuck(deadline);
    watch.look();
    await host.sleep(25 + 50 * host.random());
  }
}

/** Credentials by a new proof, for later calls to keep and renew. */
export async function proveAndKeep(
  cache: CredentialCache,
  source: CredentialSource,
  timeoutSeconds: number,
  host: Host,
): Promise<Issued> {
  cache.prepare();
  const issued = await source.prove(new Deadline(timeoutSeconds, host));
  cache.write({ ...issued, notBefore: 0 });
  return issued;
}

async function renewOrProve(
  cache: CredentialCache,
  source: CredentialSource,
  deadline: Deadline,
  host: Host,
): Promise<Found> {
  // The holder before us may have done it.
  const kept = cache.read();
  if (kept && !isDue(kept, host.now())) return { issued: kept, isNew: false };
  const next = kept
    ? await renewOrGoOn(kept, source, deadline, host)
    : { ...(await proveFromHere(source, deadline)), notBefore: 0 };
  try {
    cache.write(next);
  } catch (error) {
    // Good all the same, for this call.
    say(host, lineOf(error));
  }
  return { issued: next, isNew: next.notBefore === 0 };
}

/** The command of a profile may prove by a token alone: the log does not get what it prints. */
async function proveFromHere(source: CredentialSource, deadline: Deadline): Promise<Issued> {
  try {
    return await source.prove(deadline);
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== exitCodes.usage) throw error;
    const cure = "run `actions2aws request --profile NAME` in a step of this job first";
    throw new Failure(
      error.exitCode,
      `no credentials of this job are kept for this role: ${cure}; to prove it anew, ${error.message}`,
    );
  }
}

function isDue(kept: Kept, now: number): boolean {
  return now >= Math.max(renewalTime(kept), kept.notBefore);
}

/** A broker in trouble stops nobody whose credentials are good; one that refuses does, near their end. */
async function renewOrGoOn(
  kept: Kept,
  source: CredentialSource,
  deadline: Deadline,
  host: Host,
): Promise<Kept> {
  try {
    const patience = isLeft(kept, host.now()) ? shorter(deadline, host) : deadline;
    return { ...(await source.renew(kept.credentials, patience)), notBefore: 0 };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const now = host.now();
    const mayPass = error.exitCode === exitCodes.unavailable;
    // The job is over: who asks has no more right to what it left (C-08).
    const isOver = error instanceof TurnedAway && error.code === "not_in_progress";
    if (isOver || !(mayPass ? isLeft(kept, now) : hasMargin(kept, now))) throw unrenewed(error);
    const { expiration } = kept.credentials;
    say(host, `${error.message}; the credentials that are kept go on until ${expiration}`);
    // Each call of each process would ask again, and wait for it.
    const notBefore = mayPass
      ? Math.min(now + pauseAfterFailureMs, (now + kept.expiresAt) / 2)
      : renewalTime({ ...kept, renewalAfter: null });
    return { ...kept, notBefore };
  }
}

/** Enough for a call that is made at once. */
function isLeft({ obtainedAt, expiresAt }: Kept, now: number): boolean {
  return expiresAt - now > Math.min(30_000, (expiresAt - obtainedAt) / 10);
}

function shorter(deadline: Deadline, host: Host): Deadline {
  const ms = Math.min(longestTryMs, Math.max(1_000, deadline.remainingMs()));
  return new Deadline(Math.round(ms / 1000), host);
}

function unrenewed({ exitCode, message }: Failure): Failure {
  return new Failure(exitCode, `the kept credentials are not renewed: ${message}`);
}

function stuck({ seconds }: Deadline): Failure {
  return new Failure(
    exitCodes.unavailable,
    `out of time after ${seconds}s: another process of this job has been asking for these credentials`,
  );
}
