import type { AssumeRoleParameters } from "./parameters.ts";
import { StsError } from "./xml.ts";

/** The constraints of the API itself; all faults come in one message, as AWS words them. */
export function checkConstraints(asked: AssumeRoleParameters): void {
  const faults: string[] = [];
  const must = (holds: boolean, field: string, value: unknown, constraint: string): void => {
    if (!holds)
      faults.push(
        `Value '${String(value)}' at '${field}' failed to satisfy constraint: Member must ${constraint}`,
      );
  };
  const sized = (field: string, value: string, least: number, most: number): void => {
    must(value.length >= least, field, value, `have length greater than or equal to ${least}`);
    must(value.length <= most, field, value, `have length less than or equal to ${most}`);
  };
  const {
    roleArn,
    roleSessionName,
    externalId,
    durationSeconds,
    policy,
    tagList,
    transitiveTagKeys,
  } = asked;

  sized("roleArn", roleArn, 20, 2_048);
  sized("roleSessionName", roleSessionName, 2, 64);
  must(
    /^[\w+=,.@-]*$/.test(roleSessionName),
    "roleSessionName",
    roleSessionName,
    "satisfy regular expression pattern: [\\w+=,.@-]*",
  );
  if (externalId !== undefined) {
    sized("externalId", externalId, 2, 1_224);
    must(
      /^[\w+=,.@:/-]*$/.test(externalId),
      "externalId",
      externalId,
      "satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
    );
  }
  if (durationSeconds !== undefined) {
    must(
      durationSeconds >= 900,
      "durationSeconds",
      durationSeconds,
      "have value greater than or equal to 900",
    );
    must(
      durationSeconds <= 43_200,
      "durationSeconds",
      durationSeconds,
      "have value less than or equal to 43200",
    );
  }
  if (policy !== undefined) sized("policy", policy, 1, 2_048);
  must(
    tagList.length <= 50,
    "tags",
    `[${tagList.length} tags]`,
    "have length less than or equal to 50",
  );
  must(
    transitiveTagKeys.length <= 50,
    "transitiveTagKeys",
    `[${transitiveTagKeys.length} keys]`,
    "have length less than or equal to 50",
  );
  for (const [index, { key, value }] of tagList.entries()) {
    const place = `tags.${index + 1}.member`;
    sized(`${place}.key`, key, 1, 128);
    sized(`${place}.value`, value, 0, 256);
    for (const [part, text] of Object.entries({ key, value })) {
      must(
        /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(text),
        `${place}.${part}`,
        text,
        "satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
      );
    }
  }
  if (faults.length > 0)
    throw new StsError(
      400,
      "ValidationError",
      `${faults.length} validation error${faults.length > 1 ? "s" : ""} detected: ${faults.join("; ")}`,
    );
}
