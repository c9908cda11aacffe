import { accountOfRole } from "./account.ts";
import type { Asked } from "./asked.ts";
import { Deadline } from "./asking.ts";
import { CredentialCache } from "./credential-cache.ts";
import { CredentialSource } from "./credential-source.ts";
import { deliver, setsVariables } from "./deliver.ts";
import { type Host, isInJob, say } from "./host.ts";
import { keepOrMakeIdentity } from "./identity-file.ts";
import { type IdentityPlace, placeIdentity } from "./identity-path.ts";
import { type Issued, summaryOf } from "./issued.ts";
import { keptOrNewCredentials, proveAndKeep } from "./kept-credentials.ts";
import { planProfile, writeProfile } from "./profile.ts";
import { runRefreshed } from "./refreshed-command.ts";
import type { Delivery, Output, RequestOptions } from "./request-options.ts";
import {
  assertNoDefaultProfile,
  warnOfProfiles,
  warnOfVariables,
  warnOfWhatStays,
} from "./rivals.ts";
import { readRunContext } from "./run-context.ts";
import { runCommand } from "./run-command.ts";
import { addMask, maskCredentials } from "./runner.ts";
import { profileVariables, regionVariables, variablesOf } from "./variables.ts";

/** What all ways to hand credentials on need. */
interface Scene {
  readonly options: RequestOptions;
  readonly asked: Asked;
  readonly place: IdentityPlace;
  readonly source: CredentialSource;
  readonly host: Host;
}

/** Proves to the broker which job this is, and hands on the credentials that it gives. */
export async function request(options: RequestOptions, host: Host): Promise<number> {
  try {
    return await obtainAndHandOn(options, host);
  } catch (error) {
    if (!isForAwsTool(options.output)) warnOfWhatStays(host);
    throw error;
  }
}

async function obtainAndHandOn(options: RequestOptions, host: Host): Promise<number> {
  const { output, role } = options;
  if (options.maskAccountId && isInJob(host.env)) addMask(host.stderr, accountOfRole(role));
  const run = readRunContext(host.env, options.jobId);
  const place = placeIdentity(options.identity, host.env);
  if (place.warning !== null) say(host, place.warning);
  if (output.kind === "refreshed") assertNoDefaultProfile(host.env);
  const { key } = keepOrMakeIdentity(place, host);
  const asked = { ...options, run, key };
  const source = new CredentialSource(
    asked,
    { ...options, masksTokens: masksTokens(options, host) },
    host,
  );
  return handOn(output, { options, asked, place, source, host });
}

function handOn(output: Output, scene: Scene): Promise<number> {
  if (output.kind === "command") return toCommand(output.command, scene);
  if (output.kind === "refreshed") return toRefreshedCommand(output.command, scene);
  if (output.kind === "profile") return toProfile(output.name, output.delivery, scene);
  return isForAwsTool(output) ? toAwsTool(output, scene) : toText(output, scene);
}

async function toText(output: Delivery, { options, source, host }: Scene): Promise<number> {
  const issued = await source.prove(new Deadline(options.timeoutSeconds, host));
  maskCredentials(issued.credentials, host);
  if (setsVariables(output)) warnOfProfiles(host);
  return deliver(givenOf(issued, options), summaryOf(issued, options.role), output, host);
}

async function toCommand(command: readonly [string, ...string[]], scene: Scene): Promise<number> {
  const { options, source, host } = scene;
  const issued = await source.prove(new Deadline(options.timeoutSeconds, host));
  maskCredentials(issued.credentials, host);
  warnOfProfiles(host);
  say(host, summaryOf(issued, options.role));
  const variables = variablesOf(issued.credentials, options.region);
  return runCommand(command, { ...host.env, ...Object.fromEntries(variables) }, host);
}

async function toRefreshedCommand(
  command: readonly [string, ...string[]],
  { options, source, host }: Scene,
): Promise<number> {
  const { timeoutSeconds, region } = options;
  const issued = await source.prove(new Deadline(timeoutSeconds, host));
  maskCredentials(issued.credentials, host);
  say(host, summaryOf(issued, options.role));
  const how = { timeoutSeconds, region: regionVariables(region) };
  return runRefreshed(command, issued, source, how, host);
}

/** Called again and again: what is kept is used, and renewed in time. */
async function toAwsTool(output: Delivery, scene: Scene): Promise<number> {
  const { options, asked, place, source, host } = scene;
  const cache = new CredentialCache(asked, options.url, place, host);
  const { issued, isNew } = await keptOrNewCredentials(cache, source, options.timeoutSeconds, host);
  maskCredentials(issued.credentials, host);
  // What was kept is no news: some AWS tools pass our stderr on to the log, call after call.
  return deliver(
    givenOf(issued, options),
    isNew ? summaryOf(issued, options.role) : null,
    output,
    host,
  );
}

/** The proof is made here, where stderr reaches the log; the AWS tools' calls then only renew. */
async function toProfile(name: string, delivery: Delivery, scene: Scene): Promise<number> {
  const { options, asked, place, source, host } = scene;
  const plan = planProfile({ ...options, name, identity: place.path }, host);
  const cache = new CredentialCache(asked, options.url, place, host);
  const issued = await proveAndKeep(cache, source, options.timeoutSeconds, host);
  maskCredentials(issued.credentials, host);
  await writeProfile(plan, host);
  warnOfVariables(host);
  const given = { ...givenOf(issued, options), variables: profileVariables(name, options.region) };
  const summary = `profile ${name} in ${plan.path}: ${summaryOf(issued, options.role)}`;
  return deliver(given, summary, delivery, host);
}

function givenOf({ credentials }: Issued, { region }: RequestOptions) {
  return { credentials, variables: variablesOf(credentials, region) };
}

/**
 * An AWS tool that calls us keeps our stderr for itself, and quotes it when we fail: a mask there
 * would not hide the token but show it.
 */
function masksTokens({ output }: RequestOptions, { env }: Host): boolean {
  return isInJob(env) && !isForAwsTool(output);
}

function isForAwsTool(output: Output): boolean {
  return output.kind === "stdout" && output.format === "credential-process";
}
