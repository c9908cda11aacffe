import { type Announcement, parseProofLine } from "../../core/announcement.ts";
import type { StepLog } from "../../core/proof.ts";
import type { PublicKey } from "../../core/recipient.ts";

/** The log of a pinned step, as the proof sees it. */
export interface StepView {
  name: string;
  state: StepLog["state"];
  /** Null when the log is not there. */
  items: number | null;
  announcements: readonly AnnouncementView[];
}

/** An item that is, or looks like, the announcement of a key. */
export interface AnnouncementView {
  /** Which item of the log, from 1. */
  item: number;
  /** ISO 8601; null in a live feed, which has no times. */
  time: string | null;
  /** Null when the item is no announcement, whatever it looks like. */
  public_key: string | null;
  /** When the challenge ends, ISO 8601; null when it is not one of a broker's. */
  challenge_ends: string | null;
}

/** Neither key nor challenge can stand in a log: a job that has announced nothing. */
const nobody: Announcement = {
  publicKey: "age1nobody" as PublicKey,
  challenge: "none that was handed out",
};

/** @returns what a job that asks now would have announced: the last announcement that is one, and whole. */
export function announcedIn(steps: readonly StepLog[]): Announcement {
  const found = steps.flatMap(({ items }) => (items ?? []).map(({ text }) => parseProofLine(text)));
  return found.findLast((announcement) => announcement !== null) ?? nobody;
}

export function viewStep({ name, state, items }: StepLog): StepView {
  const announcements = (items ?? []).flatMap(({ text, time }, index) => {
    if (!/ACTIONS2AWS (?:PROOF|PUBKEY)/.test(text)) return [];
    const announcement = parseProofLine(text);
    return {
      item: index + 1,
      time: time === undefined ? null : new Date(time).toISOString(),
      public_key: announcement?.publicKey ?? null,
      challenge_ends: endOf(announcement?.challenge ?? ""),
    };
  });
  return { name, state, items: items?.length ?? null, announcements };
}

/** `c1.<seconds since 1970, base 36>.…` */
function endOf(challenge: string): string | null {
  const seconds = Number.parseInt(/^c1\.([0-9a-z]{1,8})\./.exec(challenge)?.[1] ?? "", 36);
  return Number.isNaN(seconds) ? null : new Date(seconds * 1000).toISOString();
}
