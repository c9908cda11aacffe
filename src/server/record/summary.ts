import type { Recorded } from "./record.ts";
import type { Removal } from "./redaction.ts";

const mostPlaces = 8;

/** What was recorded, what was taken out and where, and what is not in it. Never what was taken out. */
export function summaryText(recorded: Recorded, removed: readonly Removal[], out: string): string {
  const { repository, runId, attempt, jobs, logs, feeds, left } = recorded;
  const lines = [
    `recorded run ${runId} of ${repository}, attempt ${attempt}, in ${out}: ` +
      `${count(jobs, "job")}, ${count(logs, "log")}, ${count(feeds, "live feed")}`,
    ...removalLines(removed),
    ...left.map(({ place, why }) => `left out ${place}: ${why}`),
    "Look it through before you pass it on: a secret that does not look like one is still in it.",
  ];
  return `${lines.join("\n")}\n`;
}

function removalLines(removed: readonly Removal[]): string[] {
  if (removed.length === 0) return ["removed nothing"];
  return Array.from(
    Map.groupBy(removed, ({ what }) => what),
    ([what, some]) => {
      const places = [...new Set(some.map(({ place }) => place))];
      const more = places.length - mostPlaces;
      const shown = places.slice(0, mostPlaces).join(", ") + (more > 0 ? `, and ${more} more` : "");
      return `removed ${some.length} × ${what}: ${shown}`;
    },
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
