import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Refusal } from "../../src/core/errors.ts";
import type { RunIdentity } from "../../src/core/identity.ts";
import { planIssue } from "../../src/core/issue.ts";
import { type Ask, decide, grantsFor, type Policy } from "../../src/core/policy.ts";
import { ConfigError, parseConfig } from "../../src/server/config.ts";
import { legacyGrants } from "../../src/server/legacy.ts";
import { goldenCase, goldenIdentity } from "../core/golden.ts";
import { checked } from "./policy-text.ts";

const role = "arn:aws:iam::123456789012:role/shop-deploy";

/** Every condition that a grant can have, as it is written. */
const conditions: Record<string, string> = {
  repository: " acme/shop",
  repository_id: " 1296269",
  workflow: " .github/workflows/release.yml",
  ref: " refs/heads/main",
  event: "\n      - push",
  job: ' [build, "test (*)"]',
  step: " assume role",
  reusable_workflow: " acme/ci/.github/workflows/x.yml@refs/tags/v7",
  actor: " octocat",
  environment: " production",
  proof: " both",
  forks: " false",
  legacy: " false",
  role: ` ${role}`,
  max_duration: " 30m",
};
const entries = [
  ...Object.entries(conditions).map(([key, value]) => `    ${key}:${value}`),
  // Blocks that take any key: what slips into them is a condition no more.
  '    tags:\n      "github:repo": run.repository.full_name',
  '    session_policy:\n      Version: "2012-10-17"\n      Statement: []',
];

/** The grant with its keys in any order, and a comment above some of them. */
const intended = fc
  .tuple(
    fc.shuffledSubarray(entries, { minLength: entries.length }),
    fc.array(fc.boolean(), { minLength: entries.length, maxLength: entries.length }),
  )
  .map(([order, notes]) =>
    [
      "public_url: https://broker.example.com",
      "grants:",
      "  - name: shop-deploy",
      ...order.map((entry, index) => (notes[index] ? `    # as it should be\n${entry}` : entry)),
      "",
    ].join("\n"),
  );

/** The one run that the grant is for, and the same run in one respect another. */
const run = {
  ...goldenIdentity(),
  repository: { id: 1_296_269, name: "acme/shop" },
  workflow: ".github/workflows/release.yml",
  job: { id: 7_001, name: "build" },
  calledWorkflows: [["acme/ci/.github/workflows/x.yml@refs/tags/v7"]],
  environment: "production",
};
const ask: Ask = {
  repository: "acme/shop",
  role,
  proofs: { log: true, oidc: true },
  step: "assume role",
  duration_seconds: 1_800,
};
const main = "refs/heads/main";
interface Probe {
  readonly run?: Partial<RunIdentity>;
  readonly ask?: Partial<Ask>;
  readonly ref?: string;
  readonly legacy?: true;
}
const probes: Record<string, Probe> = {
  repository: {
    run: { repository: { id: 1_296_269, name: "acme/other" } },
    ask: { repository: "acme/other" },
  },
  repository_id: { run: { repository: { id: 999, name: "acme/shop" } } },
  workflow: { run: { workflow: ".github/workflows/other.yml" } },
  ref: { ref: "refs/heads/evil" },
  event: { run: { event: "issue_comment" } },
  job: { run: { job: { id: 7_001, name: "lint" } } },
  step: { ask: { step: "lint" } },
  reusable_workflow: {
    run: { calledWorkflows: [["evil/ci/.github/workflows/x.yml@refs/tags/v7"]] },
  },
  actor: { run: { triggeringActor: "mallory" } },
  environment: { run: { environment: "staging" } },
  proof: { ask: { proofs: { log: true, oidc: false } } },
  forks: { run: { fork: true } },
  legacy: { legacy: true },
  role: { ask: { role: "arn:aws:iam::123456789012:role/admin" } },
  max_duration: { ask: { duration_seconds: 3_600 } },
};
const facts = { run: goldenCase().runJson(), job: goldenCase().jobsJson()[0] };

function isServed(policy: Policy, probe: Probe = {}): boolean {
  const asked = { ...ask, ...probe.ask };
  try {
    const found = grantsFor(policy, asked);
    const grants = probe.legacy ? legacyGrants(found) : found;
    const identity = { ...run, ...probe.run };
    planIssue(
      decide(grants, identity, asked, { proved: probe.ref ?? main }),
      identity,
      asked,
      facts,
    );
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

function loaded(text: string): Policy | null {
  try {
    return parseConfig(text).policy;
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/** What a reader sees to be in force: what stands in no comment, whatever ends a line where they look. */
const inForce = (text: string): string =>
  text
    .split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, ""))
    .join("\n");

/** The whole condition has been taken out: neither its key nor its value stands there any more. */
function isGone(key: string, text: string): boolean {
  const seen = inForce(text);
  return !new RegExp(`\\b${key}\\b`).test(seen) && !seen.includes(conditions[key]?.trim() ?? "");
}

const lineEnds = ["", " ", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029", "\n\n", " #", "\n---\n"];
const strays = " \t#:-?*&!|>%@`'\"[]{},~=/.\r\n\u00A0\u200B\u2028\uFEFF\0".split("");
const others = ["", "~", "null", "[]", "{}", '""', "7", "1.10", "no", "[~]", "*x", "&x y", "!x y"];

type Mistake = (text: string) => string;
const anywhere = fc.noBias(fc.nat());
const atLine = (change: (line: string) => string | readonly string[]) =>
  anywhere.map((n): Mistake => (text) => {
    const lines = text.split("\n");
    const at = n % (lines.length - 1);
    return lines.toSpliced(at, 1, ...[change(lines[at] ?? "")].flat()).join("\n");
  });
const atPlace = (change: (before: string, after: string) => string) =>
  anywhere.map((n): Mistake => (text) => {
    const at = n % text.length;
    return change(text.slice(0, at), text.slice(at));
  });

/** A line that is indented like the one above it: it may slip into a block that takes any key. */
const slip = anywhere.map((n): Mistake => (text) => {
  const lines = text.split("\n");
  const at = 1 + (n % (lines.length - 2));
  const indent = /^ */.exec(lines[at - 1] ?? "")?.[0] ?? "";
  return lines.with(at, (lines[at] ?? "").replace(/^ */, indent)).join("\n");
});

const mistake: fc.Arbitrary<Mistake> = fc.oneof(
  { arbitrary: slip, weight: 3 },
  atLine(() => []),
  atLine((line) => [line, line]),
  atLine((line) => `#${line}`),
  atLine((line) => line.replace(/^ */, "$&# ")),
  fc
    .constantFrom("", " ", "  ", "      ", "        ", "\t", "\u00A0\u00A0\u00A0\u00A0")
    .chain((indent) => atLine((line) => line.replace(/^ */, indent))),
  fc.constantFrom(...others).chain((value) => atLine((line) => line.replace(/:.*/, `: ${value}`))),
  fc.constantFrom(...strays).chain((stray) => atPlace((before, after) => before + stray + after)),
  fc
    .constantFrom(...strays)
    .chain((stray) => atPlace((before, after) => before + stray + after.slice(1))),
  atPlace((before, after) => before + after.slice(1)),
  atPlace((before, after) => before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2)),
  fc
    .constantFrom(...lineEnds)
    .chain((end) => atPlace((before, after) => before + after.replace("\n", end))),
  // A line in another place.
  fc.tuple(anywhere, anywhere).map(([from, to]): Mistake => (text) => {
    const lines = text.split("\n");
    const [line = ""] = lines.splice(from % (lines.length - 1), 1);
    return lines.toSpliced(to % lines.length, 0, line).join("\n");
  }),
);

const mistaken = fc.tuple(intended, mistake).map(([text, change]) => change(text));

test("the grant is for the one run, and for none that is another in any respect", () => {
  fc.assert(
    fc.property(intended, (text) => {
      const policy = loaded(text);
      if (policy === null) throw new Error(`it does not load:\n${text}`);
      expect(isServed(policy)).toBe(true);
      const served = Object.entries(probes).filter(([, probe]) => isServed(policy, probe));
      expect(served.map(([key]) => key)).toEqual([]);
      expect(Object.keys(conditions).filter((key) => isGone(key, text))).toEqual([]);
    }),
    { numRuns: 20 },
  );
});

test("a grant never gets wider by a mistake, unless it takes a whole condition out (P-01, P-02)", () => {
  const counts = { refused: 0, taken: 0, removed: 0 };
  fc.assert(
    fc.property(mistaken, (text) => {
      const policy = loaded(text);
      counts[policy === null ? "refused" : "taken"]++;
      if (policy === null) return;
      for (const [key, probe] of Object.entries(probes)) {
        if (!isServed(policy, probe)) continue;
        if (!isGone(key, text)) throw new Error(`${key} is checked no more:\n${text}`);
        counts.removed++;
      }
    }),
    { numRuns: 1_500 },
  );
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(30);
}, 60_000);

test("the executable takes and refuses the same (P-01, P-02)", async () => {
  for (const texts of [0, 1, 2, 3, 4, 5, 6, 7].map(() => fc.sample(mistaken, 3))) {
    const all = texts.map(async (text) => {
      const { exitCode, faults } = await checked(text);
      expect([exitCode, faults.length > 0], text).toEqual(loaded(text) ? [0, false] : [2, true]);
    });
    await Promise.all(all);
  }
}, 60_000);
