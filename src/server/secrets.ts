import { readFileSync } from "node:fs";
import { Secret } from "../core/secret.ts";
import { EnvironmentError } from "./environment-error.ts";
import { type Exposure, exposureOf, thisProcess } from "./exposure.ts";
import { type App, parseAppKey } from "./github/app-tokens.ts";
import { readFromSecretsManager, type StoredName, type StoredSecrets } from "./secrets-manager.ts";

/** How the broker asks GitHub's API: by a token, or as an App. */
export type ApiAccess =
  | { readonly kind: "token"; readonly token: Secret }
  | { readonly kind: "app"; readonly app: App };

/** All that the broker keeps to itself, as it was read at one moment. */
export interface Secrets {
  readonly api: ApiAccess | null;
  readonly session: Secret | null;
  readonly signingKey: Secret | null;
  /** What was signed with it still counts. */
  readonly previousSigningKey: Secret | null;
  /** Tells one state of them from another; a digest would do as well. */
  readonly fingerprint: Secret;
}

const names = [
  "GITHUB_TOKEN",
  "GITHUB_APP_ID",
  "GITHUB_APP_PRIVATE_KEY",
  "GITHUB_USER_SESSION",
  "ACTIONS2AWS_SIGNING_KEY",
  "ACTIONS2AWS_SIGNING_KEY_PREVIOUS",
] as const;
type Name = (typeof names)[number];

/** What they are called in Secrets Manager. */
const stored: Readonly<Record<Name, StoredName>> = {
  GITHUB_TOKEN: "ApiToken",
  GITHUB_APP_ID: "AppId",
  GITHUB_APP_PRIVATE_KEY: "AppPrivateKey",
  GITHUB_USER_SESSION: "UserSession",
  ACTIONS2AWS_SIGNING_KEY: "SigningKey",
  ACTIONS2AWS_SIGNING_KEY_PREVIOUS: "SigningKeyPrevious",
};

/** Read by the store itself, once. */
export const storePassword = "ACTIONS2AWS_STORE_PASSWORD";

/**
 * Where the secrets come from: taken out of the environment once, files and Secrets Manager read as
 * often as asked for.
 */
export class SecretSources {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #plain = new Map<Name, Secret>();
  readonly #files = new Map<Name, string>();
  readonly #secretId: string | undefined;

  /** @throws {EnvironmentError} when one is given twice */
  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
    this.#secretId = environment.GITHUB_SECRET_ID || undefined;
    const twice: string[] = [];
    for (const name of names) {
      const path = environment[`${name}_FILE`];
      const value = takeVariable(environment, name);
      if (value && path) twice.push(name);
      if (value) this.#plain.set(name, value);
      if (path) this.#files.set(name, path);
    }
    const [first] = twice;
    if (first) throw givenTwice(first, `${first}_FILE`);
  }

  /** Those given as plain variables, which stay what they are until a restart. */
  get fixed(): readonly string[] {
    return [...this.#plain.keys()];
  }

  /** Files that others on this machine may read too (F-14). */
  get exposedFiles(): readonly (Exposure & { name: string })[] {
    return [...names, storePassword].flatMap((name) => {
      const path = this.#environment[`${name}_FILE`];
      const exposure = path ? exposureOf(path, 0o077, thisProcess(this.#environment)) : null;
      return exposure ? [{ name: `${name}_FILE`, ...exposure }] : [];
    });
  }

  /**
   * @param stored whether Secrets Manager is asked too
   * @throws {EnvironmentError} with the first fault; never with anything of a secret's
   */
  async read({ stored: askStored }: { stored: boolean }): Promise<Secrets> {
    const here = new Map(names.map((name) => [name, this.#value(name)]));
    const there: StoredSecrets =
      this.#secretId && askStored
        ? await readFromSecretsManager(this.#secretId, this.#environment)
        : {};
    const given = new Map(names.map((name) => [name, one(name, here.get(name), there)]));
    const token = given.get("GITHUB_TOKEN");
    const app = appOf(given.get("GITHUB_APP_ID"), given.get("GITHUB_APP_PRIVATE_KEY"));
    if (token && app) {
      const called = (name: Name): string => (here.get(name) ? name : stored[name]);
      throw givenTwice(called("GITHUB_TOKEN"), called("GITHUB_APP_ID"));
    }
    return {
      api: app ? { kind: "app", app } : token ? { kind: "token", token } : null,
      session: given.get("GITHUB_USER_SESSION") ?? null,
      ...signingKeysOf(given),
      fingerprint: new Secret(JSON.stringify([...given.values()].map((it) => it?.reveal()))),
    };
  }

  #value(name: Name): Secret | undefined {
    const path = this.#files.get(name);
    return path === undefined ? this.#plain.get(name) : readSecretFile(name, path);
  }
}

/**
 * Takes a secret out of the environment: NAME, or the file that NAME_FILE names. It is removed from
 * the environment, so that no child or report has it (F-13).
 *
 * @throws {EnvironmentError} when the file can't be read or both are given
 */
export function takeSecret(environment: NodeJS.ProcessEnv, name: string): Secret | undefined {
  const path = environment[`${name}_FILE`];
  const value = takeVariable(environment, name);
  if (value && path) throw givenTwice(name, `${name}_FILE`);
  return path ? readSecretFile(name, path) : value;
}

function takeVariable(environment: NodeJS.ProcessEnv, name: string): Secret | undefined {
  const value = environment[name];
  delete environment[name];
  return value ? new Secret(value) : undefined;
}

function readSecretFile(name: string, path: string): Secret | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return text ? new Secret(text) : undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "error";
    throw new EnvironmentError(`${name}_FILE can't be read (${code}): ${path}`, { cause: error });
  }
}

/** @throws {EnvironmentError} when it is in the environment and in Secrets Manager */
function one(name: Name, here: Secret | undefined, there: StoredSecrets): Secret | undefined {
  const other = there[stored[name]];
  if (here && other) throw givenTwice(name, `${stored[name]} in the secret of GITHUB_SECRET_ID`);
  return here ?? other;
}

function signingKeysOf(
  given: ReadonlyMap<Name, Secret | undefined>,
): Pick<Secrets, "signingKey" | "previousSigningKey"> {
  const signingKey = longEnough(given, "ACTIONS2AWS_SIGNING_KEY");
  const previousSigningKey = longEnough(given, "ACTIONS2AWS_SIGNING_KEY_PREVIOUS");
  if (previousSigningKey && !signingKey)
    throw new EnvironmentError(
      "ACTIONS2AWS_SIGNING_KEY_PREVIOUS is set, but not the key that comes after it: set ACTIONS2AWS_SIGNING_KEY",
    );
  return { signingKey, previousSigningKey };
}

function longEnough(given: ReadonlyMap<Name, Secret | undefined>, name: Name): Secret | null {
  const key = given.get(name) ?? null;
  if (key && key.reveal().length < 32)
    throw new EnvironmentError(
      `${name} must be 32 characters or more: try \`openssl rand -base64 48\``,
    );
  return key;
}

function appOf(id: Secret | undefined, pem: Secret | undefined): App | null {
  if (!id && !pem) return null;
  if (!id || !pem) {
    const missing = id ? "GITHUB_APP_PRIVATE_KEY" : "GITHUB_APP_ID";
    throw new EnvironmentError(`${missing} (or ${missing}_FILE) is not set: an App needs both`);
  }
  if (!/^[A-Za-z0-9.]{1,64}$/.test(id.reveal()))
    throw new EnvironmentError("GITHUB_APP_ID must be an App's id, or its client id");
  const privateKey = parseAppKey(pem);
  if (!privateKey)
    throw new EnvironmentError("GITHUB_APP_PRIVATE_KEY is not an RSA private key in PEM");
  return { id: id.reveal(), privateKey };
}

function givenTwice(name: string, other: string): EnvironmentError {
  return new EnvironmentError(`${name} and ${other} are both set: give one of them`);
}
