import { describe, expect, test } from "vitest";
import { type Code, codes, Refusal, statusOf, titleOf } from "../../src/core/errors.ts";

/** The HTTP section of the contract, word for word. */
const contract =
  `invalid_request 400, not_in_progress 403, fork 403, ref_ambiguous 403, no_grant 403,
  job_not_found 404, job_ambiguous 409, proof_pending 409, proof_ambiguous 403, proof_invalid 403,
  challenge_invalid 403, challenge_expired 403, oidc_invalid 401, role_not_granted 403,
  renewal_invalid 403, too_large 413, rate_limited 429, github_unavailable 503,
  github_session_expired 503, github_rate_limited 503, aws_denied 502, aws_unavailable 503,
  audit_unavailable 503, not_found 404, method_not_allowed 405, unsupported_media_type 415`
    .split(",")
    .map((entry) => entry.trim().split(" ") as [Code, string]);

describe("every code of the contract has its status and a title", () => {
  test.each(contract)("%s is %s", (name, status) => {
    expect(statusOf(name)).toBe(Number(status));
    expect(new Refusal(name).status).toBe(Number(status));
    expect(titleOf(name)).toMatch(/^[A-Z].*[^.]$/);
  });

  test("there is no other, but for faults of the broker's own", () => {
    const known = [...contract.map(([name]) => name), "store_unavailable", "internal_error"];
    expect(new Set(codes)).toEqual(new Set(known));
    expect(statusOf("internal_error")).toBe(500);
    expect(statusOf("store_unavailable")).toBe(503);
  });

  test("no two have the same title", () => {
    expect(new Set(codes.map(titleOf)).size).toBe(codes.length);
  });
});

test("a refusal carries what it was given, and only its detail as its message", () => {
  const cause = new Error("canary");
  const refusal = new Refusal("no_grant", {
    detail: "No.",
    note: "canary",
    fields: ["ref"],
    cause,
  });
  expect(refusal).toMatchObject({ code: "no_grant", fields: ["ref"], note: "canary", cause });
  expect(refusal.name).toBe("Refusal");
  expect(refusal.message).toBe("No.");
  expect(new Refusal("no_grant", { note: "canary" }).message).toBe(titleOf("no_grant"));
});
