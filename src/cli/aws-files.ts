import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { Failure, exitCodes, systemCode, usageError } from "./failure.ts";
import type { Environment } from "./host.ts";

/** Where the AWS tools look for profiles; both may be absent. */
export interface AwsFiles {
  readonly credentials: string;
  readonly config: string;
}

/** As the SDKs find them: https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html */
export function findAwsFiles(env: Environment): AwsFiles {
  return {
    credentials: pathOf(env.AWS_SHARED_CREDENTIALS_FILE, "credentials", env),
    config: pathOf(env.AWS_CONFIG_FILE, "config", env),
  };
}

const { O_RDONLY } = constants;
/** Not on Windows. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;
const longestFile = 1024 * 1024;

/** What AWS tools would find there; nothing in /dev/null and what they can't read. */
export function lookIntoAwsFile(path: string): string {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= longestFile ? readFileSync(path, "latin1") : "";
  } catch {
    return "";
  }
}

/**
 * The file that is to be replaced: bytes as Latin-1 text, so that every byte comes back; empty if there
 * is no such file.
 */
export function readAwsFile(path: string): string {
  let file: number | null = null;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) throw unfit(path, "is not a regular file");
    if (stats.size > longestFile) throw unfit(path, "is too large");
    return readFileSync(file, "latin1");
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = systemCode(error);
    if (code === "ENOENT") return "";
    throw unfit(
      path,
      code === "ELOOP" ? "is a symbolic link, which is not followed" : `cannot be read (${code})`,
    );
  } finally {
    if (file !== null) closeSync(file);
  }
}

function unfit(path: string, fault: string): Failure {
  const cure = "name another one by AWS_SHARED_CREDENTIALS_FILE";
  return new Failure(exitCodes.other, `the AWS file ${path} ${fault}: ${cure}`);
}

function pathOf(given: string | undefined, name: string, env: Environment): string {
  if (given && isAbsolute(given)) return given;
  if (given && !/^~[/\\]/.test(given)) return resolve(given);
  const home = env.HOME || env.USERPROFILE || homedir();
  if (!home)
    throw usageError(`there is no HOME to find the AWS file \`${name}\` in: set HOME to a folder`);
  return given ? join(home, given.slice(2)) : join(home, ".aws", name);
}
