import { describe, expect, test } from "vitest";
import type { Code } from "../../src/core/errors.ts";
import type { RunIdentity } from "../../src/core/identity.ts";
import {
  type Ask,
  assertProofWanted,
  decide,
  type Field,
  grantsFor,
  mismatches,
  namesRepository,
  needsRef,
} from "../../src/core/policy.ts";
import { code, goldenIdentity, grantOf, roleArn, told } from "./golden.ts";

const ask: Ask = {
  repository: "acme/app",
  role: roleArn,
  proofs: { log: true, oidc: false },
};
const [oidc, both] = [
  { log: false, oidc: true },
  { log: true, oidc: true },
];
const main = { proved: "refs/heads/main" };

/** Each field of a grant: what it says, a run or ask that it does not mean, and one that it does. */
type Row = [Field, Record<string, unknown>, Partial<RunIdentity>, Partial<Ask>?];
const called = [
  ["acme/ci/.github/workflows/x.yml@refs/heads/main", "acme/ci/.github/workflows/x.yml@abc"],
];
const denials: Row[] = [
  ["repository", {}, { repository: { id: 1_001, name: "acme/other" } }],
  ["repository", { repository: "acme/ap*" }, { repository: { id: 1_001, name: "evil/app" } }],
  ["repository_id", { repository_id: 1_001 }, { repository: { id: 1_002, name: "acme/app" } }],
  [
    "workflow",
    { workflow: ".github/workflows/deploy.yml" },
    { workflow: ".github/workflows/x.yml" },
  ],
  ["workflow", { workflow: ".github/workflows/deploy.yml" }, { workflow: null }],
  ["event", {}, { event: "pull_request" }],
  ["event", { event: ["schedule"] }, { event: "push" }],
  ["job", { job: "deploy" }, { job: { id: 7_001, name: "deploy (2)" } }],
  ["job", { job: "deploy" }, { job: { id: 7_001, name: "deploy\u200B" } }],
  ["job", { job: "test (*)" }, { job: { id: 7_001, name: "deploy" } }],
  ["job", { job: "*x" }, { job: { id: 7_001, name: null } }],
  ["step", {}, {}, { step: "lint" }],
  ["step", {}, {}, { step: "assume role " }],
  ["reusable_workflow", {}, { calledWorkflows: called }],
  [
    "reusable_workflow",
    { reusable_workflow: "acme/ci/.github/workflows/x.yml@refs/heads/dev" },
    { calledWorkflows: called },
  ],
  [
    "reusable_workflow",
    { reusable_workflow: called[0]?.[0] },
    { calledWorkflows: [...called, ["evil/ci/.github/workflows/x.yml@v1"]] },
  ],
  ["actor", { actor: "octocat" }, { triggeringActor: "mallory" }],
  ["actor", { actor: "octocat" }, { triggeringActor: null }],
  ["actor", { actor: "octocat" }, { actor: "octocat", triggeringActor: "mallory" }],
  ["environment", { environment: "production", proof: "either" }, {}],
  ["environment", { environment: "production", proof: "either" }, { environment: "Production" }],
  ["proof", {}, {}, { proofs: oidc }],
  ["proof", { proof: "oidc" }, {}],
  ["proof", { proof: "both" }, {}],
  ["proof", { proof: "both" }, {}, { proofs: oidc }],
  ["proof", { proof: "either" }, {}, { proofs: { log: false, oidc: false } }],
  ["forks", {}, { fork: true }],
  ["max_duration", { max_duration: "30m" }, {}, { duration_seconds: 1_801 }],
];

describe("a grant's field that the run does not match is told, and nothing else is", () => {
  test.each(denials)("%s %j", (field, fields, change, asked = {}) => {
    const grant = grantOf(fields);
    const found = mismatches(grant, goldenIdentity(change), { ...ask, ...asked }, main);
    expect(found).toEqual([field]);
    expect(() => decide([grant], goldenIdentity(change), { ...ask, ...asked }, main)).toThrow(
      code(field === "forks" ? "fork" : "no_grant", { fields: [field] }),
    );
  });
});

describe("the run that a grant describes is allowed", () => {
  test.each<[Record<string, unknown>, Partial<RunIdentity>?, Partial<Ask>?]>([
    [{}],
    [{ repository: "ACME/App" }],
    [{ repository: "acme/*" }],
    [{ repository_id: 1_001 }],
    [{ workflow: [".github/workflows/x.yml", ".github/workflows/deploy.yml"] }],
    [{ ref: "refs/heads/main" }],
    [{ ref: ["refs/tags/v*", "refs/heads/**"] }],
    [{ event: ["merge_group", "push"] }],
    [{}, { event: "schedule" }],
    [{}, { event: "workflow_dispatch" }],
    [{ job: "dep*" }],
    [{ step: ["assume role", "keygen"] }, {}, { step: "keygen" }],
    [{ reusable_workflow: called[0]?.[0] }, { calledWorkflows: called }],
    [{ reusable_workflow: called[0]?.[1] }, { calledWorkflows: called }],
    [{ reusable_workflow: "ACME/CI/.github/workflows/x.yml@abc" }, { calledWorkflows: called }],
    [{ actor: ["hubot", "OctoCat"] }],
    [{ actor: "octocat" }, { actor: "mallory" }],
    [{}, {}, { proofs: both }],
    [{ proof: "either" }],
    [{ proof: "either" }, {}, { proofs: oidc }],
    [{ proof: "oidc" }, {}, { proofs: oidc }],
    [{ proof: "both" }, {}, { proofs: both }],
    [{ environment: "production", proof: "either" }, { environment: "production" }],
    [{ forks: true }, { fork: true }],
    [{ max_duration: "30m" }, {}, { duration_seconds: 1_800 }],
  ])("%j", (fields, change = {}, asked = {}) => {
    const grant = grantOf(fields);
    expect(decide([grant], goldenIdentity(change), { ...ask, ...asked }, main)).toBe(grant);
  });
});

describe("refs", () => {
  const grant = grantOf({ ref: ["refs/heads/main", "refs/tags/v*"] });

  test.each([
    ["refs/heads/main", true],
    ["refs/tags/v1", true],
    ["refs/heads/main-evil", false],
    ["refs/tags/main", false],
    ["refs/tags/v1/x", false],
    ["main", false],
    [null, false],
  ])("a run proved to be of %j is allowed: %j", (proved, allowed) => {
    const found = mismatches(grant, goldenIdentity(), ask, { proved });
    expect(found).toEqual(allowed ? [] : ["ref"]);
  });

  test("G-02: a ref that was not looked up never allows, and a grant without ref needs none", () => {
    expect(() => decide([grant], goldenIdentity(), ask, "unknown")).toThrow(code("no_grant"));
    const free = grantOf();
    expect(decide([free], goldenIdentity(), ask, "unknown")).toBe(free);
  });

  test.each<[boolean, Record<string, unknown>, Partial<RunIdentity>]>([
    [true, { ref: "refs/heads/main" }, {}],
    [true, { ref: "refs/tags/main" }, {}],
    [false, {}, {}],
    [false, { ref: "refs/heads/main" }, { headBranch: "dev" }],
    [false, { ref: "refs/heads/main" }, { headBranch: null }],
    [false, { ref: "refs/heads/main" }, { fork: true }],
    [false, { ref: "refs/heads/main" }, { event: "pull_request" }],
    [
      false,
      { ref: "refs/heads/main", event: "pull_request_target" },
      { event: "pull_request_target" },
    ],
    [false, { ref: "refs/heads/main", job: "other" }, {}],
  ])("H-09: looking the ref up can decide: %j for %j and %j", (expected, fields, change) => {
    expect(needsRef([grantOf(fields)], goldenIdentity(change), ask)).toBe(expected);
    const other = grantOf({ job: "other" });
    expect(needsRef([other, grantOf(fields)], goldenIdentity(change), ask)).toBe(expected);
  });
});

describe("before anything is known of the run", () => {
  const grants = [grantOf(), grantOf({ name: "org", repository: "acme/*", role: `${roleArn}-*` })];
  const policy = { grants };

  test.each([
    ["acme/app", roleArn, ["app-deploy"]],
    ["ACME/APP", roleArn, ["app-deploy"]],
    ["acme/app", `${roleArn}-1`, ["org"]],
    ["acme/other", `${roleArn}-1`, ["org"]],
  ])("%s may ask for %s", (repository, role, names) => {
    expect(grantsFor(policy, { repository, role }).map(({ name }) => name)).toEqual(names);
    expect(namesRepository(policy, repository)).toBe(true);
  });

  test.each<[string, string, Code]>([
    ["evil/app", roleArn, "no_grant"],
    ["acme/app/x", roleArn, "no_grant"],
    ["acme/other", roleArn, "role_not_granted"],
    ["acme/app", `${roleArn}/x`, "role_not_granted"],
    ["acme/app", roleArn.replace("role/", "role/path/"), "role_not_granted"],
    ["acme/app", roleArn.replace("123456789012", "210987654321"), "role_not_granted"],
    ["acme/app", roleArn.toUpperCase(), "role_not_granted"],
    ["acme/app", `${roleArn} `, "role_not_granted"],
    ["acme/app", `${roleArn}-a/b`, "role_not_granted"],
  ])("A-01, G-26: %s and %s are %s", (repository, role, expected) => {
    const fields = [expected === "no_grant" ? "repository" : "role"];
    expect(() => grantsFor(policy, { repository, role })).toThrow(
      code(expected, { fields, ...told }),
    );
  });

  test.each<[string[], Partial<Ask["proofs"]>, wanted: boolean]>([
    [["log"], { oidc: true }, false],
    [["both"], { oidc: true }, false],
    [["log", "both"], { oidc: true }, false],
    [["oidc"], { oidc: true }, true],
    [["either"], { oidc: true }, true],
    [["log", "oidc"], { oidc: true }, true],
    [["both", "either"], { oidc: true }, true],
    [["log"], { log: true }, true],
    [["both"], { log: true, oidc: true }, true],
  ])("where the grants want %j, %j is worth a look: %j", (wants, proofs, wanted) => {
    const asked = (): void =>
      assertProofWanted(
        wants.map((proof) => grantOf({ proof })),
        { log: false, oidc: false, ...proofs },
      );
    if (wanted) expect(asked).not.toThrow();
    else expect(asked).toThrow(code("no_grant", { fields: ["proof"], ...told }));
  });
});

describe("P-05: two grants that allow the same run", () => {
  const first = grantOf({ name: "first" });

  test.each<[Record<string, unknown>]>([
    [{ max_duration: "2h" }],
    [{ max_age: "2h" }],
    [{ external_id: "other" }],
    [{ step: ["assume role", "keygen"] }],
    [{ proof: "either" }],
    [{ tags: { team: "run.id" } }],
    [{ tags: { team: "run.id" }, transitive_tags: "team" }],
    [{ session_policy: { Version: "2012-10-17" } }],
  ])("that differ in %j are refused in either order", (fields) => {
    const second = grantOf({ name: "second", ...fields });
    for (const grants of [
      [first, second],
      [second, first],
    ]) {
      expect(() => decide(grants, goldenIdentity(), ask, main)).toThrow(
        code("no_grant", { note: "grants in conflict: first, second", ...told }),
      );
    }
    expect(decide([first], goldenIdentity(), ask, main)).toBe(first);
    expect(decide([second], goldenIdentity(), ask, main)).toBe(second);
  });

  test("that come to the same are as good as one", () => {
    const second = grantOf({ name: "second", job: "deploy", repository: "acme/*" });
    expect(decide([first, second], goldenIdentity(), ask, main)).toBe(first);
    expect(decide([second, first], goldenIdentity(), ask, main)).toBe(first);
  });
});

test("a denial tells the operator the closest grant, and nothing where there is none", () => {
  const grants = ["b", "a", "c"].map((name) => grantOf({ name, job: "x" }));
  expect(() => decide(grants, goldenIdentity(), ask, main)).toThrow(
    code("no_grant", { note: "closest grant: a", ...told }),
  );
  expect(() => decide([], goldenIdentity(), ask, main)).toThrow(
    code("no_grant", { fields: [], note: undefined, ...told }),
  );
});

test("a denial tells the fields of the closest grant", () => {
  const far = grantOf({ job: "x", actor: "x", event: "schedule" });
  const near = grantOf({ job: "x" });
  expect(() => decide([far, near], goldenIdentity(), ask, main)).toThrow(
    code("no_grant", { fields: ["job"] }),
  );
});
