import type { Admin } from "./admin/open.ts";
import type { Health } from "./health.ts";
import { listen } from "./listener.ts";
import { openBroker, type OpenOptions } from "./open-broker.ts";
import { addressesOf, warnOfSurroundings } from "./surroundings.ts";
import { silent } from "./telemetry.ts";

export interface ServeOptions extends Pick<OpenOptions, "config" | "recording" | "simulateAws"> {
  /** `HOST:PORT`. */
  listen: string;
  adminListen?: string | undefined;
  version?: string;
}

export interface Running {
  url: string;
  adminUrl: string | null;
  /** Reads configuration and secrets again; never fails, and says in the log how it went. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const stopWithinMs = 25_000;
const tryGitHubEveryMs = 5 * 60_000;

/**
 * Starts a broker from its configuration and environment, and has it listen.
 *
 * @throws {ConfigError} with every fault of the configuration
 * @throws {EnvironmentError} when secrets or flags do not fit
 */
export async function startBroker(
  options: ServeOptions,
  environment: NodeJS.ProcessEnv,
  output: NodeJS.WritableStream,
): Promise<Running> {
  const addresses = addressesOf(options);
  const admin = addresses.admin && (await openAdmin(options.version ?? "unknown"));
  const broker = await openBroker(options, environment, output, {
    telemetry: admin?.metrics ?? silent,
    onDecision: (record) => {
      admin?.recent.add(record);
      // The page and the metrics should say so as well, and not in some minutes only.
      if (admin && record.code === "github_session_expired") look(broker.health);
    },
  });
  const { editions, health, logger, settings, sources } = broker;
  warnOfSurroundings(addresses, settings, sources, { ...options, environment }, logger);

  const listening = await listen(broker.arrivals, addresses.main);
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
    reload: () => broker.reload(),
    async stop() {
      logger.info("stopping: finishing what is under way");
      stopWatching();
      // The operator sees to the end what is going on.
      await listening.stop(stopWithinMs);
      await adminListening?.stop(1_000);
      await broker.close();
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
