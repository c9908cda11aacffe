import { accountOfRole } from "./account.ts";
import { parseBrokerUrl } from "./broker-url.ts";
import { parseDuration } from "./duration.ts";
import { usageError } from "./failure.ts";
import {
  type FormatName,
  formatNames,
  formats,
  type Given,
  isFormatName,
} from "./formats/format.ts";
import type { Environment } from "./host.ts";
import { isProfileName } from "./profile-file.ts";
import { type ProofKind, isProofKind } from "./proof-kind.ts";
import { parseId } from "./run-context.ts";

/** As given on the command line. */
export interface RequestFlags {
  url?: string;
  role?: string;
  identity?: string;
  proof?: string;
  format?: string;
  profile?: string;
  refresh?: boolean;
  expectAccount?: string;
  maskAccountId?: boolean;
  duration?: string;
  announceTo?: string;
  region?: string;
  jobId?: string;
  step?: string;
  timeout?: string;
}

/** Where text goes. */
export type TextOutput =
  | { kind: "stdout"; format: FormatName }
  | { kind: "file"; format: FormatName; variable: string; path: string };

/** Where what was got is delivered. */
export type Delivery =
  | TextOutput
  /** To whoever called us in this process. */
  | { kind: "caller"; setsVariables: boolean; take: (given: Given) => void };

/** Where the credentials go. */
export type Output =
  | Delivery
  | { kind: "command"; command: Words }
  /** To a command that finds fresh ones for as long as it runs. */
  | { kind: "refreshed"; command: Words }
  /** @property name of the profile, which is delivered in place of the credentials */
  | { kind: "profile"; name: string; delivery: Delivery };

type Words = readonly [string, ...string[]];

export interface RequestOptions {
  readonly url: URL;
  readonly role: string;
  /** As `--identity` says; the environment's word counts for less (C-09). */
  readonly identity: string | undefined;
  readonly proof: ProofKind;
  readonly output: Output;
  /** Twelve digits: the role's account, of which the credentials must be. */
  readonly expectAccount: string | undefined;
  readonly maskAccountId: boolean;
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
  return {
    url: parseBrokerUrl(url),
    role: checkRole(role),
    identity: flags.identity,
    proof: checkProof(flags.proof ?? (env.ACTIONS2AWS_PROOF || "auto")),
    output: chooseOutput(flags, command, env),
    expectAccount: checkAccount(
      flags.expectAccount ?? (env.ACTIONS2AWS_EXPECT_ACCOUNT || undefined),
      role,
    ),
    maskAccountId: flags.maskAccountId ?? isOn("ACTIONS2AWS_MASK_ACCOUNT_ID", env),
    durationSeconds: duration(flags.duration ?? (env.ACTIONS2AWS_DURATION || undefined)),
    announceTo: flags.announceTo ?? (env.ACTIONS2AWS_ANNOUNCE_TO || undefined),
    region: checkRegion(flags.region ?? (env.ACTIONS2AWS_REGION || undefined)),
    jobId: checkJobId(flags.jobId ?? (env.ACTIONS2AWS_JOB_ID || undefined)),
    step: flags.step ?? (env.ACTIONS2AWS_STEP_NAME || undefined),
    timeoutSeconds: timeout(flags.timeout ?? (env.ACTIONS2AWS_TIMEOUT || "60s")),
  };
}

function checkProof(proof: string): ProofKind {
  if (isProofKind(proof)) return proof;
  throw usageError("--proof must be auto, log or oidc");
}

function checkRole(role: string): string {
  if (/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]+$/.test(role)) return role;
  throw usageError(
    "--role must be the ARN of an IAM role, like arn:aws:iam::123456789012:role/NAME",
  );
}

/** The role's own account is known without asking anybody (C-02). */
function checkAccount(account: string | undefined, role: string): string | undefined {
  if (account === undefined) return undefined;
  if (!/^[0-9]{12}$/.test(account))
    throw usageError("--expect-account must be an account's id, of 12 digits");
  if (accountOfRole(role) === account) return account;
  throw usageError(`--role is not of the account ${account}, which --expect-account wants`);
}

function chooseOutput(
  { format, profile, refresh }: RequestFlags,
  command: readonly string[] | null,
  env: Environment,
): Output {
  if (command !== null) {
    const [program, ...args] = command;
    if (format !== undefined)
      throw usageError("--format and a command exclude each other: take one of them away");
    if (profile !== undefined)
      throw usageError("--profile and a command exclude each other: take one of them away");
    if (!program) throw usageError("the command after -- is missing");
    const refreshes = refresh ?? isOn("ACTIONS2AWS_REFRESH", env);
    return { kind: refreshes ? "refreshed" : "command", command: [program, ...args] };
  }
  if (refresh) throw usageError("--refresh is for a command: give it after --");
  const text = chooseText(format ?? (env.ACTIONS2AWS_FORMAT || "shell"), env);
  // The AWS tools call us with a format; the job's variable for the profile is not meant for them.
  const name = profile ?? (format === undefined ? env.ACTIONS2AWS_PROFILE || undefined : undefined);
  if (name === undefined) return text;
  if (!isProfileName(name))
    throw usageError("--profile must be a name of letters, digits, - and _");
  if (text.format === "credential-process")
    throw usageError("--profile makes AWS tools call --format credential-process: leave it out");
  return { kind: "profile", name, delivery: text };
}

function chooseText(format: string, env: Environment): TextOutput {
  if (!isFormatName(format)) throw usageError(`--format must be one of ${formatNames.join(", ")}`);
  const { to } = formats[format];
  if (to === "stdout") return { kind: "stdout", format };
  const path = env[to];
  if (!path) throw usageError(`--format ${format} is for steps of a job: ${to} is not set`);
  return { kind: "file", format, variable: to, path };
}

function isOn(name: string, env: Environment): boolean {
  const value = env[name] ?? "";
  if (/^(?:true|1)?$/i.test(value)) return value !== "";
  if (/^(?:false|0)$/i.test(value)) return false;
  throw usageError(`${name} must be true or false`);
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
