import { dirname } from "node:path";
import { findAwsFiles, readAwsFile } from "./aws-files.ts";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import { FileLock, LockWatch } from "./file-lock.ts";
import type { Host } from "./host.ts";
import { commandLineOf, ownCommand } from "./own-command.ts";
import { removeIfThere, replacePrivateFile } from "./private-file.ts";
import { makeFolderWithParents } from "./private-folder.ts";
import { type Setting, settingsOf, withSection, withoutSection } from "./profile-file.ts";
import { assertProfileIsFree, sources } from "./rivals.ts";

/** A profile that is to be written; nothing is in its way. */
export interface ProfilePlan {
  readonly name: string;
  readonly path: string;
  readonly settings: readonly Setting[];
}

export interface ProfileWish {
  readonly name: string;
  readonly url: URL;
  readonly role: string;
  readonly identity: string;
  readonly region: string | undefined;
  readonly jobId: number | undefined;
  readonly durationSeconds: number | undefined;
  readonly expectAccount: string | undefined;
}

const patienceMs = 10_000;
/** By these words, behind the path of a program, a profile is known for ours. */
const ownWords = ["request", "--format", "credential-process", "--proof", "oidc", "--url"];

/** Looks for what would be in the way, before anything is asked. @throws {Failure} */
export function planProfile(wish: ProfileWish, { env }: Pick<Host, "env">): ProfilePlan {
  const { credentials: path, config } = findAwsFiles(env);
  assertReplaceable(readAwsFile(path), wish.name, path);
  assertProfileIsFree(wish.name, config);
  const command = commandLineOf([...ownCommand(process), ...requestOf(wish)], process.platform);
  return {
    name: wish.name,
    path,
    settings: [
      ["credential_process", Buffer.from(command).toString("latin1")],
      ...(wish.region === undefined ? [] : [["region", wish.region] as const]),
    ],
  };
}

/** Puts the profile into the shared credentials file, whose other bytes stay as they are (C-19). */
export async function writeProfile({ name, path, settings }: ProfilePlan, host: Host) {
  await changeFile(path, host, (file) => {
    assertReplaceable(file, name, path);
    return withSection(file, name, settings);
  });
  host.made?.({ kind: "profile", name, path, settings });
}

/**
 * Takes it out again, unless it has been changed since; a file that held nothing else goes too.
 *
 * @returns whether it was there
 */
export async function removeProfile(
  { name, path, settings }: ProfilePlan,
  host: Host,
): Promise<boolean> {
  if (withoutSection(readAwsFile(path), name, settings) === null) return false;
  return changeFile(path, host, (file) => withoutSection(file, name, settings));
}

/** @param change of its bytes as Latin-1 text; null leaves it alone */
async function changeFile(
  path: string,
  host: Host,
  change: (file: string) => string | null,
): Promise<boolean> {
  try {
    makeFolderWithParents(dirname(path));
    const lock = await lockBeside(path, host);
    try {
      const changed = change(readAwsFile(path));
      if (changed === "") removeIfThere(path);
      else if (changed !== null) replacePrivateFile(path, Buffer.from(changed, "latin1"), host);
      return changed !== null;
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      exitCodes.other,
      `the AWS file ${path} cannot be written (${systemCode(error)})`,
    );
  }
}

/**
 * What the AWS tools will call. It finds what the job has kept, and renews it; a new proof it makes by
 * a token alone, since nobody sees what it prints.
 */
function requestOf(wish: ProfileWish): string[] {
  const { url, role, identity, jobId, durationSeconds, expectAccount } = wish;
  return [
    ...ownWords,
    url.href,
    "--role",
    role,
    "--identity",
    identity,
    ...(jobId === undefined ? [] : ["--job-id", String(jobId)]),
    ...(durationSeconds === undefined ? [] : ["--duration", `${durationSeconds}s`]),
    ...(expectAccount === undefined ? [] : ["--expect-account", expectAccount]),
  ];
}

/** A key that does not end of itself may be the only copy, and so may what somebody has set up. */
function assertReplaceable(file: string, name: string, path: string): void {
  const settings = settingsOf(file, name);
  const passing = new Set([
    settings.has("aws_session_token") && "aws_access_key_id",
    settings.get("credential_process")?.includes(` ${ownWords.join(" ")} `) && "credential_process",
  ]);
  const theirs = sources.find((source) => settings.has(source) && !passing.has(source));
  if (theirs === undefined) return;
  const what = theirs === "aws_access_key_id" ? "a long-lived key" : theirs;
  throw new Failure(
    exitCodes.other,
    `the profile ${name} in ${path} holds ${what}, which is not replaced: take another name, or remove it`,
  );
}

async function lockBeside(path: string, host: Host): Promise<FileLock> {
  const lockPath = `${path}.actions2aws-lock`;
  const watch = new LockWatch(lockPath, host);
  const start = host.elapsed();
  for (;;) {
    const lock = FileLock.take(lockPath);
    if (lock) return lock;
    if (host.elapsed() - start > patienceMs)
      throw new Failure(
        exitCodes.other,
        `the AWS file ${path} is being written by another process`,
      );
    watch.look();
    await host.sleep(25 + 50 * host.random());
  }
}
