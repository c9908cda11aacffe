import { identityRecord } from "../../core/audit.ts";
import type { Explanation } from "./explain.ts";

/** An explanation for programs, by the names that the audit has. */
export function explanationJson(explanation: Explanation): Record<string, unknown> {
  const { asked, identity, ref, grants, steps, plan, verdict } = explanation;
  return {
    ...verdict,
    asked,
    identity: identity && identityRecord(identity, ref),
    grants,
    steps,
    assume_role: plan && {
      role: plan.roleArn,
      session_name: plan.sessionName,
      external_id: plan.externalId,
      duration_seconds: plan.durationSeconds,
      tags: Object.fromEntries(plan.tags.map(({ key, value }) => [key, value])),
      transitive_tag_keys: plan.transitiveTagKeys,
      session_policy: plan.policy ?? null,
    },
  };
}
