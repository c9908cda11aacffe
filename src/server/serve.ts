import { randomBytes } from "node:crypto";
import { pino, type Logger } from "pino";
import { Secret } from "../core/secret.ts";
import type { Admin } from "./admin/open.ts";
import { type AuditLog, FileAuditLog, StreamAuditLog } from "./audit-log.ts";
import { type RoleIssuer, StsIssuer } from "./aws.ts";
import { type AwsService, warnOfAws } from "./aws-surroundings.ts";
import type { Clock } from "./broker-parts.ts";
import type { Config } from "./config.ts";
import { Editions } from "./editions.ts";
import { Health } from "./health.ts";
import { listen } from "./listener.ts";
import { Network } from "./network.ts";
import { ObservedAuditLog, ObservedIssuer, serviceOf } from "./observed.ts";
import { Recording } from "./recording.ts";
import { Reload } from "./reload.ts";
import { timedFetch } from "./routes.ts";
import { SecretSources } from "./secrets.ts";
import { readSettings, type Settings } from "./settings.ts";
import { SimulatedIssuer } from "./simulated-aws.ts";
import { openStore } from "./store.ts";
import { StoreTrouble } from "./store/trouble.ts";
import { addressesOf, assertSafeRuntime, warnOfSurroundings } from "./surroundings.ts";
import { silent } from "./telemetry.ts";

export interface ServeOptions {
  config: string;
  /** `HOST:PORT`. */
  listen: string;
  adminListen?: string | undefined;
  recording?: string | undefined;
  simulateAws?: boolean | undefined;
  version?: string;
}

export interface Running {
  url: string;
  adminUrl: string | null;
  /** Reads configuration and secrets again; never fails, and says in the log how it went. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const clock: Clock = { wall: () => Date.now(), steady: () => performance.now() };
const stopWithinMs = 25_000;
const tryGitHubEveryMs = 5 * 60_000;

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
  assertSafeRuntime(environment);
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, output);
  const addresses = addressesOf(options);
  const sources = new SecretSources(environment);
  const read = (): Promise<Settings> =>
    readSettings(options.config, sources, { recorded: options.recording !== undefined });
  const settings = await read();
  const recording = await openRecording(options, logger);
  warnOfSurroundings(addresses, settings, sources, { ...options, environment }, logger);
  await warnOfAws(awsServices(options, settings, environment), environment, logger);

  const admin = addresses.admin && (await openAdmin(options.version ?? "unknown"));
  const telemetry = admin?.metrics ?? silent;
  const now = clock.steady;
  const network = new Network({
    onExchange: (url, outcome, ms) =>
      telemetry.called(serviceOf(url, editions.current.settings.config.github), outcome, ms),
  });
  const audit = new ObservedAuditLog(await openAudit(settings.config, output), {
    telemetry,
    onDecision: (record) => {
      admin?.recent.add(record);
      // The page and the metrics should say so as well, and not in some minutes only.
      if (admin && record.code === "github_session_expired") look(health);
    },
    now,
  });
  const aws = new ObservedIssuer(openAws(options, environment, logger), { telemetry, now });
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

  const listening = await listen(timedFetch(editions, telemetry, now), addresses.main);
  const adminListening =
    admin && addresses.admin
      ? await listen(admin.app(editions, health, addresses.admin), addresses.admin)
      : null;
  const { config } = settings;
  logger.info(
    { url: listening.url, policy: config.hash, grants: config.policy.grants.length },
    "listening",
  );
  if (adminListening) logger.info({ url: adminListening.url }, "admin listening");
  const stopWatching = watch(health, adminListening !== null);
  return {
    url: listening.url,
    adminUrl: adminListening?.url ?? null,
    reload: () => reload.run(),
    async stop() {
      logger.info("stopping: finishing what is under way");
      stopWatching();
      // The operator sees to the end what is going on.
      await listening.stop(stopWithinMs);
      await adminListening?.stop(1_000);
      await audit.close();
      await network.close();
      await store.close();
      logger.info("stopped");
    },
  };
}

/** The page, prom-client and all that: loaded only where somebody looks. */
async function openAdmin(version: string): Promise<Admin> {
  const { Admin } = await import("./admin/open.ts");
  return new Admin(version);
}

/** Tries GitHub by itself, so that trouble is in the log before a job meets it. */
function watch(health: Health, atOnce: boolean): () => void {
  if (atOnce) look(health);
  const timer = setInterval(look, tryGitHubEveryMs, health);
  return () => clearInterval(timer);
}

function look(health: Health): void {
  health.report().catch(() => undefined);
}

async function openRecording(
  { recording: folder }: ServeOptions,
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
  { simulateAws, recording }: ServeOptions,
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
  { simulateAws }: ServeOptions,
  environment: NodeJS.ProcessEnv,
  logger: Logger,
): RoleIssuer {
  if (simulateAws) {
    logger.warn("SIMULATED AWS: the credentials are made up and open nothing");
    return new SimulatedIssuer();
  }
  return new StsIssuer({
    region: environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? "us-east-1",
  });
}
