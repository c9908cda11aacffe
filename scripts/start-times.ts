import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./bundle.ts";

interface Start {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
}

interface StartTime {
  readonly name: string;
  readonly median: number;
  readonly p90: number;
  /** The median as a multiple of the first one's. */
  readonly ratio: number;
}

const node = join(root, "node_modules/node/bin/node");
const executable = join(root, "dist/actions2aws");

/** The first is what a bare Node needs, which the others are compared with. */
const starts: readonly Start[] = [
  { name: "node -e 0", file: node, args: ["-e", "0"] },
  { name: "actions2aws --help", file: executable, args: ["--help"] },
  { name: "actions2aws keygen", file: executable, args: ["keygen", "--force"] },
  { name: "actions2aws request --help", file: executable, args: ["request", "--help"] },
];

/**
 * Measures how long processes take from start to end, in milliseconds: in turns, so that what else
 * the machine does falls on all of them alike, and after a warm-up.
 */
export function startTimes(rounds = 40, warmUp = 3): StartTime[] {
  const home = mkdtempSync(join(tmpdir(), "actions2aws-home-"));
  try {
    const times = starts.map((): number[] => []);
    for (let round = -warmUp; round < rounds; round++) {
      for (const [index, start] of starts.entries()) {
        const elapsed = timeOf(start, home);
        if (round >= 0) times[index]?.push(elapsed);
      }
    }
    const base = quantile(times[0] ?? [], 0.5);
    return starts.map(({ name }, index) => {
      const own = times[index] ?? [];
      const median = quantile(own, 0.5);
      return { name, median, p90: quantile(own, 0.9), ratio: median / base };
    });
  } finally {
    rmSync(home, { recursive: true });
  }
}

export function startTimesTable(times: readonly StartTime[]): string {
  const rows = times.map(({ name, median, p90, ratio }) => [
    name,
    `${median.toFixed(1)} ms`,
    `${p90.toFixed(1)} ms`,
    `${ratio.toFixed(2)} ×`,
  ]);
  return [["start of", "median", "p90", "to node"], ...rows]
    .map(([name = "", ...figures]) => {
      return [name.padEnd(28), ...figures.map((it) => it.padStart(10))].join("");
    })
    .join("\n");
}

function timeOf({ name, file, args }: Start, home: string): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(file, args, { env: { HOME: home } });
  const elapsed = performance.now() - begin;
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr.toString()}`);
  return elapsed;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

if (import.meta.main) console.log(startTimesTable(startTimes()));
