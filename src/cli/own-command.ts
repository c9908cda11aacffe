import { resolve } from "node:path";
import { isSea } from "node:sea";
import { Failure, exitCodes } from "./failure.ts";

/** This program, as words of a command line that holds wherever it is called. */
export function ownCommand(process: { execPath: string; argv: readonly string[] }): string[] {
  if (isSea()) return [process.execPath];
  const [, script] = process.argv;
  if (script === undefined)
    throw new Failure(exitCodes.other, "this program cannot tell its own path");
  return [process.execPath, resolve(script)];
}

/**
 * One line that means these words both to a POSIX shell, as which most SDKs run a credential_process,
 * and to Python's shlex, which the AWS CLI splits it with; or on Windows, to its own rules.
 *
 * @throws {Failure} for a word that some SDK would read otherwise
 */
export function commandLineOf(words: readonly string[], platform: NodeJS.Platform): string {
  for (const word of words) {
    // A line ends the setting, and some SDKs take what follows a blank and # or ; for a comment.
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?:^|\s)[#;]/u.test(word) || word === "") {
      throw new Failure(
        exitCodes.other,
        `the path ${word} cannot stand in an AWS profile: take one without line ends, and without # or ; behind a blank`,
      );
    }
  }
  return words.map(platform === "win32" ? quotedForWindows : quotedForShell).join(" ");
}

/** Zsh would look for a program's path behind a leading `=`. */
function quotedForShell(word: string): string {
  return /^[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+=:,./-]*$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}

function quotedForWindows(word: string): string {
  return /^[A-Za-z0-9_@+=:,./\\-]+$/.test(word) ? word : `"${word}"`;
}
