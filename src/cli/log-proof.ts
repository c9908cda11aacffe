import { parseProofLine, proofLine } from "../core/announcement.ts";
import type { Code } from "../core/errors.ts";
import type { AgeKey } from "./age-key.ts";
import { announceWhile } from "./announce.ts";
import { type Deadline, ask } from "./asking.ts";
import type { Body, BrokerClient } from "./broker-client.ts";
import { Failure, exitCodes } from "./failure.ts";
import type { Host } from "./host.ts";
import type { LiveFeed } from "./live-feed.ts";
import { TurnedAway } from "./refusal-line.ts";
import type { RunContext } from "./run-context.ts";

const staleChallenge = new Set<unknown>([
  "challenge_expired",
  "challenge_invalid",
] satisfies Code[]);

/** Who asks for what, and with which key. */
export interface Asked {
  readonly run: RunContext;
  readonly key: AgeKey;
  readonly role: string;
  readonly step: string | undefined;
  readonly durationSeconds: number | undefined;
}

/** Opens an armored age file with our key. */
export type Open = (armored: string) => Promise<string>;

/**
 * Challenge, announcement, credentials; once more from the start if the challenge ran out, or is one
 * that the broker no longer knows for its own: it may have been started anew meanwhile (F-11).
 */
export async function proveByLog(
  asked: Asked,
  broker: BrokerClient,
  open: Open,
  feed: LiveFeed | null,
  deadline: Deadline,
  host: Host,
): Promise<Body> {
  const once = async (): Promise<Body> => {
    const { line, ticket } = await challengeFor(asked, broker, open, deadline, host);
    return announceWhile(line, host, feed, () =>
      ask(
        (ms) => broker.post("/v1/credentials", credentialBody(asked, ticket), ms),
        deadline,
        host,
      ),
    );
  };
  try {
    return await once();
  } catch (error) {
    if (error instanceof TurnedAway && staleChallenge.has(error.code)) return once();
    throw error;
  }
}

async function challengeFor(
  asked: Asked,
  broker: BrokerClient,
  open: Open,
  deadline: Deadline,
  host: Host,
) {
  const body = await ask(
    (ms) => broker.post("/v1/challenges", challengeBody(asked), ms),
    deadline,
    host,
  );
  const line = proofLine(asked.key.publicKey, String(body.challenge));
  // It will stand in the job's log, where the runner would obey commands in it.
  if (typeof body.challenge !== "string" || parseProofLine(line) === null) throw unfit("challenge");
  const ticket = typeof body.ticket === "string" ? await open(body.ticket) : "";
  if (!/^[\x21-\x7e]{1,512}$/.test(ticket)) throw unfit("ticket");
  return { line, ticket };
}

/** These fields leave and no others (C-18). */
function challengeBody({ run, key }: Asked): object {
  return {
    repository: run.repository,
    run_id: run.runId,
    run_attempt: run.runAttempt,
    public_key: key.publicKey,
    job: run.job,
    ...(run.ref !== undefined && { ref: run.ref }),
  };
}

function credentialBody({ run, key, role, step, durationSeconds }: Asked, ticket: string): object {
  return {
    repository: run.repository,
    run_id: run.runId,
    run_attempt: run.runAttempt,
    job: run.job,
    ...(step !== undefined && { step }),
    role,
    ...(durationSeconds !== undefined && { duration_seconds: durationSeconds }),
    public_key: key.publicKey,
    ticket,
  };
}

function unfit(what: string): Failure {
  return new Failure(
    exitCodes.other,
    `the broker's ${what} is not well formed: is --url the broker's address?`,
  );
}
