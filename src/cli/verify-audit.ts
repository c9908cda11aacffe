import { createReadStream } from "node:fs";
import { ChainCheck, recordIn } from "../server/audit-chain.ts";
import { exitCodes, usageError } from "./failure.ts";
import type { Host } from "./host.ts";
import { oneLine } from "./plain-text.ts";

/**
 * Tells whether each record of audit files follows the one before it.
 *
 * @param files the oldest first; the chain goes on from one to the next
 * @returns the exit code
 * @throws {Failure} for a file that can't be read
 */
export async function verifyAudit(files: readonly string[], host: Host): Promise<number> {
  const tell = (text: string): void => {
    host.stdout.write(`${oneLine(text)}\n`);
  };
  const chain = new ChainCheck();
  let broken = 0;
  for (const file of files) broken += await verifyFile(file, chain, tell);
  if (chain.last !== null) tell(`hash of the last record: ${chain.last}`);
  tell(broken === 0 ? "the chain is whole" : `the chain is broken in ${places(broken)}`);
  return broken === 0 ? exitCodes.done : exitCodes.other;
}

/** @returns in how many places it is broken */
async function verifyFile(
  file: string,
  chain: ChainCheck,
  tell: (text: string) => void,
): Promise<number> {
  let records = 0;
  let broken = 0;
  let from = "";
  let to = "";
  for await (const [number, line] of linesOf(file)) {
    const before = chain.last;
    const link = chain.take(line);
    if (link === "half") {
      tell(`${file}:${number}: half a record, as a crash or a full disk leaves it`);
      continue;
    }
    if (link === "broken" || (link === "begins" && records > 0)) {
      broken++;
      tell(`${file}:${number}: does not follow the record before it: ${reasons}`);
    } else if (link === "begins" && before !== null) {
      tell(`${file}:${number}: a new chain begins, as after a restart without the old file`);
    }
    records++;
    to = String(recordIn(line)?.time);
    from ||= to;
  }
  tell(`${file}: ${records} records${records > 0 ? `, ${from} to ${to}` : ""}`);
  return broken;
}

const reasons = "one was changed, taken out or put in, or two brokers write to one file";

function places(count: number): string {
  return count === 1 ? "one place" : `${count} places`;
}

/** Lines with their numbers, as bytes, without their LF, which the last one may lack. */
async function* linesOf(file: string): AsyncGenerator<[number: number, line: Uint8Array]> {
  let number = 0;
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(file)) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
        yield [++number, rest.subarray(0, end)];
        rest = rest.subarray(end + 1);
      }
    }
  } catch (error) {
    const { code = "error" } = error as NodeJS.ErrnoException;
    throw usageError(`${file} can't be read (${code})`);
  }
  if (rest.length > 0) yield [++number, rest];
}
