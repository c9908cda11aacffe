import { describe, expect, test } from "vitest";
import { warnings } from "../../src/core/warnings.ts";
import { grantOf } from "./golden.ts";

describe("G-05: the operator is warned", () => {
  const ref = "refs/heads/main";
  const warned = (fields: Record<string, unknown>): string =>
    warnings({ grants: [grantOf(fields)] }).join("\n");

  test.each<[string, Record<string, unknown>]>([
    ["repository is a pattern", { repository: "acme/*" }],
    ["repository_id", {}],
    ["forks", { forks: true }],
    ["legacy fits nobody", { legacy: true, proof: "oidc" }],
    ["legacy fits nobody", { legacy: true, proof: "both" }],
    ["runs of: issues, label", { event: ["issues", "push", "label"] }],
    ["no event that is known here as: pusch", { event: ["pusch", "push"] }],
    ["no event that is known here as: workflow_call", { event: "workflow_call" }],
    [
      "ref fits no run of: pull_request, release",
      { event: ["push", "pull_request", "release"], ref },
    ],
  ])("%s", (expected, fields) => {
    expect(warned(fields)).toContain(`grant app-deploy: `);
    expect(warned(fields)).toContain(expected);
  });

  // Who may comment, star, fork, label or edit the wiki is not who may push.
  test.each(
    "pull_request_target workflow_run issue_comment issues discussion discussion_comment repository_dispatch"
      .concat(" check_run check_suite label fork watch status gollum")
      .split(" "),
  )("of outsiders who can bring about %s", (event) => {
    expect(warned({ event })).toContain(`outsiders can start or feed runs of: ${event}`);
  });

  test.each([
    {},
    { event: ["push", "schedule", "workflow_dispatch", "merge_group"], ref },
    { event: ["pull_request", "release"] },
    { event: ["pull_request", "release"], proof: "either", ref },
    { legacy: true },
    { legacy: true, proof: "either" },
    { proof: "oidc" },
  ])("not of %j", (fields) => {
    expect(warned({ repository_id: 1_001, ...fields })).toBe("");
  });
});
