import { type Bench, startBench } from "./bench/broker.ts";
import { closePools, newJob, obtain, obtainByToken } from "./bench/job.ts";
import { startTimes, startTimesTable } from "./start-times.ts";

/** The latencies at which the original and configure-aws-credentials were measured. */
const latency = { api: 80, web: 120, sts: 60 };

await measured("one job after the other", latency, loneJobs);
await measured("one job after the other, by OIDC", latency, tokens);
await measured("a matrix of 100 jobs at once", latency, matrix);
await measured("no latency: what the processor does", { api: 0, web: 0, sts: 0 }, processor);
console.log(`\n${startTimesTable(startTimes())}`);

async function measured(
  title: string,
  delays: typeof latency,
  measure: (bench: Bench) => Promise<Record<string, string>>,
): Promise<void> {
  const bench = await startBench(delays);
  try {
    const results = await measure(bench);
    console.log(`\n${title} (API ${delays.api}, web ${delays.web}, STS ${delays.sts} ms)`);
    for (const [name, value] of Object.entries(results))
      console.log(`  ${name.padEnd(66)}${value}`);
  } finally {
    await closePools();
    await bench.stop();
  }
}

async function loneJobs(bench: Bench): Promise<Record<string, string>> {
  await obtain(bench, newJob(bench), 0);
  const results: Record<string, string> = {};
  for (const [when, feedDelay] of [
    ["asked at once", 0],
    ["asked when the feed shows it, 300 ms later", 300],
  ] as const) {
    clear(bench);
    const answers = await series(
      20,
      async () => (await obtain(bench, newJob(bench), feedDelay)).answerMs,
    );
    results[`answer, ${when}: median`] = milliseconds(median(answers));
    results[`calls per credential, ${when}`] = calls(bench, 20);
  }
  clear(bench);
  await series(10, async (index) => {
    bench.world.github.push(bench.repository, "main", `moved ${index}`);
    return (await obtain(bench, newJob(bench), 0)).answerMs;
  });
  results["calls per credential, when the branch has just moved"] = calls(bench, 10);
  return results;
}

async function tokens(bench: Bench): Promise<Record<string, string>> {
  await obtainByToken(bench, newJob(bench));
  clear(bench);
  const answers = await series(20, () => obtainByToken(bench, newJob(bench)));
  return {
    "answer: median": milliseconds(median(answers)),
    "calls per credential": calls(bench, 20),
  };
}

async function matrix(bench: Bench): Promise<Record<string, string>> {
  const { jobs } = bench.world.github.matrix({ repository: bench.repository, jobs: 100 });
  clear(bench);
  const answers = await Promise.all(
    jobs.map(async (job) => (await obtain(bench, job, 300)).answerMs),
  );
  return {
    "answer: median, slowest": `${milliseconds(median(answers))}, ${milliseconds(Math.max(...answers))}`,
    "calls per credential": calls(bench, 100),
    "memory: highest": mebibytes(bench.memory().highest),
  };
}

async function processor(bench: Bench): Promise<Record<string, string>> {
  await series(300, async () => (await obtain(bench, newJob(bench), 0)).answerMs);
  const before = bench.processorTime();
  const count = 400;
  const answers = await series(count, async () => (await obtain(bench, newJob(bench), 0)).answerMs);
  const used = (bench.processorTime() - before) / count;
  await Promise.all(
    Array.from({ length: 20 }, () =>
      series(50, async () => (await obtain(bench, newJob(bench), 0)).answerMs),
    ),
  );
  const { now, highest } = bench.memory();
  return {
    "processor time per challenge and answer": `${used.toFixed(2)} ms`,
    "answer: median": milliseconds(median(answers)),
    "memory after 1,700 credentials: now, highest": `${mebibytes(now)}, ${mebibytes(highest)}`,
  };
}

async function series(count: number, once: (index: number) => Promise<number>): Promise<number[]> {
  const results: number[] = [];
  // One after the other is what is measured.
  // oxlint-disable-next-line no-await-in-loop
  for (let index = 0; index < count; index++) results.push(await once(index));
  return results;
}

function clear({ world }: Bench): void {
  world.github.clearJournal();
  world.sts.clearJournal();
}

function calls({ world }: Bench, credentials: number): string {
  const { api, web, storage } = world.github;
  const per = (count: number): string => (count / credentials).toFixed(2);
  const free = api.journal.filter(({ cost }) => cost === 0).length;
  return [
    `REST budget ${per(world.github.restCost())}`,
    `REST for nothing (304) ${per(free)}`,
    `web ${per(web.journal.length + storage.journal.length)}`,
    `STS ${per(world.sts.journal.length)}`,
  ].join(", ");
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function mebibytes(value: number): string {
  return `${value.toFixed(0)} MiB`;
}
