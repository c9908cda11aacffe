import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { auditRecord, type Decided } from "../../src/core/audit.ts";
import { planIssue } from "../../src/core/issue.ts";
import { character } from "./character.ts";
import { goldenCase, goldenIdentity, grantOf, now, roleArn } from "./golden.ts";

const golden = goldenCase();
const asked = {
  repository: "ACME/app",
  run_id: 5_001,
  run_attempt: 1,
  role: roleArn,
  public_key: "age1…",
};
const decided: Decided = {
  requestId: "r-1",
  time: now,
  clientAddress: "192.0.2.7",
  policy: "0123abcd",
  asked,
  identity: golden.identify(),
  ref: "refs/heads/main",
  grant: "app-deploy",
  proof: "log",
  plan: planIssue(grantOf({ tags: { team: "run.id" } }), golden.identify(), asked, {
    run: golden.runJson(),
    job: {},
  }),
};
const allowed = {
  decision: "allowed",
  accessKeyId: "ASIAEXAMPLE",
  expiration: "2026-08-01T12:15:00Z",
} as const;

test("an allowed request's record says what the contract lists", () => {
  expect(auditRecord(decided, allowed)).toEqual({
    time: "2026-08-01T12:00:00.000Z",
    request_id: "r-1",
    decision: "allowed",
    code: "ok",
    grant: "app-deploy",
    identity: {
      repository: "acme/app",
      repository_id: 1_001,
      fork: false,
      run_id: 5_001,
      run_attempt: 1,
      run_number: 1,
      job: "deploy",
      job_id: 7_001,
      workflow: ".github/workflows/deploy.yml",
      called_workflows: [],
      ref: "refs/heads/main",
      head_branch: "main",
      sha: golden.run.headSha,
      event: "push",
      environment: null,
      actor: "octocat",
      triggering_actor: "octocat",
    },
    asked,
    proof: "log",
    role: roleArn,
    session_name: "a2a-1001-5001-1-7001",
    tags: { team: "5001" },
    duration_seconds: 900,
    access_key_id: "ASIAEXAMPLE",
    expiration: "2026-08-01T12:15:00Z",
    client_address: "192.0.2.7",
    policy: "0123abcd",
  });
});

describe("a denied request's record", () => {
  test("says why, and has no credentials", () => {
    const record = auditRecord(decided, {
      decision: "denied",
      code: "no_grant",
      fields: ["ref"],
      note: "closest grant: x",
    });
    expect(record).toMatchObject({
      decision: "denied",
      code: "no_grant",
      fields: ["ref"],
      note: "closest grant: x",
    });
    expect(Object.keys(record)).not.toContain("access_key_id");
    expect(Object.keys(record)).not.toContain("expiration");
  });

  test("names the role that was asked for, be it granted or not, and all that the run calls", () => {
    const called = [["acme/ci/.github/workflows/x.yml@v1", "acme/ci/.github/workflows/x.yml@abc"]];
    const identity = goldenIdentity({ calledWorkflows: called });
    const record = auditRecord(
      { ...decided, identity, plan: undefined },
      { decision: "denied", code: "no_grant", fields: [] },
    );
    expect(record).toMatchObject({
      role: roleArn,
      identity: { called_workflows: ["acme/ci/.github/workflows/x.yml@v1"] },
    });
    expect(record).not.toHaveProperty("note");
  });

  test("leaves out what was not reached", () => {
    const { requestId, time, clientAddress, policy } = decided;
    const record = auditRecord(
      { requestId, time, clientAddress, policy },
      { decision: "denied", code: "invalid_request", fields: [] },
    );
    expect(Object.keys(JSON.parse(JSON.stringify(record)))).toEqual([
      "time",
      "request_id",
      "decision",
      "code",
      "fields",
      "client_address",
      "policy",
    ]);
  });
});

describe("H-22: whatever names hold, a record is one line of JSON", () => {
  test("without newlines, control characters or another record in it", () => {
    const text = fc.oneof(
      fc.string({ unit: character }),
      fc.constantFrom('\n{"decision":"allowed"}', "\u001B[2J", "\r\n", "\u2028"),
    );
    fc.assert(
      fc.property(text, text, text, (job, branch, repository) => {
        const identity = goldenIdentity({ job: { id: 1, name: job }, headBranch: branch });
        const record = auditRecord(
          { ...decided, asked: { ...asked, repository }, identity },
          allowed,
        );
        const line = JSON.stringify(record);
        expect(line).not.toMatch(/[\u0000-\u001F]/);
        expect(JSON.parse(line)).toMatchObject({ identity: { job: job }, asked: { repository } });
      }),
    );
  });
});

test("O-18: a record has no place for a secret, even if the values around it carry one", () => {
  const canary = {
    ticket: "canary",
    oidc_token: "canary",
    secretAccessKey: "canary",
    sessionToken: "canary",
  };
  const record = auditRecord(
    { ...decided, ...canary, identity: { ...golden.identify(), ...canary } },
    { ...allowed, ...canary },
  );
  expect(JSON.stringify(record)).not.toContain("canary");
});
