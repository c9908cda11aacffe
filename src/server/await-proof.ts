import type { Announcement } from "../core/announcement.ts";
import { Refusal } from "../core/errors.ts";
import { judgeSteps, type StepLog } from "../core/proof.ts";
import type { Case } from "./examine.ts";

export interface Waiting {
  case: Case;
  /** Reads the pinned steps' logs once. */
  read: () => Promise<readonly StepLog[]>;
  /** Examines the run again, on new answers. @throws {Refusal} */
  refresh: () => Promise<Case>;
  announcement: Announcement;
  clock: { steady: () => number };
  freshForMs: number;
  /** Monotonic milliseconds. */
  deadline: number;
}

/** The runner drains its feed every 250 to 500 ms: looking much oftener sees nothing new. */
const pausesMs = [250, 300, 400, 500, 750];
/** A look takes about this long; facts that would be too old after it are fetched beside it. */
const lookMs = 400;

/** A case whose log proves the key, and the step that does. */
export interface ProvenByLog {
  readonly case: Case;
  readonly step: string;
}

/**
 * Reads the log until it proves the key, for a bounded time. The run is looked at again while waiting,
 * so that it is still in progress, and fresh, when this returns (G-08, H-11).
 *
 * @throws {Refusal} proof_pending when time is up, and whatever stands against the proof or the run
 */
export async function awaitProof(waiting: Waiting): Promise<ProvenByLog> {
  const { clock, deadline, freshForMs } = waiting;
  let current = waiting.case;
  for (let look = 0; ; look++) {
    const ages = clock.steady() + lookMs - current.at > freshForMs;
    const [steps, latest] = await Promise.all([waiting.read(), ages ? waiting.refresh() : current]);
    current = latest;
    assertSameGrant(waiting.case, current);
    const step = judgeSteps(steps, waiting.announcement);
    if (step !== null) {
      const old = clock.steady() - current.at > freshForMs;
      return { case: old ? await refreshed(waiting) : current, step };
    }
    const pause = pausesMs[Math.min(look, pausesMs.length - 1)] ?? 0;
    if (clock.steady() + pause > deadline) {
      throw new Refusal("proof_pending", {
        detail: "The announcement is not in the log yet.",
        retryAfter: 1,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function refreshed(waiting: Waiting): Promise<Case> {
  const latest = await waiting.refresh();
  assertSameGrant(waiting.case, latest);
  return latest;
}

/** The proof was read for one grant's steps and one job: another needs a proof of its own. */
export function assertSameGrant(first: Case, latest: Case): void {
  if (latest.grant !== first.grant || latest.identity.job.id !== first.identity.job.id) {
    throw new Refusal("proof_pending", { detail: "The run has changed meanwhile.", retryAfter: 1 });
  }
}
