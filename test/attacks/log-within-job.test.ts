import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";
import { useBench } from "../harness/bench.ts";
import { Client } from "../harness/client.ts";
import { inEach, logKinds, logSetting } from "../harness/log-scene.ts";

// What runs in the job is the job: no broker can tell its parts apart. These tests say what that comes
// to, so that nobody believes otherwise, and what is left of it when the honest client is there as well.

const bench = useBench(logSetting);
const sts = () => bench().world.sts;

describe("an attacker who can write whole lines into the pinned step while it runs", () => {
  test("has the role when no other key is announced there (L-16)", async () => {
    await inEach(bench(), logKinds, async (scene) => {
      scene.say(scene.attacker.line);
      expect([scene.kind, await scene.askAsAttacker()]).toEqual([scene.kind, "served"]);
      const told = bench().records.find(
        ({ identity }) => (identity as { run_id?: number }).run_id === scene.job.run.id,
      );
      expect(told).toMatchObject({ decision: "allowed" });
    });
  });

  test("has nothing when the honest key is announced as well (L-16)", async () => {
    await inEach(bench(), logKinds, async (scene) => {
      scene.say(scene.attacker.line);
      scene.announce();
      await scene.expectNeitherServed("proof_ambiguous");
    });
  });
});

describe("text that the workflow makes code of, in the pinned step's script,", () => {
  /** As the runner sees it: the expression is replaced by the text before the shell runs. */
  const script = (title: string): string =>
    `echo "${title}"\neval $(${bench().request("--timeout 12s")})`;

  test("has the role: it is the job (L-03)", async () => {
    const own = '--identity "$RUNNER_TEMP/of-the-text" --format json > "$RUNNER_TEMP/stolen"';
    const title = `$(${bench().request(own)})`;
    const job = bench().newJob();
    const step = await job.run("assume role", script(title).split("\n")[0] ?? "");
    expect(step.exitCode).toBe(0);
    expect(sts().assumed).toHaveLength(1);
  });

  test("and then the client that should have it fails, so that it is noticed (L-03, L-07)", async () => {
    const own = '--identity "$RUNNER_TEMP/of-the-text" > /dev/null';
    const job = bench().newJob();
    const step = await job.run("assume role", script(`$(${bench().request(own)})`));
    expect(step.exitCode).toBe(1);
    expect(step.stderr).toContain("proof_ambiguous");
    expect(bench().records.map(({ decision }) => decision)).toContain("denied");
  });
});

test("a process that an earlier step has left behind can write into the pinned step's log: then neither key is served (L-20)", async () => {
  const job = bench().newJob();
  const { world, broker, replies } = bench();
  const other = await Client.of(world, broker.url, job.job, { replies });
  const { challenge, ticket } = await other.challenge();
  // It writes to the stderr of whatever the job runs.
  const intruder = `while [ -d "$RUNNER_TEMP" ] && [ ! -e "$RUNNER_TEMP/over" ]; do
  for found in $(grep -lazx "RUNNER_TEMP=$RUNNER_TEMP" /proc/[0-9]*/environ); do
    echo "ACTIONS2AWS PROOF: ${other.publicKey} ${challenge}" > "\${found%environ}fd/2" || true
  done
  sleep 0.05
done`;
  await job.run("earlier", `(${intruder}) > /dev/null 2>&1 &`);
  world.github.drainDelay = 1_500;
  const step = await job.run(
    "assume role",
    // The runner's streams are pipes; those of this simulated one are sockets, which /proc does not open.
    `exec 2> >(cat >&2)\neval $(${bench().request("--timeout 12s")}) || code=$?\ntouch "$RUNNER_TEMP/over"\nexit $code`,
  );
  world.github.drainDelay = 0;
  expect(step.log).toContain(`ACTIONS2AWS PROOF: ${other.publicKey}`);
  expect(step.exitCode).toBe(1);
  expect(step.stderr).toContain("proof_ambiguous");
  await bench().expectDenied(await other.ask({ ticket }), "proof_invalid");
});

test("no example of a workflow has an expression in a step that announces, but the job's number (L-03)", () => {
  const files = globSync(["*.md", "docs/*.md", "examples/**/*.{md,yml,yaml}"], { cwd: root });
  const texts = files.map((file) => readFileSync(join(root, file), "utf8"));
  const steps = texts.flatMap((text) => text.split(/^(?=\s*- (?:name|uses|run|id):)/m));
  const announcing = steps.filter((step) => /actions2aws (?:keygen|request)\b/.test(step));
  const workflowSteps = announcing.filter((step) => /^\s*- (?:name|uses|run|id):/.test(step));
  expect(workflowSteps.length).toBeGreaterThan(0);
  for (const step of workflowSteps) {
    const [block = ""] = step.split(/^```/m);
    const expressions = Array.from(block.matchAll(/\$\{\{\s*(.*?)\s*\}\}/g), ([, text]) => text);
    expect(expressions.filter((text) => text !== "job.check_run_id")).toEqual([]);
  }
});
