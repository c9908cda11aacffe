import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Coverage } from "../test/fuzz/coverage.ts";
import { type Finding, fuzz } from "../test/fuzz/fuzz.ts";
import { askHonestly, type Honest } from "../test/fuzz/honest.ts";
import { Random } from "../test/fuzz/random.ts";
import { targets } from "../test/fuzz/targets/index.ts";
import { Watchdog } from "../test/fuzz/watchdog.ts";
import { root } from "./bundle.ts";

/** `npm run fuzz -- [NAME …] [--minutes 5] [--seed N]`: findings go to dist/fuzz. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
  },
});
const folder = join(root, "dist", "fuzz");
const mostFindings = 20;

mkdirSync(folder, { recursive: true });
const coverage = new Coverage();
const honest = await askHonestly();
let found = 0;
for (const name of positionals.length > 0 ? positionals : Object.keys(targets))
  found += await fuzzOne(name, honest);
process.exitCode = found > 0 ? 1 : 0;

async function fuzzOne(name: string, answers: Honest): Promise<number> {
  const open = targets[name];
  if (!open) throw new Error(`there is no parser ${name}: ${Object.keys(targets).join(", ")}`);
  const target = await open(answers);
  const watchdog = new Watchdog(join(folder, `${name}-stuck`));
  const findings = new Map<string, string>();
  coverage.forget();
  const end = performance.now() + Number(values.minutes) * 60_000;
  const { executions, kept } = await fuzz(target, {
    random: new Random(Number(values.seed)),
    more: () => performance.now() < end && findings.size < mostFindings,
    coverage,
    watch: (input) => watchdog.watch(input),
    report: (finding) => note(findings, name, finding),
  });
  console.log(
    `${name}: ${executions} inputs in ${values.minutes} min (seed ${values.seed}), ${kept} kept, ${findings.size} findings`,
  );
  await watchdog.close();
  await target.close?.();
  return findings.size;
}

/** One of each kind: where it was thrown says which. */
function note(findings: Map<string, string>, name: string, finding: Finding): void {
  const cause = finding.cause instanceof Error ? finding.cause : finding;
  const kind = `${cause.name} ${/\n\s+at ([^\n]+)/.exec(cause.stack ?? "")?.[1] ?? ""}`;
  if (findings.has(kind)) return;
  const file = join(folder, `${name}-${createHash("sha1").update(kind).digest("hex").slice(0, 8)}`);
  writeFileSync(file, finding.input);
  findings.set(kind, file);
  console.error(`${name}: ${finding.message.slice(0, 600)}\n  ${kind}\n  ${file}`);
}
