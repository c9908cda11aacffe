import { z } from "zod";
import { isSpoiledPubkeyLine, parsePubkeyLine } from "./announcement.ts";
import { Refusal } from "./errors.ts";
import { parseJsonObject } from "./json.ts";
import { isWithin, type LogItem, type StepLog, type StepWindow } from "./proof.ts";
import type { PublicKey } from "./recipient.ts";
import { decimalId, repositoryShape, roleShape } from "./request.ts";

/**
 * The original's clients, for grants that say `legacy: true`: they name a run and a step, and the
 * answer is sealed to the one key that the step has announced. Without a challenge the announcement
 * is no fresher than the run, so all that guards it is that it stands alone in a pinned step.
 */
const name = z.string().min(1).max(512);

export const legacyRequest = z.strictObject({
  Repo: z.string().regex(repositoryShape),
  RunId: decimalId,
  JobName: name,
  StepName: name,
  RoleARN: z.string().regex(roleShape),
});

export type LegacyRequest = z.output<typeof legacyRequest>;

/** @throws {Refusal} invalid_request */
export function parseLegacyRequest(body: string): LegacyRequest {
  const result = legacyRequest.safeParse(parseJsonObject(body));
  if (result.success) return result.data;
  const field = result.error.issues[0]?.path.join(".") ?? "";
  throw new Refusal("invalid_request", {
    detail: `${field || "A field"} is missing, unknown or not well formed.`,
  });
}

/**
 * The key that the step's log announces: exactly one whole line, in a step that has ended well
 * (L-05, L-07), at a time of that step (L-04, L-10). Twice the same key is two lines as well, and so is
 * a line that the runner has changed.
 *
 * @param steps the logs of all steps of that name
 * @throws {Refusal} proof_pending, proof_invalid, proof_ambiguous
 */
export function announcedKey(steps: readonly StepLog[]): PublicKey {
  const [step, ...others] = steps;
  if (others.length > 0)
    throw new Refusal("proof_ambiguous", { detail: "The job has two steps of that name." });
  if (step?.state === "failed")
    throw new Refusal("proof_invalid", { detail: "The step did not end well." });
  if (step?.state !== "succeeded" || step.items === null) {
    throw new Refusal("proof_pending", {
      detail: "The step's log is not there yet.",
      retryAfter: 1,
    });
  }
  const keys = keysIn(step.items, step.window);
  const [key] = keys;
  if (key === undefined)
    throw new Refusal("proof_invalid", { detail: "The step announces no key." });
  if (keys.length > 1)
    throw new Refusal("proof_ambiguous", { detail: "The step announces more than one key." });
  return key;
}

function keysIn(items: readonly LogItem[], window: StepWindow): PublicKey[] {
  return items.flatMap(({ text, time }) => {
    const key = parsePubkeyLine(text);
    if (key === null && isSpoiledPubkeyLine(text))
      throw new Refusal("proof_invalid", {
        detail: "A mask or a marker has changed an announcement in the step's log.",
      });
    // Of two announcements in whatever order neither counts, so that their order need not be looked at.
    if (key !== null && time !== undefined && !isWithin(time, time, window))
      throw new Refusal("proof_invalid", {
        detail: "The announcement's time is not of this step.",
      });
    return key ?? [];
  });
}
