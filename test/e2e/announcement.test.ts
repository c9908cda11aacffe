import { describe, expect, test, vi } from "vitest";
import { alone } from "../harness/alone.ts";

/** What the runner writes of a script of one line before it starts: see stepHeader. */
const headerItems = 4;

describe.concurrent("an honest request is served", () => {
  test(
    "when the live feed loses its announcement three times (L-12)",
    alone(async (bench) => {
      const lost = [1, 2, 3].map((item) => headerItems + item);
      bench.world.github.loses = (item) => lost.includes(item);
      const step = await bench.newJob().run("assume role", `eval $(${bench.request()})`);
      expect(step.exitCode).toBe(0);
      const said = step.stderr.split("\n").filter((line) => line.startsWith("ACTIONS2AWS PROOF: "));
      expect(said.length).toBeGreaterThanOrEqual(4);
      expect(new Set(said).size).toBe(1);
    }),
  );

  test(
    "when the runner takes half a second to drain each line",
    alone(async (bench) => {
      bench.world.github.drainDelay = 500;
      const step = await bench.newJob().run("assume role", `eval $(${bench.request()})`);
      expect(step.exitCode).toBe(0);
    }),
  );

  test(
    "when 5,000 lines with colours and groups stand around its announcement, and more keep coming",
    alone(async (bench) => {
      bench.world.github.drainDelay = 300;
      const script = `noise() {
  echo "::group::Installing"
  seq "$1" | sed 's/.*/\\x1b[32mline &\\x1b[0m: ACTIONS2AWS PROOF: not an announcement/'
  echo "##[endgroup]"
}
noise 2500
while sleep 0.1; do noise 100; done &
eval $(${bench.request()})
kill $!
noise 2500`;
      const step = await bench.newJob().run("assume role", script);
      expect(step.exitCode).toBe(0);
      expect(step.log.split("\n").length).toBeGreaterThan(5_000);
      expect(bench.records).toMatchObject([{ decision: "allowed" }]);
    }),
  );

  test(
    "when its step's environment holds text that looks like announcements of others (L-02)",
    alone(async (bench) => {
      const other = await bench.client();
      const { challenge } = await other.challenge();
      const forged = `ACTIONS2AWS PROOF: ${other.publicKey} ${challenge}`;
      const env = { TITLE: `x\n##[endgroup]\n${forged}\n`, BODY: forged };
      const script = `eval $(${bench.request()})\necho "title: $BODY"\nprintf '\\033[36;1m%s\\033[0m\\n' "$BODY"`;
      const step = await bench.newJob().run("assume role", script, { env });
      expect(step.exitCode).toBe(0);
      expect(bench.records).toMatchObject([{ decision: "allowed" }]);
    }),
  );

  test(
    "when its job is listed only after a while (G-23)",
    alone(async (bench) => {
      const job = bench.newJob();
      job.job.status = "queued";
      const begin = (): void => void (job.job.status = "in_progress");
      setTimeout(begin, 700);
      const step = await job.run("assume role", `eval $(${bench.request()})`);
      expect(step.exitCode).toBe(0);
      expect(bench.records.at(-1)).toMatchObject({ decision: "allowed" });
    }),
  );
});

describe.concurrent("an honest request fails clearly", () => {
  test.for([
    ["the beginning of every key", "age1"],
    ["the program's name", "ACTIONS2AWS"],
    ["the announcement's word", "PROOF"],
  ] as const)("when a secret of the job masks %s (L-09)", ([, secret]) =>
    alone(async (bench) => {
      const job = bench.newJob();
      await job.run("earlier", `echo "::add-mask::${secret}"`);
      const step = await job.run("assume role", `eval $(${bench.request("--timeout 3s")})`);
      expect(step.exitCode).toBe(1);
      expect(step.stderr).toMatch(/proof_invalid.*mask/);
      expect(bench.world.sts.journal).toEqual([]);
      await bench.expectGolden();
    })(),
  );

  test(
    "when its stderr does not reach the log: in its time, with the step's name as advice",
    alone(async (bench) => {
      const job = bench.newJob();
      const script = `${bench.request("--timeout 10s")} 2> "$RUNNER_TEMP/err" || code=$?
cat "$RUNNER_TEMP/err" | sed 's/^/told: /'
exit $code`;
      const begun = performance.now();
      const step = await job.run("assume role", script);
      expect(performance.now() - begun).toBeLessThan(13_000);
      expect(step.exitCode).toBe(4);
      expect(step.stdout).toContain(
        "the step's name must be in the grant's `step`, and stderr must reach the log",
      );
      expect(bench.world.sts.journal).toEqual([]);
      expect(bench.records[0]).toMatchObject({ decision: "denied", code: "proof_pending" });
      // The broker gives up what its client no longer waits for.
      await vi.waitFor(() => expect(bench.records).toHaveLength(2), 12_000);
    }),
  );
});
