import { parseProofLine, proofLine } from "../core/announcement.ts";
import type { Code } from "../core/errors.ts";
import { announceWhile } from "./announce.ts";
import { type Asked, challengeBody, credentialBody } from "./asked.ts";
import { type Deadline, ask } from "./asking.ts";
import type { Body, BrokerClient } from "./broker-client.ts";
import { Failure, exitCodes } from "./failure.ts";
import type { Host } from "./host.ts";
import type { LiveFeed } from "./live-feed.ts";
import { TurnedAway } from "./refusal-line.ts";
import type { TokenSource } from "./token-proof.ts";

const staleChallenge = new Set<unknown>([
  "challenge_expired",
  "challenge_invalid",
] satisfies Code[]);

/**
 * What a ticket may be once it is opened, and sent back. Who answers at --url may have got any age file
 * for our key: credentials, which are JSON, must not be opened for them (C-02).
 */
const ticketShape = /^[A-Za-z0-9_.~+/=:-]{1,512}$/;

/** Opens an armored age file with our key. */
export type Open = (armored: string) => Promise<string>;

/** What a proof is made with. */
export interface Means {
  readonly asked: Asked;
  readonly broker: BrokerClient;
  readonly open: Open;
  /** Where the announcement is written as well. */
  readonly feed: LiveFeed | null;
  readonly deadline: Deadline;
  readonly host: Host;
}

/**
 * Challenge, announcement, credentials; once more from the start if the challenge ran out, or is one
 * that the broker no longer knows for its own: it may have been started anew meanwhile (F-11).
 */
export async function proveByLog(
  { asked, broker, open, feed, deadline, host }: Means,
  tokens: TokenSource | null,
): Promise<Body> {
  const once = async (): Promise<Body> => {
    const { line, ticket } = await challengeFor(asked, broker, open, deadline, host);
    const tokenOf = tokens?.begin();
    return announceWhile(line, host, feed, () =>
      ask(
        async (ms) => {
          const body = credentialBody(asked, { ticket, token: await tokenOf?.() });
          return broker.post("/v1/credentials", body, ms);
        },
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
  if (!ticketShape.test(ticket)) throw unfit("ticket");
  return { line, ticket };
}

function unfit(what: string): Failure {
  return new Failure(
    exitCodes.other,
    `the broker's ${what} is not well formed: is --url the broker's address?`,
  );
}
