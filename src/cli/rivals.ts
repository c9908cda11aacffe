import { type AwsFiles, findAwsFiles, lookIntoAwsFile } from "./aws-files.ts";
import { Failure, exitCodes } from "./failure.ts";
import { type Environment, type Host, say } from "./host.ts";
import { settingsOf } from "./profile-file.ts";

// The job would go on with other credentials than it thinks (C-13).

/** Settings of a profile that make credentials, other than our own. */
export const sources = [
  "aws_access_key_id",
  "role_arn",
  "credential_process",
  "credential_source",
  "source_profile",
  "sso_session",
  "sso_start_url",
  "web_identity_token_file",
  "login_session",
];

/** Variables that an AWS tool prefers to a container's endpoint, or takes for another one. */
export const rivalVariables = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_SECURITY_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
] as const;

/** When the credentials go into variables. */
export function warnOfProfiles({ env, stderr }: Host): void {
  for (const name of ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
    if (env[name]) warn(stderr, name, "these credentials");
  }
}

/** When they go into a profile. */
export function warnOfVariables({ env, stderr }: Host): void {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"]) {
    if (env[name]) warn(stderr, name, "a profile's credentials");
  }
}

/** When there are no credentials of ours, and the job goes on all the same. */
export function warnOfWhatStays({ env, stderr }: Host): void {
  const name = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"].find(
    (each) => env[each],
  );
  if (name)
    say(
      { stderr },
      `warning: ${name} is set already: AWS tools of this job would go on with those credentials`,
    );
}

/** @throws {Failure} when the profile has credentials of its own in the other file */
export function assertProfileIsFree(name: string, config: string): void {
  const headers = name === "default" ? [name, `profile ${name}`] : [`profile ${name}`];
  const rival = rivalIn(config, headers);
  if (rival === null) return;
  throw new Failure(
    exitCodes.other,
    `the profile ${name} has ${rival} in ${config}, which AWS tools would use as well: take another name`,
  );
}

/** @throws {Failure} when the default profile has credentials, which come before a container's endpoint */
export function assertNoDefaultProfile(env: Environment): void {
  const { credentials, config }: AwsFiles = findAwsFiles(env);
  for (const file of [credentials, config]) {
    const rival = rivalIn(file, ["default", "profile default"]);
    if (rival === null) continue;
    throw new Failure(
      exitCodes.other,
      `the default profile has ${rival} in ${file}, which AWS tools prefer to what --refresh gives: ` +
        "take it out, or set AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE to other files",
    );
  }
}

function rivalIn(path: string, headers: readonly string[]): string | null {
  const file = lookIntoAwsFile(path);
  const found = headers.flatMap((header) => [...settingsOf(file, header).keys()]);
  return sources.find((source) => found.includes(source)) ?? null;
}

function warn(stderr: Host["stderr"], name: string, to: string): void {
  say({ stderr }, `warning: ${name} is set, and some AWS tools prefer it to ${to}: unset it`);
}
