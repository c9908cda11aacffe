import { mutate } from "./mutate.ts";
import type { Coverage } from "./coverage.ts";
import type { Random } from "./random.ts";
import type { Target } from "./target.ts";

/** An input of which something does not hold. */
export class Finding extends Error {
  override name = "Finding";
  readonly input: Buffer;

  constructor(message: string, input: Buffer, cause?: unknown) {
    super(`${message}, for the input ${shown(input)}`, { cause });
    this.input = input;
  }
}

export interface Run {
  random: Random;
  /** Whether there is time for more. */
  more: () => boolean;
  /** Without it, inputs are made of the honest ones alone. */
  coverage?: Coverage;
  /** Told of each input before it is tried. */
  watch?: (input: Buffer) => void;
  /** What is done about a finding; by default it ends the run. */
  report?: (finding: Finding) => void;
}

/** Looking at the coverage takes about 3 ms. */
const lookEveryMs = 25;
const mostKept = 2_000;
const longestKept = 64 * 1024;
const slowMs = 1_000;

/** @returns how many inputs were tried, and how many of them are worth keeping */
export async function fuzz(
  target: Target,
  run: Run,
): Promise<{ executions: number; kept: number }> {
  const { random, coverage, report = fail } = run;
  const corpus: Buffer[] = target.seeds.map((seed) => Buffer.from(seed));
  let executions = 0;
  const execute = async (input: Buffer): Promise<void> => {
    executions++;
    run.watch?.(input);
    await tried(target, input).catch((error: unknown) => {
      if (!(error instanceof Finding)) throw error;
      report(error);
    });
  };
  for (const seed of corpus) await execute(seed);
  coverage?.grew();
  while (run.more()) {
    const context = { random, words: target.words, corpus };
    const batch: Buffer[] = [];
    for (const start = performance.now(); performance.now() - start < lookEveryMs;) {
      const input = mutate(random.pick(corpus), context);
      batch.push(input);
      await execute(input);
    }
    if (!coverage?.grew() || corpus.length > mostKept) continue;
    // One of them reached new code; which one would cost a look at each to tell.
    const few = Math.ceil(batch.length / 4);
    corpus.push(...batch.filter(({ length }) => length <= longestKept && random.once(few)));
  }
  return { executions, kept: corpus.length };
}

function fail(finding: Finding): never {
  throw finding;
}

/** Time is that of this thread's own work: others may keep the machine busy. */
async function tried(target: Target, input: Buffer): Promise<void> {
  const before = process.threadCpuUsage();
  try {
    await target.run(input);
  } catch (error) {
    throw new Finding(String(error), input, error);
  }
  const { user, system } = process.threadCpuUsage(before);
  if (user + system > slowMs * 1_000) {
    throw new Finding(`it took ${Math.round((user + system) / 1_000)} ms`, input);
  }
  if (pollution() !== clean) throw new Finding(`it changed a prototype: ${pollution()}`, input);
}

const prototypes = [Object.prototype, Array.prototype, String.prototype, Function.prototype];

function pollution(): string {
  return prototypes.map((prototype) => Reflect.ownKeys(prototype).length).join();
}

const clean = pollution();

function shown(input: Buffer): string {
  const text = JSON.stringify(input.toString());
  return text.length > 2_000 ? `${text.slice(0, 2_000)}… (${input.length} bytes)` : text;
}
