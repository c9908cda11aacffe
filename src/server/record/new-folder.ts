import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** A folder can't be had; the message says why. */
export class FolderError extends Error {
  override name = "FolderError";
}

/**
 * A folder that is there whole or not at all: it is filled beside its place, and put there when it is
 * done. Only its owner can read it.
 */
export class NewFolder {
  readonly path: string;
  readonly #draft: string;

  /** @throws {FolderError} unless the place is free */
  constructor(path: string) {
    this.path = resolve(path);
    assertFree(this.path);
    const suffix = randomBytes(6).toString("hex");
    this.#draft = join(dirname(this.path), `.${basename(this.path)}.${suffix}`);
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      mkdirSync(this.#draft, { mode: 0o700 });
    } catch (error) {
      throw new FolderError(`${path} can't be made (${codeOf(error)})`, { cause: error });
    }
  }

  write(name: string, text: string): void {
    const path = join(this.#draft, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
  }

  /** Puts it into its place. @throws {FolderError} when that has been taken meanwhile */
  finish(): void {
    try {
      renameSync(this.#draft, this.path);
    } catch (error) {
      this.discard();
      throw new FolderError(`${this.path} can't be put in place (${codeOf(error)})`, {
        cause: error,
      });
    }
  }

  discard(): void {
    rmSync(this.#draft, { recursive: true, force: true });
  }
}

function assertFree(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there && !there.isDirectory()) throw new FolderError(`${path} is there, and no folder`);
  if (there && readdirSync(path).length > 0)
    throw new FolderError(`${path} is not empty: give a new folder`);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "error";
}
