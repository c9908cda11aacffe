import { type Code, Refusal } from "../../src/core/errors.ts";
import type { Honest } from "./honest.ts";

/** A parser of what others send, and what has to hold whatever that is. */
export interface Target {
  /** Honest inputs, to begin with. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** What the format is made of. */
  readonly words: readonly string[];
  /** Throws when something does not hold. */
  run(input: Buffer): void | Promise<void>;
  close?(): void | Promise<void>;
}

export type OpenTarget = (honest: Honest) => Target | Promise<Target>;

/** What it comes to; undefined when the input is turned away as it should be, with one of these codes. */
export async function unlessRefused<T>(
  codes: readonly Code[],
  read: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Refusal && codes.includes(error.code)) return undefined;
    throw error;
  }
}
