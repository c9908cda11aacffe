import { describe, expect, test } from "vitest";
import { codes } from "../../../src/core/errors.ts";
import { checksOf } from "../../../src/server/admin/checks.ts";

const asked = {
  repository: "acme/app",
  run_id: 5_001,
  run_attempt: 1,
  role: "arn:aws:iam::123456789012:role/app-deploy",
};
const identity = {
  repository: "acme/app",
  repository_id: 1_001,
  fork: false,
  run_id: 5_001,
  run_attempt: 1,
  job: "deploy",
  job_id: 7_001,
  workflow: ".github/workflows/deploy.yml",
  called_workflows: [],
  ref: "refs/heads/main",
  head_branch: "main",
  event: "push",
  triggering_actor: "octocat",
};
const base = { decision: "denied", asked, role: asked.role, proof: "log", fields: [] };
const seen = { ...base, identity };
const matched = { ...seen, grant: "app-deploy" };
const planned = { ...matched, session_name: "a2a-1001", duration_seconds: 900 };

function states(record: object): Record<string, string> {
  return Object.fromEntries(
    checksOf(record as Record<string, unknown>).map(({ name, state }) => [name, state]),
  );
}

function failed(record: object): string[] {
  return Object.entries(states(record)).flatMap(([name, state]) =>
    state === "failed" ? [name] : [],
  );
}

test("an allowed one has passed all, with what GitHub says", () => {
  const record = { ...planned, decision: "allowed", code: "ok" };
  const checks = checksOf(record);
  expect(new Set(checks.map(({ state }) => state))).toEqual(new Set(["passed"]));
  expect(Object.fromEntries(checks.map(({ name, says }) => [name, says]))).toEqual({
    request: null,
    repository: "acme/app",
    role: asked.role,
    challenge: null,
    "run and job": "run 5001, attempt 1, job 7001",
    "in progress": null,
    repository_id: "1001",
    workflow: ".github/workflows/deploy.yml",
    ref: "refs/heads/main",
    event: "push",
    job: "deploy",
    actor: "octocat",
    proof: "log",
    forks: "not a fork",
    max_duration: "900 s",
    announcement: null,
    "used once": null,
    audit: null,
    AWS: "a2a-1001",
  });
});

describe("each code stops at its check", () => {
  test.each<[string, object, string]>([
    ["invalid_request", { decision: "denied", fields: [] }, "request"],
    ["no_grant", { ...base, fields: ["repository"] }, "repository"],
    ["role_not_granted", { ...base, fields: ["role"] }, "role"],
    ["challenge_invalid", base, "challenge"],
    ["challenge_expired", base, "challenge"],
    ["oidc_invalid", { ...base, proof: "oidc" }, "OIDC token"],
    ["renewal_invalid", { ...base, proof: "renewal" }, "renewal token"],
    ["github_unavailable", base, "run and job"],
    ["github_rate_limited", base, "run and job"],
    ["job_not_found", base, "run and job"],
    ["job_ambiguous", base, "run and job"],
    ["not_in_progress", seen, "in progress"],
    ["no_grant", { ...seen, fields: ["ref"] }, "ref"],
    ["no_grant", { ...seen, fields: ["step"] }, "step"],
    ["ref_ambiguous", seen, "ref"],
    ["fork", { ...seen, fields: ["forks"] }, "forks"],
    ["proof_pending", matched, "announcement"],
    ["proof_ambiguous", matched, "announcement"],
    ["proof_invalid", { ...matched, proof: "legacy" }, "announcement"],
    ["github_session_expired", matched, "announcement"],
    ["github_unavailable", matched, "announcement"],
    ["audit_unavailable", planned, "audit"],
    ["aws_denied", planned, "AWS"],
    ["aws_unavailable", planned, "AWS"],
  ])("%s", (code, record, name) => {
    expect(failed({ ...record, code })).toEqual([name]);
  });

  test.each(codes)("and whatever else: %s stops somewhere, for each proof", (code) => {
    for (const proof of ["log", "oidc", "both", "renewal", "legacy", undefined]) {
      for (const record of [{ decision: "denied" }, base, seen, matched, planned]) {
        expect(failed({ ...record, proof, code })).toHaveLength(1);
      }
    }
  });
});

describe("what comes before has passed, and what comes after was not reached", () => {
  test("at the challenge", () => {
    expect(states({ ...base, code: "challenge_expired" })).toEqual({
      request: "passed",
      repository: "passed",
      role: "passed",
      challenge: "failed",
      "run and job": "not reached",
      "in progress": "not reached",
      announcement: "not reached",
      "used once": "not reached",
      audit: "not reached",
      AWS: "not reached",
    });
  });

  test("but the fields of a grant are compared all: several can fail", () => {
    const found = states({ ...seen, code: "no_grant", fields: ["ref", "actor"] });
    expect(found).toMatchObject({
      workflow: "passed",
      ref: "failed",
      event: "passed",
      job: "passed",
      actor: "failed",
      forks: "passed",
      announcement: "not reached",
    });
  });

  test("grants in conflict stop after the fields, a fault of the broker's where it was", () => {
    const conflict = states({ ...seen, code: "no_grant", note: "grants in conflict: a, b" });
    expect(conflict).toMatchObject({ proof: "passed", decision: "failed", AWS: "not reached" });
    const fault = states({ ...planned, code: "internal_error" });
    expect(fault).toMatchObject({ audit: "passed", decision: "failed", AWS: "not reached" });
  });
});

test("a branch's name that is not proved to be a ref is shown as such", () => {
  const record = {
    ...seen,
    identity: { ...identity, ref: null },
    code: "no_grant",
    fields: ["ref"],
  };
  expect(checksOf(record)).toContainEqual(
    expect.objectContaining({ name: "ref", says: "main (not proved)" }),
  );
});
