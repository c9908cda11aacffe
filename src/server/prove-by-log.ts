import type { Asked } from "../core/audit.ts";
import type { Grant } from "../core/grant.ts";
import type { PublicKey } from "../core/recipient.ts";
import { awaitProof, type ProvenByLog } from "./await-proof.ts";
import type { Clock } from "./broker-parts.ts";
import {
  addressOf,
  type Case,
  examine,
  examineFairly,
  type Findings,
  freshForMs,
  type Inquiry,
} from "./examine.ts";
import type { GitHubFacts, JobAddress, JobLog } from "./github/ports.ts";

export interface LogProver {
  github: GitHubFacts;
  log: JobLog;
  clock: Clock;
  /** How long one request may wait for its announcement, in milliseconds. */
  patience: number;
  /** Holds what is looked up in vain within its budget; see RunLookups. */
  guard?: Guard;
}

export type Guard = <T>(
  run: Pick<Asked, "repository" | "run_id" | "run_attempt">,
  look: () => Promise<T>,
) => Promise<T>;

/** Answers may be shared for a little less, so that they are still fresh when the proof is read. */
const sharedForMs = 1_500;

/**
 * The log proof: who the run is, which grant allows it, and that its pinned step announces the key.
 * Returns when all three hold, on answers of GitHub's no older than two seconds.
 *
 * @throws {Refusal}
 */
export async function proveByLog(
  { github, log, clock, patience, guard = unguarded }: LogProver,
  grants: readonly Grant[],
  inquiry: Inquiry,
  announcement: { publicKey: PublicKey; challenge: string },
  findings: Findings & { grant?: string | undefined },
): Promise<ProvenByLog> {
  const arrivedAt = clock.steady();
  const address = (jobId: number, headSha: string): JobAddress => ({
    ...addressOf(inquiry),
    jobId,
    headSha,
  });
  const look = (notBefore: number): Promise<Case> =>
    examineFairly((times) => examine(github, grants, inquiry, times, findings), {
      notBefore,
      arrivedAt,
    });
  const first = await guard(inquiry, () => {
    if (inquiry.job.id !== undefined) log.prepare(address(inquiry.job.id, ""));
    return look(arrivedAt - sharedForMs);
  });
  findings.grant = first.grant.name;
  return awaitProof({
    case: first,
    read: () => log.read(address(first.identity.job.id, first.identity.headSha), first.grant.step),
    // Shared for a moment among the jobs of a matrix, which all look again at about the same time.
    refresh: () => look(clock.steady() - sharedForMs / 3),
    announcement,
    clock,
    freshForMs,
    deadline: arrivedAt + patience,
  });
}

function unguarded<T>(_run: unknown, look: () => Promise<T>): Promise<T> {
  return look();
}
