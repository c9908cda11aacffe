import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Refusal } from "../../src/core/errors.ts";
import { compareField, sentence } from "../../src/core/explain.ts";
import type { RunIdentity } from "../../src/core/identity.ts";
import {
  type Ask,
  decide,
  type Field,
  isUntold,
  type KnownRef,
  mismatches,
} from "../../src/core/policy.ts";
import { goldenIdentity, grantOf, roleArn } from "./golden.ts";

const [log, oidc, both] = [
  { log: true, oidc: false },
  { log: false, oidc: true },
  { log: true, oidc: true },
];
const ask: Ask = { repository: "acme/app", role: roleArn, proofs: oidc };
const main: KnownRef = { proved: "refs/heads/main" };
const called = [["acme/ci/.github/workflows/x.yml@v1", "acme/ci/.github/workflows/x.yml@abc"]];

interface Row {
  field: Field;
  grant?: object;
  run?: Partial<RunIdentity>;
  asked?: Partial<Ask>;
  ref?: KnownRef;
  wanted: string;
  actual: string;
}
const rows: Row[] = [
  {
    field: "repository",
    run: { repository: { id: 1_001, name: "acme/other" } },
    wanted: "acme/app",
    actual: "acme/other",
  },
  {
    field: "repository_id",
    grant: { repository_id: 1_001 },
    run: { repository: { id: 1_002, name: "acme/app" } },
    wanted: "1001",
    actual: "1002",
  },
  {
    field: "workflow",
    grant: { workflow: [".github/workflows/a.yml", ".github/workflows/b.yml"] },
    wanted: ".github/workflows/a.yml or .github/workflows/b.yml",
    actual: ".github/workflows/deploy.yml",
  },
  {
    field: "workflow",
    grant: { workflow: ".github/workflows/a.yml" },
    run: { workflow: null },
    wanted: ".github/workflows/a.yml",
    actual: "a workflow of another repository or ref",
  },
  {
    field: "ref",
    grant: { ref: ["refs/heads/main", "refs/heads/release/*"] },
    ref: { proved: "refs/heads/dev" },
    wanted: "refs/heads/main or refs/heads/release/*",
    actual: "refs/heads/dev",
  },
  {
    field: "ref",
    grant: { ref: "refs/heads/main" },
    run: { headBranch: "dev" },
    ref: { proved: null },
    wanted: "refs/heads/main",
    actual: "no proved ref (GitHub names dev)",
  },
  {
    field: "ref",
    grant: { ref: "refs/heads/main" },
    run: { headBranch: "dev" },
    ref: "unknown",
    wanted: "refs/heads/main",
    actual: "dev (not looked up)",
  },
  {
    field: "ref",
    grant: { ref: "refs/heads/main" },
    run: { headBranch: null },
    ref: "unknown",
    wanted: "refs/heads/main",
    actual: "no branch (not looked up)",
  },
  {
    field: "event",
    run: { event: "issues" },
    wanted: "push or workflow_dispatch or schedule",
    actual: "issues",
  },
  {
    field: "job",
    grant: { job: ["build", "test (*)"] },
    wanted: "build or test (*)",
    actual: "deploy",
  },
  {
    field: "job",
    grant: { job: "build" },
    run: { job: { id: 7_001, name: null } },
    wanted: "build",
    actual: "a name that is not known",
  },
  { field: "step", asked: { step: "lint" }, wanted: "assume role", actual: "lint" },
  {
    field: "reusable_workflow",
    run: { calledWorkflows: called },
    wanted: "none",
    actual: "acme/ci/.github/workflows/x.yml@v1",
  },
  {
    field: "reusable_workflow",
    grant: { reusable_workflow: "acme/ci/.github/workflows/x.yml@v2" },
    run: { calledWorkflows: called },
    wanted: "acme/ci/.github/workflows/x.yml@v2",
    actual: "acme/ci/.github/workflows/x.yml@v1",
  },
  {
    field: "actor",
    grant: { actor: ["octocat", "hubot"] },
    run: { triggeringActor: "mallory" },
    wanted: "octocat or hubot",
    actual: "mallory",
  },
  {
    field: "actor",
    grant: { actor: "octocat" },
    run: { triggeringActor: null },
    wanted: "octocat",
    actual: "an actor that is not known",
  },
  {
    field: "environment",
    grant: { environment: "production", proof: "oidc" },
    wanted: "production",
    actual: "no proved environment",
  },
  {
    field: "environment",
    grant: { environment: "production", proof: "oidc" },
    run: { environment: "staging" },
    wanted: "production",
    actual: "staging",
  },
  { field: "proof", grant: { proof: "log" }, wanted: "log", actual: "oidc" },
  { field: "proof", grant: { proof: "both" }, wanted: "both", actual: "oidc" },
  { field: "forks", run: { fork: true }, wanted: "no run from a fork", actual: "a fork" },
  {
    field: "forks",
    run: { fork: null },
    wanted: "no run from a fork",
    actual: "no word on whether it is one",
  },
  {
    field: "max_duration",
    grant: { max_duration: "30m" },
    asked: { duration_seconds: 3_600 },
    wanted: "at most 1800 s",
    actual: "3600 s asked for",
  },
];

describe("a field that does not fit is told with what the grant wants and what the run is:", () => {
  test.each(rows)("$field: $wanted / $actual", (row) => {
    const { field, grant: fields = {}, run = {}, asked = {}, ref = main, wanted, actual } = row;
    const grant = grantOf({ proof: "either", ...fields });
    const identity = goldenIdentity(run);
    // The rows are of denials: a comparison of what fits would tell nothing.
    expect(mismatches(grant, identity, { ...ask, ...asked }, ref)).toEqual([field]);
    const comparison = compareField(field, grant, identity, { ...ask, ...asked }, ref);
    expect(comparison).toEqual({ field, wanted, actual });
    expect(sentence(comparison)).toBe(
      `${field}: the grant wants ${wanted}, this run has ${actual}`,
    );
  });

  test("every field has its row", () => {
    const fields = Object.keys({
      repository: 0,
      repository_id: 0,
      workflow: 0,
      ref: 0,
      event: 0,
      job: 0,
      step: 0,
      reusable_workflow: 0,
      actor: 0,
      environment: 0,
      proof: 0,
      forks: 0,
      max_duration: 0,
    } satisfies Record<Field, number>);
    expect(new Set(rows.map(({ field }) => field))).toEqual(new Set(fields));
  });
});

test.each<[Field, object, Partial<RunIdentity>, wanted: string, actual: string]>([
  ["repository_id", {}, {}, "any", "1001"],
  ["workflow", {}, {}, "any", ".github/workflows/deploy.yml"],
  ["ref", {}, { headBranch: null }, "any", "no proved ref (GitHub names none)"],
  ["step", {}, {}, "assume role", "any"],
  ["reusable_workflow", {}, {}, "none", "none"],
  ["forks", { forks: true }, {}, "any run", "no fork"],
  ["max_duration", {}, {}, "at most 3600 s", "no s asked for"],
])("what is left open is told as such: %s", (field, fields, run, wanted, actual) => {
  const grant = grantOf({ proof: "either", ...fields });
  const comparison = compareField(field, grant, goldenIdentity(run), ask, { proved: null });
  expect(comparison).toEqual({ field, wanted, actual });
});

test("no field of no run makes half a sentence", () => {
  const text = fc.option(fc.string({ minLength: 1 }));
  const runs = fc.record({
    workflow: text,
    headBranch: text,
    triggeringActor: text,
    environment: text,
    fork: fc.boolean(),
    calledWorkflows: fc.array(fc.array(fc.string({ minLength: 1 }), { minLength: 1 })),
    job: fc.record({ id: fc.nat(), name: text }),
  });
  const refs = fc.oneof(
    fc.constant<KnownRef>("unknown"),
    text.map((proved) => ({ proved })),
  );
  const proofs = fc.constantFrom(log, oidc, both);
  fc.assert(
    fc.property(
      runs,
      refs,
      proofs,
      fc.constantFrom(...rows),
      (run, ref, given, { field, grant }) => {
        const comparison = compareField(
          field,
          grantOf({ proof: "either", ...grant }),
          goldenIdentity(run),
          { ...ask, proofs: given },
          ref,
        );
        expect(comparison.wanted).not.toMatch(/^$|undefined|null|\[object/);
        expect(comparison.actual).not.toMatch(/^$|undefined|\[object/);
      },
    ),
  );
});

describe("H-15: what a grant says is told", () => {
  /** What a run of another branch, workflow and event is told. */
  function denial(proofs: Ask["proofs"], run: Partial<RunIdentity> = {}): Refusal {
    const grant = grantOf({
      proof: "either",
      ref: "refs/heads/secret-branch",
      workflow: ".github/workflows/secret.yml",
      environment: "secret-environment",
      actor: "secret-actor",
    });
    try {
      decide([grant], goldenIdentity(run), { ...ask, proofs }, main);
      return expect.unreachable();
    } catch (error) {
      return error as Refusal;
    }
  }

  test("to who has shown a token, with or without the log", () => {
    for (const proofs of [oidc, both]) {
      const { code, fields, detail } = denial(proofs);
      expect([code, fields]).toEqual(["no_grant", ["workflow", "ref", "actor", "environment"]]);
      expect(detail).toBe(
        "The grant app-deploy does not fit. " +
          "workflow: the grant wants .github/workflows/secret.yml, this run has .github/workflows/deploy.yml; " +
          "ref: the grant wants refs/heads/secret-branch, this run has refs/heads/main; " +
          "actor: the grant wants secret-actor, this run has octocat; " +
          "environment: the grant wants secret-environment, this run has no proved environment.",
      );
    }
  });

  test("never to who has not: the names of the fields, and no value", () => {
    const { fields, detail } = denial(log);
    expect(fields).toEqual(["workflow", "ref", "actor", "environment"]);
    expect(detail).toBe("The run is not one that a grant for this repository and role describes.");
  });

  test("never to a fork, whatever it has shown", () => {
    const { code, detail } = denial(oidc, { fork: true });
    expect([code, detail]).toEqual(["fork", "No grant gives this role to runs from forks."]);
  });
});

test("a job's name that was not looked up is not told as one that differs, unless nothing else does", () => {
  const unnamed = goldenIdentity({ job: { id: 7_001, name: null }, event: "issues" });
  const deny =
    (grant: object, identity = unnamed) =>
    () =>
      decide([grantOf({ job: "deploy", proof: "either", ...grant })], identity, ask, main);
  expect(deny({})).toThrow(expect.objectContaining({ code: "no_grant", fields: ["event"] }));
  expect(deny({ event: "issues" })).toThrow(
    expect.objectContaining({ code: "no_grant", fields: ["job"] }),
  );
  expect(deny({ job: "build" }, goldenIdentity({ event: "issues" }))).toThrow(
    expect.objectContaining({ code: "no_grant", fields: ["event", "job"] }),
  );
});

test("whether a run is a fork's, and was not looked up, is told as little, and never taken for a no", () => {
  const untold = goldenIdentity({ fork: null, job: { id: 7_001, name: null } });
  const fieldsOf = (grant: object): unknown => {
    try {
      return decide([grantOf({ proof: "either", ...grant })], untold, ask, main).name;
    } catch (error) {
      const { code, fields } = error as Refusal;
      return [code, fields];
    }
  };
  expect(fieldsOf({})).toEqual(["no_grant", ["forks"]]);
  expect(fieldsOf({ job: "deploy" })).toEqual(["no_grant", ["job", "forks"]]);
  expect(fieldsOf({ event: "issues" })).toEqual(["no_grant", ["event"]]);
  expect(fieldsOf({ forks: true })).toBe("app-deploy");
  expect(
    mismatches(grantOf({}), goldenIdentity({ fork: false }), { ...ask, proofs: log }, main),
  ).toEqual([]);
  expect(["forks", "job", "event"].map((field) => isUntold(field as Field, untold))).toEqual([
    true,
    true,
    false,
  ]);
  expect(["forks", "job"].map((field) => isUntold(field as Field, goldenIdentity()))).toEqual([
    false,
    false,
  ]);
});
