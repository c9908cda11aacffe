import { randomBytes } from "node:crypto";
import type { Secret } from "../core/secret.ts";
import type { Signer } from "../core/signer.ts";
import type { AuditLog } from "./audit-log.ts";
import type { RoleIssuer } from "./aws.ts";
import { Broker } from "./broker.ts";
import type { Clock, Rules } from "./broker-parts.ts";
import { type GitHubAccess, openGitHub } from "./github/access.ts";
import { LookAhead, LookAheadBudget } from "./look-ahead.ts";
import type { OpenRuns } from "./github/ports.ts";
import type { Network } from "./network.ts";
import { OidcVerifier } from "./oidc.ts";
import type { Recording } from "./recording.ts";
import { RunLookups } from "./run-lookups.ts";
import type { Settings } from "./settings.ts";
import { SharedLog } from "./shared-log.ts";
import type { Secrets } from "./secrets.ts";
import { SigningKey, SigningKeys } from "./signing-key.ts";
import type { Store } from "./store.ts";
import type { Telemetry } from "./telemetry.ts";

/** What a broker has for as long as it runs, whatever its settings become. */
export interface Lasting {
  readonly clock: Clock;
  readonly network: Network;
  readonly aws: RoleIssuer;
  readonly audit: AuditLog;
  readonly telemetry: Telemetry;
  /** What instances have in common. */
  readonly store: Store;
  /** In place of GitHub, if there is one. */
  readonly recording: Recording | null;
  /** Signs where the operator gave no key. */
  readonly ownKey: Secret;
  /** The rules in force. */
  readonly rules: () => Rules;
}

/**
 * The broker with what it has learnt: GitHub's answers, tokens of an App, keys of the issuer, answers
 * that may be asked for again. A reload that changes only the rules keeps it.
 */
export interface Engine {
  readonly broker: Broker;
  /** Null for a recording. */
  readonly github: GitHubAccess | null;
}

export function openEngine({ config, secrets }: Settings, lasting: Lasting): Engine {
  const { clock, network, recording, telemetry } = lasting;
  const budget = new LookAheadBudget({ now: clock.steady });
  const lookups = new RunLookups(clock.steady, (repository) => openRuns(repository));
  const onBudget = (of: string, remaining: number, limit: number): void => {
    budget.setHourlyLimit(limit);
    lookups.setHourlyLimit(limit);
    telemetry.budget(of, remaining, limit);
  };
  const access = recording ? null : openGitHub(config, secrets, { network, clock, onBudget });
  const github = access?.facts ?? lasting.recording;
  const jobLog = access?.log ?? lasting.recording;
  if (!github || !jobLog) throw new Error("there is neither GitHub nor a recording");
  const openRuns = (repository: string): Promise<OpenRuns> =>
    github.openRuns(repository, clock.steady());
  const log = new SharedLog(jobLog);
  const broker = new Broker({
    rules: lasting.rules,
    serverUrl: config.github.serverUrl,
    publicUrl: config.publicUrl ?? null,
    tokens: new OidcVerifier({ issuer: config.github.oidcIssuer, network, ...clock }),
    signer: signerOf(secrets, lasting.ownKey),
    github,
    log,
    aws: lasting.aws,
    audit: lasting.audit,
    clock,
    nonce: () => randomBytes(12).toString("base64url"),
    lookAhead: new LookAhead({ github, log, budget, now: clock.steady }),
    lookups,
    store: lasting.store,
    patience: 8_000,
  });
  return { broker, github: access };
}

function signerOf({ signingKey, previousSigningKey }: Secrets, ownKey: Secret): Signer {
  const current = new SigningKey(signingKey ?? ownKey);
  return previousSigningKey
    ? new SigningKeys(current, new SigningKey(previousSigningKey))
    : current;
}

/** Whether an engine made of one is what would be made of the other. */
export function sameEngine(one: Settings, other: Settings): boolean {
  return essenceOf(one) === essenceOf(other);
}

function essenceOf({ config, secrets }: Settings): string {
  return JSON.stringify([config.github, config.publicUrl, secrets.fingerprint.reveal()]);
}
