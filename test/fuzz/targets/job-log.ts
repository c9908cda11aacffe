import assert from "node:assert/strict";
import { announcedKey } from "../../../src/core/legacy.ts";
import { judgeSteps, logItems, readProof, type StepLog } from "../../../src/core/proof.ts";
import { Secret } from "../../../src/core/secret.ts";
import { WebJobLog } from "../../../src/server/github/web.ts";
import { announcement, type Honest, key, line, now, ScriptedNetwork } from "../honest.ts";
import { type Target, unlessRefused } from "../target.ts";

const address = {
  repository: "acme/app",
  runId: 5_001,
  runAttempt: 1,
  jobId: 7_001,
  headSha: "a".repeat(40),
};
const stepNames = ["assume role"];
const ourPaths =
  /^\/acme\/app\/(?:actions\/runs\/5001\/job(?:\/7001|s\/[1-9]\d*\/steps(?:\/[0-9A-Za-z-]+\/backscroll)?)|commit\/a{40}\/checks\/7001\/logs\/\d+)$/;

/** A reader of the job's logs, for whom one address gives what it is told to, not what GitHub would. */
function readerOf(
  honest: Honest,
  changed: RegExp,
): (input: Buffer) => Promise<readonly StepLog[] | undefined> {
  let instead = Buffer.alloc(0);
  const network = new ScriptedNetwork(({ pathname }) => {
    if (changed.test(pathname)) return instead;
    if (pathname.endsWith("/backscroll")) return honest.feed;
    if (pathname.endsWith("/steps")) return honest.steps;
    return pathname.includes("/logs/") ? honest.log : honest.page;
  });
  const session = (): Secret => new Secret("cookie");
  const log = new WebJobLog({ webUrl: "https://github.com", session, network });
  return async (input) => {
    instead = Buffer.from(input);
    const steps = await unlessRefused(["github_unavailable", "github_session_expired"], () =>
      log.read(address, stepNames),
    );
    for (const { origin, pathname } of network.asked.splice(0)) {
      assert.equal(origin, "https://github.com");
      assert.match(pathname, ourPaths);
    }
    return steps;
  };
}

/** The states of a job's steps: only pinned ones are read, from addresses that stay what they are. */
export function openSteps(honest: Honest): Target {
  const read = readerOf(honest, /\/steps$/);
  return {
    seeds: [
      honest.steps,
      honest.steps.replaceAll('"in_progress"', '"completed"').replaceAll("null", '"success"'),
    ],
    words: ["id", "name", "status", "conclusion", "number", "started_at", "completed_at"]
      .concat("completed", "in_progress", "queued", "success", "failure", "cancelled", "skipped")
      .concat("assume role", "2026-08-01T12:00:00Z", "..", "?change_id=0"),
    async run(input) {
      for (const step of (await read(input)) ?? []) {
        assert(stepNames.includes(step.name));
        assert(["waiting", "in_progress", "succeeded", "failed"].includes(step.state));
        assert(step.items === null || ["in_progress", "succeeded"].includes(step.state));
        for (const time of [step.window.from, step.window.to])
          assert(time === undefined || Number.isFinite(time));
      }
    },
  };
}

const logWords = [line, `ACTIONS2AWS PUBKEY: ${key.publicKey}`, key.publicKey]
  .concat("ACTIONS2AWS PROOF: ", announcement.challenge, "***", "\\n", "\\r")
  .concat("2026-08-01T12:00:00.1234567Z ", "2026-99-99T99:99:99.1234567Z ", "##[group]");

/** The live feed of a step: what proves the key is a whole item of it. */
export function openLiveItems(honest: Honest): Target {
  const read = readerOf(honest, /\/backscroll$/);
  return {
    seeds: [honest.feed, "{}", '{"lines":[]}'],
    words: ["lines", "line", "id", ...logWords],
    async run(input) {
      const steps = await read(input);
      if (!steps || !(await unlessRefused(codes, () => judgeSteps(steps, announcement)))) return;
      const { lines } = JSON.parse(input.toString()) as { lines: { line: string }[] };
      assert(lines.some((item) => item.line === line));
    },
  };
}

/** The stored log of a step: what proves a key is a whole message of it. */
export function openStoredLog({ log }: Honest): Target {
  const window = { from: now, to: now + 60_000 };
  return {
    seeds: [log, `\uFEFF${log}`, log.replaceAll("\n", "\r\n")],
    words: [...logWords, "\n", "\r\n"],
    async run(input) {
      const text = input.toString();
      const items = [...logItems(text)];
      const lines = text.replace(/^\uFEFF/, "").split("\n");
      // Behind the runner's timestamp.
      const messages = lines.map((part) => part.replace(/\r$/, "").slice(29));
      if (readProof(items, announcement, window).kind === "proved") assert(messages.includes(line));
      const step = { name: "assume role", state: "succeeded", window, items } as const;
      const announced = await unlessRefused(codes, () => announcedKey([step]));
      if (announced) assert(messages.includes(`ACTIONS2AWS PUBKEY: ${announced}`));
      const timed = items.filter(({ time }) => !Number.isNaN(time));
      assert.deepEqual([...logItems(printed(timed))], timed);
    },
  };
}

const codes = ["proof_pending", "proof_invalid", "proof_ambiguous"] as const;

/** Messages as the runner stores them: each on a line of its own, and what it holds of others below. */
function printed(items: readonly { text: string; time?: number }[]): string {
  return items
    .map(({ text, time = 0 }) => {
      const [first = "", ...others] = text.split("\n");
      const stamp = new Date(time).toISOString().replace("Z", "0000Z");
      return `${[`${stamp} ${first}\r`, ...others].join("\n")}\n`;
    })
    .join("");
}
