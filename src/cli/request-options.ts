import { parseBrokerUrl } from "./broker-url.ts";
import { parseDuration } from "./duration.ts";
import { usageError } from "./failure.ts";
import { type FormatName, formatNames, formats, isFormatName } from "./formats/format.ts";
import type { Environment } from "./host.ts";
import { parseId } from "./run-context.ts";

/** As given on the command line. */
export interface RequestFlags {
  url?: string;
  role?: string;
  identity?: string;
  proof?: string;
  format?: string;
  duration?: string;
  announceTo?: string;
  region?: string;
  jobId?: string;
  step?: string;
  timeout?: string;
}

/** Where the credentials go. */
export type Output =
  | { kind: "command"; command: readonly [string, ...string[]] }
  | { kind: "stdout"; format: FormatName }
  | { kind: "file"; format: FormatName; variable: string; path: string };

export interface RequestOptions {
  readonly url: URL;
  readonly role: string;
  /** As `--identity` says; the environment's word counts for less (C-09). */
  readonly identity: string | undefined;
  readonly output: Output;
  readonly durationSeconds: number | undefined;
  readonly announceTo: string | undefined;
  readonly region: string | undefined;
  readonly jobId: number | undefined;
  readonly step: string | undefined;
  readonly timeoutSeconds: number;
}

/**
 * Each option from the command line, else from the environment, where empty counts as absent.
 *
 * @param command what follows `--`, or null
 */
export function parseRequestOptions(
  flags: RequestFlags,
  command: readonly string[] | null,
  env: Environment,
): RequestOptions {
  const url = flags.url ?? (env.ACTIONS2AWS_URL || undefined);
  if (url === undefined)
    throw usageError("the broker's address is missing: give it by --url or ACTIONS2AWS_URL");
  const role = flags.role ?? (env.ACTIONS2AWS_ROLE || undefined);
  if (role === undefined)
    throw usageError("the role is missing: give its ARN by --role or ACTIONS2AWS_ROLE");
  checkProof(flags.proof ?? (env.ACTIONS2AWS_PROOF || "auto"));
  return {
    url: parseBrokerUrl(url),
    role: checkRole(role),
    identity: flags.identity,
    output: chooseOutput(flags.format, command, env),
    durationSeconds: duration(flags.duration ?? (env.ACTIONS2AWS_DURATION || undefined)),
    announceTo: flags.announceTo ?? (env.ACTIONS2AWS_ANNOUNCE_TO || undefined),
    region: checkRegion(flags.region ?? (env.ACTIONS2AWS_REGION || undefined)),
    jobId: checkJobId(flags.jobId ?? (env.ACTIONS2AWS_JOB_ID || undefined)),
    step: flags.step ?? (env.ACTIONS2AWS_STEP_NAME || undefined),
    timeoutSeconds: timeout(flags.timeout ?? (env.ACTIONS2AWS_TIMEOUT || "60s")),
  };
}

function checkProof(proof: string): void {
  if (proof === "oidc")
    throw usageError("--proof oidc is not in this version yet: use --proof log, or leave it out");
  if (proof !== "auto" && proof !== "log") throw usageError("--proof must be auto, log or oidc");
}

function checkRole(role: string): string {
  if (/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]+$/.test(role)) return role;
  throw usageError(
    "--role must be the ARN of an IAM role, like arn:aws:iam::123456789012:role/NAME",
  );
}

function chooseOutput(
  flag: string | undefined,
  command: readonly string[] | null,
  env: Environment,
): Output {
  if (command !== null) {
    const [program, ...args] = command;
    if (flag !== undefined)
      throw usageError("--format and a command exclude each other: take one of them away");
    if (!program) throw usageError("the command after -- is missing");
    return { kind: "command", command: [program, ...args] };
  }
  const format = flag ?? (env.ACTIONS2AWS_FORMAT || "shell");
  if (!isFormatName(format)) throw usageError(`--format must be one of ${formatNames.join(", ")}`);
  const { to } = formats[format];
  if (to === "stdout") return { kind: "stdout", format };
  const path = env[to];
  if (!path) throw usageError(`--format ${format} is for steps of a job: ${to} is not set`);
  return { kind: "file", format, variable: to, path };
}

/** The range that STS knows. */
function duration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds !== null && seconds >= 900 && seconds <= 43_200) return seconds;
  throw usageError("--duration must be from 15m to 12h, like 15m, 1h or 900s");
}

function timeout(text: string): number {
  const seconds = parseDuration(text);
  if (seconds !== null && seconds <= 3_600) return seconds;
  throw usageError("--timeout must be from 1s to 1h, like 60s or 2m");
}

function checkRegion(region: string | undefined): string | undefined {
  if (region === undefined || /^[a-z0-9-]{1,40}$/.test(region)) return region;
  throw usageError("--region must be an AWS region, like eu-west-1");
}

function checkJobId(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const id = parseId(text);
  if (id !== null) return id;
  throw usageError("--job-id must be the job's number, as ${{ job.check_run_id }} gives it");
}
