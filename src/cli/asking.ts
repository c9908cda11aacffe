import type { Answer, Body, Problem } from "./broker-client.ts";
import { Failure, exitCodes } from "./failure.ts";
import { type Host, say } from "./host.ts";
import { TurnedAway, adviceFor, describe } from "./refusal-line.ts";

/** The time that `--timeout` gives to all of it together. */
export class Deadline {
  readonly seconds: number;
  readonly #end: number;
  readonly #host: Pick<Host, "elapsed">;

  constructor(seconds: number, host: Pick<Host, "elapsed">) {
    this.seconds = seconds;
    this.#host = host;
    this.#end = host.elapsed() + seconds * 1000;
  }

  remainingMs(): number {
    return this.#end - this.#host.elapsed();
  }
}

const longestAttemptMs = 30_000;
const shortestAskedMs = 200;
const firstPauseMs = 500;
const longestPauseMs = 8_000;

/**
 * Asks until there is an answer to keep.
 *
 * @throws {TurnedAway} on a final no, {Failure} when the time is up
 */
export async function ask(
  attempt: (timeoutMs: number) => Promise<Answer>,
  deadline: Deadline,
  host: Host,
): Promise<Body> {
  let told = "";
  let word: NotGiven | null = null;
  for (let tries = 0; ; tries++) {
    const answer = await attempt(Math.min(longestAttemptMs, deadline.remainingMs()));
    if (answer.kind === "given") return answer.body;
    // Cut off by our own time limit: what the broker said before tells more than that.
    if (answer.kind === "problem" || word === null || deadline.remainingMs() > 0) word = answer;
    const pause = pauseBeforeNext(answer, tries, host.random());
    if (pause === null) throw turnedAway(answer);
    if (pause >= deadline.remainingMs()) throw outOfTime(word, pause, deadline);
    const reason = reasonOf(answer);
    if (reason !== told && !isPending(answer)) say(host, `${reason}; trying again`);
    told = reason;
    await host.sleep(pause);
  }
}

type NotGiven = Exclude<Answer, { kind: "given" }>;

/** @returns milliseconds to wait before asking again, or null when the answer is final. */
export function pauseBeforeNext(answer: NotGiven, tries: number, random: number): number | null {
  if (answer.kind === "problem" && !mayPass(answer.problem)) return null;
  const asked = (answer.kind === "problem" && answer.problem.retryAfterMs) || 0;
  // Never before the time asked for, and not all jobs of a matrix at the same moment. "At once", which
  // a clock in disorder says as well, would be a storm (C-17).
  if (asked >= shortestAskedMs) return asked * (1 + random / 10);
  const ceiling = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(tries, 10));
  return ceiling * (0.5 + random / 2);
}

function mayPass({ code, status, retryAfterMs }: Problem): boolean {
  if (code === "proof_pending" || status === 429 || status === 503) return true;
  // GitHub's lists lag behind the runner: the broker says with Retry-After that a job may still show up.
  if (code === "not_in_progress" || code === "job_not_found") return retryAfterMs !== null;
  // Not the broker's words, but those of a load balancer before it.
  return code === null && (status === 502 || status === 504);
}

function isPending(answer: NotGiven): boolean {
  return answer.kind === "problem" && answer.problem.code === "proof_pending";
}

function turnedAway(answer: NotGiven): Failure {
  if (answer.kind === "problem") return new TurnedAway(answer.problem);
  return new Failure(exitCodes.unavailable, reasonOf(answer));
}

function outOfTime(answer: NotGiven, pauseMs: number, { seconds }: Deadline): Failure {
  const next = answer.kind === "problem" ? adviceFor(answer.problem) : adviceUnheard(answer.reason);
  const asks =
    answer.kind === "problem" && answer.problem.retryAfterMs !== null && pauseMs > seconds * 1000;
  const when = asks
    ? `asked to wait longer than --timeout ${seconds}s`
    : `out of time after ${seconds}s`;
  return new Failure(exitCodes.unavailable, `${when}: ${reasonOf(answer)}: ${next}`);
}

function adviceUnheard(reason: string): string {
  // What the other side said was no TLS.
  return reason === "EPROTO"
    ? "check --url: does it speak https at that port?"
    : "check --url, and that this runner may reach it";
}

function reasonOf(answer: NotGiven): string {
  if (answer.kind === "problem") return `the broker says ${describe(answer.problem)}`;
  return `the broker cannot be reached (${answer.reason})`;
}
