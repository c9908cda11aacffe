import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { pino, type Logger } from "pino";
import { warnings } from "../core/policy.ts";
import { Secret } from "../core/secret.ts";
import { createApp } from "./app.ts";
import { type AuditLog, FileAuditLog, StreamAuditLog } from "./audit-log.ts";
import { type RoleIssuer, StsIssuer } from "./aws.ts";
import { Broker, type Clock } from "./broker.ts";
import { ClientAddresses } from "./client-address.ts";
import { type Config, parseConfig } from "./config.ts";
import { RestFacts } from "./github/facts.ts";
import type { GitHubFacts, JobLog } from "./github/ports.ts";
import { GitHubRest } from "./github/rest.ts";
import { isLoopback } from "./github/stored-log.ts";
import { WebJobLog } from "./github/web.ts";
import { Limits } from "./limits.ts";
import { listen, type Listening } from "./listener.ts";
import { LookAhead, LookAheadBudget } from "./look-ahead.ts";
import { Network } from "./network.ts";
import { Recording } from "./recording.ts";
import { EnvironmentError, takeSecret } from "./secrets.ts";
import { SigningKey } from "./signing-key.ts";
import { SimulatedIssuer } from "./simulated-aws.ts";

export interface ServeOptions {
  config: string;
  /** `HOST:PORT`. */
  listen: string;
  recording?: string | undefined;
  simulateAws?: boolean | undefined;
}

export interface Running {
  url: string;
  stop(): Promise<void>;
}

const clock: Clock = { wall: () => Date.now(), steady: () => performance.now() };
const stopWithinMs = 25_000;

/**
 * Starts a broker from its configuration and environment.
 *
 * @throws {ConfigError} with every fault of the configuration
 * @throws {EnvironmentError} when secrets or flags do not fit
 */
export async function startBroker(
  options: ServeOptions,
  environment: NodeJS.ProcessEnv,
  output: NodeJS.WritableStream,
): Promise<Running> {
  assertTlsIsVerified(environment);
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, output);
  const config = parseConfig(readFileSync(options.config, "utf8"));
  const address = parseListen(options.listen);
  for (const warning of warnings(config.policy)) logger.warn(warning);
  const github = await openGitHub(options, config, environment, logger);
  const audit = await openAudit(config, output);
  const rules = { policy: config.policy, hash: config.hash };
  const budget = github.budget;
  const broker = new Broker({
    rules: () => rules,
    serverUrl: config.github.serverUrl,
    signer: signerFrom(environment, logger),
    github: github.facts,
    log: github.log,
    aws: openAws(options, address.host, environment, logger),
    audit,
    clock,
    nonce: () => randomBytes(12).toString("base64url"),
    lookAhead: new LookAhead({ github: github.facts, log: github.log, budget, now: clock.steady }),
    patience: 8_000,
  });
  const app = createApp({
    broker,
    rules: () => rules,
    addresses: new ClientAddresses(config.trustedProxies),
    limits: new Limits(config.limits),
    logger,
    requestId: randomUUID,
    basePath: config.publicUrl ? new URL(config.publicUrl).pathname.replace(/\/$/, "") : "",
  });
  const listening = await listen(app, address);
  logger.info(
    { url: listening.url, policy: config.hash, grants: config.policy.grants.length },
    "listening",
  );
  return { url: listening.url, stop: () => stop(listening, audit, github.close, logger) };
}

async function stop(
  listening: Listening,
  audit: AuditLog,
  close: () => Promise<void>,
  logger: Logger,
): Promise<void> {
  logger.info("stopping: finishing what is under way");
  await listening.stop(stopWithinMs);
  await audit.close();
  await close();
  logger.info("stopped");
}

interface GitHub {
  facts: GitHubFacts;
  log: JobLog;
  budget: LookAheadBudget;
  close: () => Promise<void>;
}

async function openGitHub(
  options: ServeOptions,
  config: Config,
  environment: NodeJS.ProcessEnv,
  logger: Logger,
): Promise<GitHub> {
  const budget = new LookAheadBudget({ now: clock.steady });
  const token = takeSecret(environment, "GITHUB_TOKEN");
  const session = takeSecret(environment, "GITHUB_USER_SESSION");
  if (options.recording !== undefined) {
    const recording = new Recording(options.recording, clock.steady);
    logger.info(
      { recording: await recording.check() },
      "answering from a recording, not from GitHub",
    );
    return { facts: recording, log: recording, budget, close: () => Promise.resolve() };
  }
  if (!token)
    throw new EnvironmentError(
      "GITHUB_TOKEN (or GITHUB_TOKEN_FILE) is not set: the broker reads runs with it",
    );
  if (!session) {
    throw new EnvironmentError(
      "GITHUB_USER_SESSION (or GITHUB_USER_SESSION_FILE) is not set: the broker reads logs with it",
    );
  }
  const network = new Network();
  const rest = new GitHubRest({
    apiUrl: config.github.apiUrl,
    token: () => Promise.resolve(token),
    network,
    now: clock.steady,
    onBudget: (_remaining, limit) => budget.setHourlyLimit(limit),
  });
  return {
    facts: new RestFacts(rest),
    log: new WebJobLog({ webUrl: config.github.serverUrl, session: () => session, network }),
    budget,
    close: () => network.close(),
  };
}

async function openAudit(config: Config, output: NodeJS.WritableStream): Promise<AuditLog> {
  return config.auditFile === undefined
    ? new StreamAuditLog(output)
    : FileAuditLog.open(config.auditFile);
}

function openAws(
  { simulateAws }: ServeOptions,
  host: string,
  environment: NodeJS.ProcessEnv,
  logger: Logger,
): RoleIssuer {
  if (!simulateAws) {
    const endpoint = environment.AWS_ENDPOINT_URL_STS ?? environment.AWS_ENDPOINT_URL;
    // Steering the broker to another STS must not go unseen.
    if (endpoint) logger.warn({ endpoint }, "AWS STS is not AWS's own: AWS_ENDPOINT_URL is set");
    return new StsIssuer({
      region: environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? "us-east-1",
    });
  }
  if (!isLoopback(host)) {
    throw new EnvironmentError(
      "--simulate-aws gives made-up credentials, so it listens on loopback alone",
    );
  }
  logger.warn("SIMULATED AWS: the credentials are made up and open nothing");
  return new SimulatedIssuer();
}

function signerFrom(environment: NodeJS.ProcessEnv, logger: Logger): SigningKey {
  const key = takeSecret(environment, "ACTIONS2AWS_SIGNING_KEY");
  if (key && key.reveal().length < 32) {
    throw new EnvironmentError(
      "ACTIONS2AWS_SIGNING_KEY must be 32 characters or more: try `openssl rand -base64 48`",
    );
  }
  if (!key)
    logger.info(
      "ACTIONS2AWS_SIGNING_KEY is not set: made one that holds until this instance stops",
    );
  return new SigningKey(key ?? new Secret(randomBytes(48).toString("base64")));
}

/** @throws {EnvironmentError} */
function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) {
    throw new EnvironmentError(`--listen must be HOST:PORT, not ${text}`);
  }
  return { host, port: Number(port) };
}

function assertTlsIsVerified(environment: NodeJS.ProcessEnv): void {
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    throw new EnvironmentError(
      "NODE_TLS_REJECT_UNAUTHORIZED=0 switches off what keeps the secrets safe: unset it",
    );
  }
}
