import type { Host } from "./host.ts";
import type { LiveFeed } from "./live-feed.ts";

const everyMs = 1_000;

/**
 * Prints the line alone, now and every second while the work goes on: GitHub's live feed drops lines
 * under load, and what it shows of a step goes back 1,000 lines only.
 */
export async function announceWhile<T>(
  line: string,
  host: Pick<Host, "stderr" | "sleep">,
  feed: LiveFeed | null,
  work: () => Promise<T>,
): Promise<T> {
  const print = (): void => {
    host.stderr.write(`${line}\n`);
    feed?.append(line);
  };
  print();
  const answered = new AbortController();
  const repeating = repeat(print, host, answered.signal);
  try {
    return await work();
  } finally {
    answered.abort();
    await repeating;
  }
}

async function repeat(
  print: () => void,
  host: Pick<Host, "sleep">,
  answered: AbortSignal,
): Promise<void> {
  for (;;) {
    await host.sleep(everyMs, answered);
    if (answered.aborted) return;
    print();
  }
}
