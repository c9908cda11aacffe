import { accountOfRole } from "../cli/account.ts";
import type { Given } from "../cli/formats/format.ts";
import { githubFile } from "../cli/formats/github-file.ts";
import { plainValue } from "../cli/formats/plain-value.ts";
import type { Environment } from "../cli/host.ts";
import type { RequestOptions } from "../cli/request-options.ts";
import { appendToCommandFile, fileCommands } from "../cli/runner.ts";
import { commandFile } from "./command-file.ts";
import type { Ways } from "./inputs.ts";

/** Hands on what was got, to the outputs and to the environment: to both or to neither (C-13). */
export function handOn(given: Given, asked: RequestOptions, ways: Ways, env: Environment): void {
  const outputs = fileCommands(outputsOf(given, asked, ways));
  const variables = ways.env ? githubFile(given.variables) : "";
  const takeBack = appendToCommandFile("GITHUB_OUTPUT", commandFile("GITHUB_OUTPUT", env), outputs);
  if (variables === "") return;
  try {
    appendToCommandFile("GITHUB_ENV", commandFile("GITHUB_ENV", env), variables);
  } catch (error) {
    takeBack();
    throw error;
  }
}

/** Named as users of aws-actions/configure-aws-credentials know them. */
function outputsOf({ credentials }: Given, { role, output }: RequestOptions, ways: Ways) {
  const known = [
    ["aws-account-id", accountOfRole(role)],
    ["aws-expiration", credentials.expiration],
  ] as const;
  // Whoever asks for a profile does not want the credentials themselves to lie about.
  if (!ways.output || output.kind === "profile") return known;
  return [
    ["aws-access-key-id", plainValue(credentials.accessKeyId.reveal())],
    ["aws-secret-access-key", plainValue(credentials.secretAccessKey.reveal())],
    ["aws-session-token", plainValue(credentials.sessionToken.reveal())],
    ...known,
  ] as const;
}
