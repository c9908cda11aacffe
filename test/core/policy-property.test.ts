import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Refusal } from "../../src/core/errors.ts";
import { grantSchema } from "../../src/core/grant.ts";
import { decide, grantsFor, type KnownRef } from "../../src/core/policy.ts";
import { goldenIdentity, roleArn } from "./golden.ts";
import { type Asked, type Facts, type RawGrant, verdict, type Verdict } from "./policy-oracle.ts";

const called = ["acme/ci/.github/workflows/a.yml", "acme/ci/.github/workflows/b.yml"].map(
  (file) => [`${file}@refs/heads/main`, `${file}@0123456789012345678901234567890123456789`],
);
const some = (...values: string[]): fc.Arbitrary<string[]> => fc.subarray(values, { minLength: 1 });

const conditions = {
  repository_id: fc.constantFrom(1_001, 1_002),
  workflow: some(".github/workflows/deploy.yml", ".github/workflows/test.yml"),
  ref: some("refs/heads/main", "refs/heads/release/*", "refs/tags/**"),
  job: some("deploy", "test (*)", "**"),
  actor: some("octocat", "Hubot"),
};
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 3 }, { arbitrary: values, weight: 1 });

const rawGrant: fc.Arbitrary<Omit<RawGrant, "name">> = fc
  .record({
    repository: fc.constantFrom("acme/app", "ACME/App", "acme/*", "acme/ap*-two"),
    repository_id: optional(conditions.repository_id),
    workflow: optional(conditions.workflow),
    ref: optional(conditions.ref),
    event: optional(some("push", "pull_request", "schedule")),
    job: optional(conditions.job),
    step: some("assume role", "keygen"),
    reusable_workflow: optional(fc.subarray(called.flat(), { minLength: 1 })),
    actor: optional(conditions.actor),
    environment: optional(some("production", "staging")),
    proof: fc.constantFrom(undefined, undefined, "log", "either", "both", "oidc"),
    forks: fc.constantFrom(undefined, true, false),
    role: some(roleArn, `${roleArn}-*`),
    max_duration: fc.constantFrom(undefined, "15m", "60m", "2h"),
    external_id: fc.constantFrom(undefined, undefined, "ours"),
  })
  .map((grant) => {
    const unprovable = grant.proof === undefined || grant.proof === "log";
    const written = Object.entries(grant).filter(
      ([key, value]) => value !== undefined && !(key === "environment" && unprovable),
    );
    return Object.fromEntries(written) as unknown as Omit<RawGrant, "name">;
  });

const grantList = fc
  .array(rawGrant, { minLength: 1, maxLength: 4 })
  .map((grants) => grants.map((grant, at): RawGrant => ({ ...grant, name: `g${at}` })));

const facts: fc.Arbitrary<Facts> = fc.record({
  repository: fc.record({
    name: fc.constantFrom("acme/app", "Acme/App", "acme/app-two"),
    id: fc.constantFrom(1_001, 1_002),
  }),
  fork: fc.constantFrom(false, false, true),
  workflow: fc.constantFrom(".github/workflows/deploy.yml", ".github/workflows/test.yml", null),
  event: fc.constantFrom("push", "push", "push", "schedule", "issue_comment"),
  job: fc.constantFrom("deploy", "test (1)", "test (a/b)"),
  called: fc.oneof(fc.constant<string[][]>([]), fc.subarray(called)),
  actor: fc.constantFrom("octocat", "OctoCat", "hubot", "mallory", null),
  environment: fc.constantFrom(null, null, "production"),
  ref: fc.constantFrom("refs/heads/main", "refs/heads/release/1", "refs/tags/a/b", null),
});

const asked: fc.Arbitrary<Asked> = fc
  .record({
    repository: fc.constantFrom("acme/app", "ACME/APP", "acme/app-two", "evil/app"),
    role: fc.constantFrom(roleArn, roleArn, `${roleArn}-1`, `${roleArn}x`),
    proofs: fc.constantFrom(
      { log: true, oidc: false },
      { log: true, oidc: false },
      { log: false, oidc: true },
      { log: true, oidc: true },
    ),
    step: optional(fc.constantFrom("assume role", "keygen", "lint")),
    duration_seconds: optional(fc.constantFrom(900, 3_600, 7_200)),
  })
  .map((all) => ({
    repository: all.repository,
    role: all.role,
    proofs: all.proofs,
    ...(all.step !== undefined && { step: all.step }),
    ...(all.duration_seconds !== undefined && { duration_seconds: all.duration_seconds }),
  }));

const golden = goldenIdentity();

function decided(
  grants: readonly RawGrant[],
  run: Facts,
  wanted: Asked,
  ref: KnownRef = { proved: run.ref },
): Verdict {
  const compiled = grants.map((grant) => grantSchema.parse(grant));
  const identity = {
    ...golden,
    repository: run.repository,
    fork: run.fork,
    workflow: run.workflow,
    event: run.event,
    job: { id: 7_001, name: run.job },
    calledWorkflows: run.called,
    actor: "somebody",
    triggeringActor: run.actor,
    environment: run.environment,
  };
  try {
    const { name } = decide(grantsFor({ grants: compiled }, wanted), identity, wanted, ref);
    return { allowed: [name] };
  } catch (error) {
    if (error instanceof Refusal) return { denied: error.code };
    throw error;
  }
}

const runs = { numRuns: 500 };

describe("P-05: for any grants, runs and asks", () => {
  test("the verdict is the one that the contract's words lead to", () => {
    let allowed = 0;
    fc.assert(
      fc.property(grantList, facts, asked, (grants, run, wanted) => {
        const expected = verdict(grants, run, wanted);
        const found = decided(grants, run, wanted);
        const choice =
          "allowed" in expected ? { allowed: [expect.toBeOneOf(expected.allowed)] } : expected;
        expect(found).toEqual(choice);
        if ("allowed" in found) allowed++;
      }),
      { numRuns: 3_000 },
    );
    // A comparison of denials alone would be worth little.
    expect(allowed).toBeGreaterThan(100);
  });

  test("the order of grants changes nothing", () => {
    fc.assert(
      fc.property(grantList, facts, asked, (grants, run, wanted) => {
        const told = (verdictOf: Verdict): string =>
          "denied" in verdictOf ? verdictOf.denied : "allowed";
        expect(told(decided(grants.toReversed(), run, wanted))).toBe(
          told(decided(grants, run, wanted)),
        );
      }),
      runs,
    );
  });

  test("a ref that is not proved never allows where a grant pins one", () => {
    fc.assert(
      fc.property(grantList, conditions.ref, facts, asked, (grants, ref, run, wanted) => {
        const pinned = grants.map((grant) => ({ ...grant, ref }));
        for (const unproved of ["unknown", { proved: null }] as const) {
          expect(decided(pinned, run, wanted, unproved)).toHaveProperty("denied");
        }
      }),
      runs,
    );
  });

  test.each(Object.keys(conditions) as (keyof typeof conditions)[])(
    "a %s added to a grant never makes it allow more",
    (field) => {
      fc.assert(
        fc.property(grantList, conditions[field], facts, asked, ([grant], value, run, wanted) => {
          if (!grant) return;
          const { [field]: _, ...wide } = grant;
          const narrow = { ...wide, [field]: value };
          fc.pre("allowed" in decided([narrow], run, wanted));
          expect(decided([wide], run, wanted)).toHaveProperty("allowed");
        }),
        { numRuns: 50, maxSkipsPerRun: 10_000 },
      );
    },
  );
});
