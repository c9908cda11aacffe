import { randomBytes } from "node:crypto";
import { pino, type Logger } from "pino";
import { Secret } from "../core/secret.ts";
import { type AuditLog, FileAuditLog, StreamAuditLog } from "./audit-log.ts";
import { type RoleIssuer, StsIssuer } from "./aws.ts";
import { type AwsService, warnOfAws } from "./aws-surroundings.ts";
import { clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { Editions } from "./editions.ts";
import { Health } from "./health.ts";
import { Network } from "./network.ts";
import { type AuditRecord, ObservedAuditLog, ObservedIssuer, serviceOf } from "./observed.ts";
import { Recording } from "./recording.ts";
import { Reload } from "./reload.ts";
import { type Arrivals, timedFetch } from "./routes.ts";
import { SecretSources } from "./secrets.ts";
import { readSettings, type Settings } from "./settings.ts";
import { SimulatedIssuer } from "./simulated-aws.ts";
import { openStore } from "./store.ts";
import { StoreTrouble } from "./store/trouble.ts";
import { assertSafeRuntime, warnOfAuthorities } from "./surroundings.ts";
import type { Telemetry } from "./telemetry.ts";

export interface OpenOptions {
  /** Path of the configuration. */
  config: string;
  recording?: string | undefined;
  simulateAws?: boolean | undefined;
  /** What more settings must hold to where the broker runs. @throws {EnvironmentError} */
  assertFits?: (settings: Settings) => void;
  /** How long AWS may take over a session, in milliseconds. */
  issueWithinMs?: number;
}

/** Who looks on. */
export interface Onlooker {
  telemetry: Telemetry;
  onDecision: (record: AuditRecord) => void;
}

/** A broker at work; how requests get to it, and when it ends, is for whoever opened it. */
export interface OpenBroker {
  readonly logger: Logger;
  readonly settings: Settings;
  readonly sources: SecretSources;
  readonly editions: Editions;
  readonly health: Health;
  readonly arrivals: Arrivals;
  /** Reads configuration and secrets again; never fails, and says in the log how it went. */
  reload(): Promise<void>;
  /** Trusts no connection that was kept: whoever is at the other end may be gone. */
  renewConnections(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes a broker of its configuration and environment.
 *
 * @throws {ConfigError} with every fault of the configuration
 * @throws {EnvironmentError} when secrets or flags do not fit
 */
export async function openBroker(
  options: OpenOptions,
  environment: NodeJS.ProcessEnv,
  output: NodeJS.WritableStream,
  { telemetry, onDecision }: Onlooker,
): Promise<OpenBroker> {
  assertSafeRuntime(environment);
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, output);
  const sources = new SecretSources(environment);
  const read = async (): Promise<Settings> => {
    const found = await readSettings(options.config, sources, {
      recorded: options.recording !== undefined,
    });
    options.assertFits?.(found);
    return found;
  };
  const settings = await read();
  const recording = await openRecording(options, logger);
  warnOfAuthorities(environment, logger);
  await warnOfAws(awsServices(options, settings, environment), environment, logger);

  const now = clock.steady;
  const network = new Network({
    onExchange: (url, outcome, ms) =>
      telemetry.called(serviceOf(url, editions.current.settings.config.github), outcome, ms),
  });
  const audit = new ObservedAuditLog(await openAudit(settings.config, output), {
    telemetry,
    onDecision,
    now,
  });
  const issuer = openAws(options, environment, logger);
  const aws = new ObservedIssuer(issuer, { telemetry, now });
  const ownKey = new Secret(randomBytes(48).toString("base64"));
  const trouble = new StoreTrouble(now, (level, fields, message) => logger[level](fields, message));
  const store = await openStore(settings.config.store, environment, trouble);
  const lasting = { clock, network, aws, audit, telemetry, recording, ownKey, store };
  const editions = new Editions(settings, lasting, logger);
  const health = new Health({
    edition: () => editions.current,
    audit: () => audit.writable,
    store,
    clock,
    logger,
    telemetry,
  });
  const reload = new Reload({
    editions,
    read,
    path: options.config,
    fixed: sources.fixed,
    logger,
    telemetry,
  });
  return {
    logger,
    settings,
    sources,
    editions,
    health,
    arrivals: timedFetch(editions, telemetry, now),
    reload: () => reload.run(),
    async renewConnections() {
      issuer.renewConnections?.();
      store.renewConnections?.();
      await network.renew();
    },
    async close() {
      await audit.close();
      await network.close();
      await store.close();
    },
  };
}

async function openRecording(
  { recording: folder }: OpenOptions,
  logger: Logger,
): Promise<Recording | null> {
  if (folder === undefined) return null;
  const recording = new Recording(folder, clock.steady);
  logger.info(
    { recording: await recording.check() },
    "answering from a recording, not from GitHub",
  );
  return recording;
}

async function openAudit(config: Config, output: NodeJS.WritableStream): Promise<AuditLog> {
  return config.auditFile === undefined
    ? new StreamAuditLog(output)
    : FileAuditLog.open(config.auditFile);
}

function awsServices(
  { simulateAws, recording }: OpenOptions,
  { config }: Settings,
  { GITHUB_SECRET_ID: secret }: NodeJS.ProcessEnv,
): AwsService[] {
  return [
    ...(simulateAws ? [] : ["STS" as const]),
    ...(config.store.kind === "dynamodb" ? ["DynamoDB" as const] : []),
    ...(secret && recording === undefined ? ["Secrets Manager" as const] : []),
  ];
}

function openAws(
  { simulateAws, issueWithinMs }: OpenOptions,
  environment: NodeJS.ProcessEnv,
  logger: Logger,
): RoleIssuer {
  if (simulateAws) {
    logger.warn("SIMULATED AWS: the credentials are made up and open nothing");
    return new SimulatedIssuer();
  }
  return new StsIssuer({
    region: environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? "us-east-1",
    ...(issueWithinMs !== undefined && { withinMs: issueWithinMs }),
  });
}
