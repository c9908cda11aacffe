import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Asked } from "./asked.ts";
import { credentialsText, parseCredentials } from "./credentials.ts";
import { Failure, exitCodes, systemCode } from "./failure.ts";
import { FileLock } from "./file-lock.ts";
import { type Host, say } from "./host.ts";
import type { IdentityPlace } from "./identity-path.ts";
import type { Issued } from "./issued.ts";
import { readPrivateFile, replacePrivateFile } from "./private-file.ts";
import { makeOwnFolder } from "./private-folder.ts";

/** Issued credentials, and when to ask for others at the earliest. */
export interface Kept extends Issued {
  /** Set when asking was in vain; milliseconds since 1970. */
  readonly notBefore: number;
}

/**
 * What `credential_process` calls of one job share: a private file beside the identity, for one
 * broker, role, run, attempt, job and key, so that nothing of another job is ever used (C-08, C-16).
 */
export class CredentialCache {
  readonly #folder: string;
  readonly #path: string;
  readonly #purpose: string;
  readonly #host: Host;

  constructor(asked: Asked, url: URL, place: IdentityPlace, host: Host) {
    this.#purpose = purposeOf(asked, url, host);
    this.#folder = `${place.path}.cache`;
    this.#path = join(this.#folder, createHash("sha256").update(this.#purpose).digest("hex"));
    this.#host = host;
  }

  get lockPath(): string {
    return `${this.#path}.lock`;
  }

  /** Makes the folder, private; before all else. */
  prepare(): void {
    try {
      makeOwnFolder(this.#folder, "the folder of the kept credentials");
    } catch (error) {
      throw asFailure(error, this.#folder);
    }
  }

  /** For who asks for others: one process at a time. @returns null while somebody else has it */
  lock(): FileLock | null {
    try {
      return FileLock.take(this.lockPath);
    } catch (error) {
      throw asFailure(error, this.#folder);
    }
  }

  /** @returns null if there is nothing, or nothing that fits: a broken file is replaced, not obeyed. */
  read(): Kept | null {
    const file = readPrivateFile(this.#path);
    if (file.kind === "text") return parseKept(file.text, this.#purpose);
    if (file.kind === "faulty")
      say(this.#host, `the kept credentials ${this.#path} are not used: the file ${file.fault}`);
    return null;
  }

  write(kept: Kept): void {
    const text = JSON.stringify({
      purpose: this.#purpose,
      obtained_at: kept.obtainedAt,
      renewal_after: kept.renewalAfter,
      not_before: kept.notBefore,
      credentials: credentialsText(kept.credentials),
    });
    try {
      replacePrivateFile(this.#path, text, this.#host);
    } catch (error) {
      throw asFailure(error, this.#path);
    }
    this.#host.made?.({ kind: "kept", path: this.#path });
  }
}

/** The runner gives each job a tracking id of its own: legs of a matrix share all the rest. */
function purposeOf({ run, role, key }: Asked, url: URL, { env }: Host): string {
  const { repository, runId, runAttempt, job } = run;
  const place = [env.GITHUB_SERVER_URL ?? "", repository, runId, runAttempt];
  const jobOf = [job.id ?? 0, job.runner_name ?? "", job.name ?? "", env.RUNNER_TRACKING_ID ?? ""];
  return JSON.stringify([1, url.href, role, ...place, ...jobOf, key.publicKey]);
}

function parseKept(text: string, purpose: string): Kept | null {
  try {
    const fields = JSON.parse(text) as Record<string, unknown>;
    const { obtained_at: obtainedAt, renewal_after: renewalAfter, not_before: notBefore } = fields;
    if (fields.purpose !== purpose || typeof fields.credentials !== "string") return null;
    if (!isTime(obtainedAt) || !isTime(notBefore)) return null;
    if (renewalAfter !== null && !isTime(renewalAfter)) return null;
    const credentials = parseCredentials(fields.credentials);
    const expiresAt = Date.parse(credentials.expiration);
    const times = { obtainedAt, expiresAt, renewalAfter, notBefore };
    return { credentials, ...times, grant: "", requestId: "" };
  } catch {
    return null;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function asFailure(error: unknown, path: string): Failure {
  if (error instanceof Failure) return error;
  return new Failure(
    exitCodes.other,
    `credentials cannot be kept in ${path} (${systemCode(error)})`,
  );
}
