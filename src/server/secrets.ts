import { readFileSync } from "node:fs";
import { Secret } from "../core/secret.ts";

/** What is wrong with the environment that a broker was started in. */
export class EnvironmentError extends Error {
  override name = "EnvironmentError";
}

/**
 * Takes a secret out of the environment: NAME, or the file that NAME_FILE names. It is removed from
 * the environment, so that no child or report has it (F-13).
 *
 * @throws {EnvironmentError} when the file can't be read or both are given
 */
export function takeSecret(environment: NodeJS.ProcessEnv, name: string): Secret | undefined {
  const value = environment[name];
  const path = environment[`${name}_FILE`];
  delete environment[name];
  if (value && path)
    throw new EnvironmentError(`${name} and ${name}_FILE are both set: give one of them`);
  const text = path ? readSecretFile(name, path) : value;
  return text ? new Secret(text) : undefined;
}

function readSecretFile(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "error";
    throw new EnvironmentError(`${name}_FILE can't be read (${code}): ${path}`, { cause: error });
  }
}
