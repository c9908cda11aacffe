import type { Logger } from "pino";
import { EnvironmentError } from "./environment-error.ts";
import { exposureOf, thisProcess } from "./exposure.ts";
import { type ListenAddress, parseListen } from "./listen-address.ts";
import type { SecretSources } from "./secrets.ts";
import type { Settings } from "./settings.ts";

/** Where the broker is reached. */
export interface Addresses {
  main: ListenAddress;
  admin: ListenAddress | null;
}

/** @throws {EnvironmentError} when they are none, or too open for made-up credentials */
export function addressesOf(options: {
  listen: string;
  adminListen?: string | undefined;
  simulateAws?: boolean | undefined;
}): Addresses {
  const { listen: main, adminListen, simulateAws } = options;
  const addresses = {
    main: parseListen("--listen", main),
    admin: adminListen === undefined ? null : parseListen("--admin-listen", adminListen),
  };
  if (simulateAws && !(addresses.main.local && addresses.admin?.local !== false)) {
    throw new EnvironmentError(
      "--simulate-aws gives made-up credentials, so it listens on loopback alone",
    );
  }
  return addresses;
}

/** What the operator should know of where the broker runs. */
export function warnOfSurroundings(
  { main, admin }: Addresses,
  { secrets }: Settings,
  sources: SecretSources,
  { config: path, environment }: { config: string; environment: NodeJS.ProcessEnv },
  logger: Logger,
): void {
  if (!main.local) {
    logger.warn("--listen is open to other machines without TLS: have a proxy with TLS before it");
  }
  if (admin?.local === false) {
    logger.warn(
      "--admin-listen is open to other machines: metrics and decisions can be read by whoever reaches it",
    );
  }
  for (const file of sources.exposedFiles) {
    logger.warn(file, "others on this machine may read this secret: chmod 600");
  }
  const config = exposureOf(path, 0o022, thisProcess(environment));
  if (config) {
    logger.warn(config, "others on this machine may change the configuration: chmod go-w");
  }
  if (!secrets.signingKey) {
    logger.info(
      "ACTIONS2AWS_SIGNING_KEY is not set: made one that holds until this instance stops",
    );
  }
}

/** Whom they vouch for is believed to be GitHub and AWS (F-21). */
export function warnOfAuthorities(
  { NODE_EXTRA_CA_CERTS: path }: NodeJS.ProcessEnv,
  logger: Logger,
): void {
  if (!path) return;
  logger.warn(
    { path },
    "more certificate authorities are trusted than usual: NODE_EXTRA_CA_CERTS is set",
  );
}

/**
 * Refuses what would give secrets away whatever this program does.
 *
 * @throws {EnvironmentError}
 */
export function assertSafeRuntime(environment: NodeJS.ProcessEnv): void {
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    // F-21
    throw new EnvironmentError(
      "NODE_TLS_REJECT_UNAUTHORIZED=0 switches off what keeps the secrets safe: unset it",
    );
  }
  if (environment.NODE_DEBUG) {
    // Node itself would print headers and bodies (F-20).
    throw new EnvironmentError("NODE_DEBUG prints what is sent, secrets too: unset it");
  }
  // So would libraries: the Redis client prints its password.
  delete environment.DEBUG;
}
