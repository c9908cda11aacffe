import type { AssumeRoleParameters } from "./parameters.ts";
import type { Settings } from "./settings.ts";
import { StsError } from "./xml.ts";

const hour = 3_600;

/** What the tags and policies say, taken together. */
export function checkSession(asked: AssumeRoleParameters, settings: Settings): void {
  const { tagList, transitiveTagKeys, policy, policyArns } = asked;
  const keys = tagList.map(({ key }) => key.toLowerCase());
  if (new Set(keys).size !== keys.length) {
    throw new StsError(
      400,
      "InvalidParameterValue",
      "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
  }
  if (keys.some((key) => key.startsWith("aws:"))) {
    throw new StsError(
      400,
      "InvalidParameterValue",
      "Tag keys beginning with aws: are reserved for AWS use.",
    );
  }
  if (transitiveTagKeys.some((key) => !keys.includes(key.toLowerCase()))) {
    throw new StsError(
      400,
      "InvalidParameterValue",
      "The specified transitive tag key must be included in the requested tags.",
    );
  }
  if (keys.some((key) => settings.inheritedTagKeys.has(key))) {
    const message =
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
    throw new StsError(400, "InvalidParameterValue", message);
  }
  if (policy !== undefined) checkPolicy(policy, policyArns);
  const packed = packedPercentage(asked, settings);
  if (packed > 100)
    throw new StsError(
      400,
      "PackedPolicyTooLarge",
      `Packed size of session tags consumes ${packed}% of allotted space.`,
    );
}

/** Whether the caller may, and for how long. */
export function checkRole(asked: AssumeRoleParameters, settings: Settings): void {
  const { roleArn, externalId, durationSeconds = hour, tagList } = asked;
  const role = settings.roles.get(roleArn);
  const denied = (action: string): StsError =>
    new StsError(
      403,
      "AccessDenied",
      `User: ${settings.callerArn} is not authorized to perform: ${action} on resource: ${roleArn}`,
    );
  if (role === undefined && !settings.anyRole) throw denied("sts:AssumeRole");
  if (role?.externalId !== undefined && role.externalId !== externalId)
    throw denied("sts:AssumeRole");
  if (role?.tagSession === false && tagList.length > 0) throw denied("sts:TagSession");
  if (settings.chained && durationSeconds > hour) {
    throw new StsError(
      400,
      "ValidationError",
      "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    );
  }
  if (durationSeconds > (role?.maxSessionDuration ?? settings.maxSessionDuration)) {
    throw new StsError(
      400,
      "ValidationError",
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
  }
}

/** AWS does not tell how it packs; this estimate makes the golden case small and 50 long tags too many. */
export function packedPercentage(
  { tagList, policy = "", policyArns }: AssumeRoleParameters,
  { packedLimit }: Settings,
): number {
  const size =
    tagList.reduce((sum, { key, value }) => sum + Buffer.byteLength(key + value), 0) +
    policy.length +
    policyArns.join("").length;
  return Math.ceil((size * 100) / packedLimit);
}

function checkPolicy(policy: string, policyArns: readonly string[]): void {
  if (policy.length + policyArns.join("").length > 2_048) {
    throw new StsError(
      400,
      "ValidationError",
      "The combined length of the session policies exceeds 2048 characters.",
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(policy);
  } catch {
    throw new StsError(400, "MalformedPolicyDocument", "This policy contains invalid Json");
  }
  if (typeof parsed !== "object" || parsed === null || !("Statement" in parsed)) {
    throw new StsError(400, "MalformedPolicyDocument", "Syntax errors in policy.");
  }
}
