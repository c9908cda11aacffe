import { describe, expect, test, vi } from "vitest";
import { alone } from "../harness/alone.ts";

describe.concurrent("an honest request is served", () => {
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
});

describe.concurrent("an honest request fails clearly", () => {
  test(
    "when its stderr does not reach the log: in its time, with the step's name as advice",
    { timeout: 40_000 },
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
