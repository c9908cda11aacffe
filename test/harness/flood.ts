import { Pool } from "undici";
import type { Bench } from "./bench.ts";

/** One request of a flood. */
export interface Drop {
  readonly path: string;
  readonly body: object | string;
  readonly headers?: Record<string, string>;
}

export interface Flood {
  /** How many of which answer: a code, or the status of what is no problem. */
  readonly answers: Map<string, number>;
  /** Resolves when all have been answered. */
  readonly over: Promise<void>;
}

/** How many requests there are; no more when time is up, and more while something else lasts. */
export interface FloodSize {
  readonly requests: number;
  readonly milliseconds?: number;
  readonly beside?: Promise<unknown>;
}

/** Sends requests as fast as they are answered, some at a time. */
export function flood(
  bench: Bench,
  make: (count: number) => Drop,
  { requests, milliseconds = Number.POSITIVE_INFINITY, beside }: FloodSize,
): Flood {
  const answers = new Map<string, number>();
  const pool = new Pool(bench.broker.url, { connections: 16 });
  const until = performance.now() + milliseconds;
  const enough = new AbortController();
  if (beside === undefined) enough.abort();
  else void beside.finally(() => enough.abort());
  let sent = 0;
  const send = async (): Promise<void> => {
    while (!enough.signal.aborted || (sent < requests && performance.now() < until)) {
      const { path, body, headers } = make(sent++);
      const answer = await pool.request({
        path,
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      const text = await answer.body.text();
      const [, code = String(answer.statusCode)] = /"code":"(\w+)"/.exec(text) ?? [];
      answers.set(code, (answers.get(code) ?? 0) + 1);
    }
  };
  const over = Promise.all(Array.from({ length: 16 }, send)).then(() => pool.close());
  return { answers, over };
}

/** In milliseconds: how long jobs take, one after the other, until they have their credentials. */
export async function honestTimes(bench: Bench, jobs: number): Promise<number[]> {
  const times: number[] = [];
  for (let job = 0; job < jobs; job++) {
    const began = performance.now();
    await bench.expectGolden();
    times.push(performance.now() - began);
  }
  return times;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** How many series the operator's metrics have. */
export async function seriesOf({ broker }: Bench): Promise<number> {
  const text = await (await fetch(`${broker.adminUrl}/metrics`)).text();
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
}

/** As slow as the real ones: then a job's time is mostly theirs, as it is for real jobs. */
export function slowWorld({ world: { github, sts } }: Bench): void {
  github.api.latency = 80;
  github.web.latency = 120;
  sts.latency = 60;
  github.drainDelay = 300;
}
