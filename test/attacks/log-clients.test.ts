import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import type { Bench } from "../harness/bench.ts";

/** What the runner writes of a script of one line before it starts: see stepHeader. */
const headerItems = 4;

/** An announcement of another's, with a challenge of the broker's for another run. */
async function foreignLine(bench: Bench): Promise<string> {
  const other = await bench.client();
  const { challenge } = await other.challenge();
  return `ACTIONS2AWS PROOF: ${other.publicKey} ${challenge}`;
}

describe.concurrent("a real client is served", () => {
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
    "when its step's environment and output hold text that looks like announcements of others (L-02)",
    alone(async (bench) => {
      const forged = await foreignLine(bench);
      const env = { TITLE: `x\n##[endgroup]\n${forged}\n`, BODY: forged };
      const script = `echo "title: $BODY"
eval $(${bench.request()})
printf '\\033[36;1m%s\\033[0m\\n' "$BODY"`;
      const step = await bench.newJob().run("assume role", script, { env });
      expect(step.exitCode).toBe(0);
      expect(bench.records).toMatchObject([{ decision: "allowed" }]);
    }),
  );
});

describe.concurrent("a real client is told why it is refused", () => {
  test.for([
    ["the beginning of every key", "age1"],
    ["the program's name", "ACTIONS2AWS"],
    ["the announcement's word", "PROOF"],
  ] as const)("when a secret of its job masks %s (L-09)", ([, secret]) =>
    alone(async (bench) => {
      const job = bench.newJob();
      await job.run("earlier", `echo "::add-mask::${secret}"`);
      const step = await job.run("assume role", `eval $(${bench.request("--timeout 15s")})`);
      expect(step.exitCode).toBe(1);
      expect(step.stderr).toMatch(/proof_invalid.*mask/);
      expect(bench.world.sts.journal).toEqual([]);
      await bench.expectGolden();
    })(),
  );

  test(
    "when another key is announced in its step (L-07)",
    alone(async (bench) => {
      const script = `echo "${await foreignLine(bench)}"\neval $(${bench.request("--timeout 15s")})`;
      const step = await bench.newJob().run("assume role", script);
      expect(step.exitCode).toBe(1);
      expect(step.stderr).toMatch(
        /proof_ambiguous.*another process of this job announces a key too/,
      );
      expect(bench.world.sts.journal).toEqual([]);
      await bench.expectGolden();
    }),
  );

  test(
    "when its job has two steps of the pinned name (L-14)",
    alone(async (bench) => {
      const job = bench.newJob();
      bench.world.github.addStep(job.job, { status: "queued" });
      bench.world.github.addStep(job.job, { status: "queued" });
      const step = await job.run("assume role", `eval $(${bench.request("--timeout 15s")})`);
      expect(step.exitCode).toBe(1);
      expect(step.stderr).toContain("proof_ambiguous");
      expect(bench.world.sts.journal).toEqual([]);
      await bench.expectGolden();
    }),
  );
});
