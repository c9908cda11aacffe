import { get } from "node:http";
import { isLoopback } from "../core/loopback.ts";
import { exitCodes, Failure, systemCode, usageError } from "./failure.ts";

const timeoutMs = 4_000;

/**
 * Asks a broker on this machine whether it is well, for containers that have no other program.
 *
 * @returns the exit code
 * @throws {Failure} unless it answers 200
 */
export async function probe(address: string): Promise<number> {
  const status = await statusOf(parse(address));
  if (status !== 200) throw new Failure(exitCodes.other, `${address} answered ${status}`);
  return exitCodes.done;
}

/** Loopback alone, as everywhere with plain http: the admin listener is for this machine. */
function parse(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol !== "http:" || !isLoopback(url.hostname))
    throw usageError("what is probed must be an http URL of this machine's loopback");
  return url;
}

function statusOf(url: URL): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      reject(new Failure(exitCodes.unavailable, `${url.href} does not answer (${reason})`));
    };
    const signal = AbortSignal.timeout(timeoutMs);
    const request = get(url, { agent: false, signal }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", (error) => fail(signal.aborted ? "out of time" : systemCode(error)));
  });
}
