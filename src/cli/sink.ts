import { writeSync } from "node:fs";
import { Failure, exitCodes, systemCode } from "./failure.ts";

export interface Sink {
  write(text: string): void;
}

/** Our answer: if it cannot be written whole, we have failed. */
export function stdoutSink(): Sink {
  return {
    write(text) {
      const fault = writeWhole(1, text, 30_000);
      if (fault !== null) throw new Failure(exitCodes.other, `stdout cannot be written (${fault})`);
    },
  };
}

/** What people read: a closed stderr stops nothing, nor does one that stays full for so long. */
export function stderrSink(patienceMs = 1_000): Sink {
  return {
    write(text) {
      writeWhole(2, text, patienceMs);
    },
  };
}

/**
 * Straight to the descriptor: at once, in order, and without the streams of Node, which take a
 * tenth of the start time to load.
 *
 * @returns what went wrong, or null
 */
function writeWhole(descriptor: number, text: string, patienceMs: number): string | null {
  let rest = Buffer.from(text);
  for (let waited = 0; rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = systemCode(error);
      // A pipe that is full, and that somebody has set not to block.
      if (code !== "EAGAIN" || waited >= patienceMs) return code || "unknown";
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      waited += 5;
    }
  }
  return null;
}
