import { Refusal } from "../core/errors.ts";
import { repositoryShape } from "../core/request.ts";
import type { Secret } from "../core/secret.ts";
import { apiUrlOf, isSafeUrl } from "../server/config.ts";
import { configFaults, readConfig } from "../server/config-file.ts";
import { EnvironmentError } from "../server/environment-error.ts";
import { Network } from "../server/network.ts";
import { gitHubSource } from "../server/record/github-source.ts";
import { FolderError, NewFolder } from "../server/record/new-folder.ts";
import { type Options, record as recordRun } from "../server/record/record.ts";
import { Redaction } from "../server/record/redaction.ts";
import { summaryText } from "../server/record/summary.ts";
import { takeSecret } from "../server/secrets.ts";
import { assertSafeRuntime } from "../server/surroundings.ts";
import { exitCodes, Failure, usageError } from "./failure.ts";
import type { Host } from "./host.ts";

export interface RecordFlags {
  repository: string;
  run: string;
  out: string;
  attempt?: string;
  config?: string;
  serverUrl?: string;
  apiUrl?: string;
}

/** Writes a recording of a run. @returns the exit code. */
export async function record(
  flags: RecordFlags,
  host: Host,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  try {
    assertSafeRuntime(environment);
    const addresses = addressesOf(flags);
    const options = optionsOf(flags, host);
    const secrets = secretsOf(environment);
    const folder = new NewFolder(flags.out);
    const unwatch = discardWhenStopped(folder, host);
    const network = new Network();
    try {
      const { token, session } = secrets;
      const redaction = new Redaction([
        { what: "the recorder's GitHub token", secret: token },
        { what: "the recorder's GitHub session", secret: session },
      ]);
      const source = gitHubSource({ ...addresses, ...secrets, network, now: options.now });
      const recorded = await recordRun(source, folder, redaction, options);
      folder.finish();
      host.stdout.write(summaryText(recorded, redaction.removed, flags.out));
      return exitCodes.done;
    } finally {
      unwatch();
      folder.discard();
      await network.close();
    }
  } catch (error) {
    if (flags.config === undefined) throw failureOf(error);
    const faults = configFaults(error, flags.config);
    if (faults === null) throw failureOf(error);
    for (const fault of faults) host.stderr.write(`${fault}\n`);
    return exitCodes.usage;
  }
}

function optionsOf({ repository, run, attempt }: RecordFlags, host: Host): Options {
  if (!repositoryShape.test(repository)) throw usageError("--repository must be OWNER/NAME");
  return {
    repository,
    runId: idOf("--run", run),
    attempt: attempt === undefined ? undefined : idOf("--attempt", attempt),
    pause: () => host.sleep(1_000),
    now: () => host.elapsed(),
  };
}

function idOf(flag: string, text: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw usageError(`${flag} must be a positive number`);
}

/** Which GitHub: a broker's, or one that is named, or github.com. */
function addressesOf({ config, serverUrl, apiUrl }: RecordFlags): {
  serverUrl: string;
  apiUrl: string;
} {
  if (config !== undefined) {
    if (serverUrl !== undefined || apiUrl !== undefined)
      throw usageError("--config has GitHub's addresses: leave --server-url and --api-url out");
    return readConfig(config).github;
  }
  const server = urlOf("--server-url", serverUrl ?? "https://github.com");
  return { serverUrl: server, apiUrl: urlOf("--api-url", apiUrl ?? apiUrlOf(server)) };
}

function urlOf(flag: string, text: string): string {
  if (isSafeUrl(text)) return text.replace(/\/+$/, "");
  throw usageError(`${flag} must be an https URL without user, query or fragment`);
}

function secretsOf(environment: NodeJS.ProcessEnv): { token: Secret; session: Secret } {
  const token = takeSecret(environment, "GITHUB_TOKEN");
  const session = takeSecret(environment, "GITHUB_USER_SESSION");
  if (!token) throw usageError("GITHUB_TOKEN (or GITHUB_TOKEN_FILE) is not set: it reads the run");
  if (!session)
    throw usageError(
      "GITHUB_USER_SESSION (or GITHUB_USER_SESSION_FILE) is not set: it reads the logs",
    );
  return { token, session };
}

/** Whoever stops us leaves nothing half done behind. */
function discardWhenStopped(folder: NewFolder, { signals }: Host): () => void {
  const names = ["SIGHUP", "SIGINT", "SIGTERM"] as const;
  const stop = (signal: NodeJS.Signals): void => {
    folder.discard();
    unwatch();
    process.kill(process.pid, signal);
  };
  const unwatch = (): void => {
    for (const name of names) signals.off(name, stop);
  };
  for (const name of names) signals.on(name, stop);
  return unwatch;
}

/** What to do about it, for whoever records. */
const advice: Partial<Record<Refusal["code"], string>> = {
  job_not_found: "check --repository, --run and --attempt, and that GITHUB_TOKEN may read it",
  no_grant: "the repository has another name now: give that",
  github_session_expired: "sign in again, and take the new GITHUB_USER_SESSION",
  github_rate_limited: "try again later",
  github_unavailable: "try again later: see githubstatus.com",
};

function failureOf(error: unknown): unknown {
  if (error instanceof EnvironmentError || error instanceof FolderError)
    return usageError(error.message);
  if (!(error instanceof Refusal)) return error;
  const { code, message, note } = error;
  const what = [
    message.replace(/\.$/, ""),
    note && `(${note})`,
    advice[code] && `: ${advice[code]}`,
  ];
  const exitCode = code.startsWith("github_") ? exitCodes.unavailable : exitCodes.other;
  return new Failure(exitCode, `nothing was recorded: ${what.filter(Boolean).join(" ")}`);
}
