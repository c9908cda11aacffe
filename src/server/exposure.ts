import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

/** How others on this machine may get at a file. */
export interface Exposure {
  readonly path: string;
  readonly mode: string;
  /** Whose it is, if neither ours nor root's. */
  readonly owner?: number;
}

/** For whom a file should be private. */
export interface Reader {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Where systemd puts what `LoadCredential=` names. */
  readonly credentials: string | undefined;
}

export function thisProcess(environment: NodeJS.ProcessEnv): Reader {
  const { CREDENTIALS_DIRECTORY: credentials } = environment;
  return { uid: process.getuid?.(), gid: process.getgid?.(), credentials };
}

/**
 * @param rights bits of the mode that nobody but the owner should have
 * @returns null for a file that is private, or not there. Links are followed: secrets are often mounted so
 */
export function exposureOf(path: string, rights: number, reader: Reader): Exposure | null {
  const file = statSync(path, { throwIfNoEntry: false });
  return file ? exposureIn(path, file, rights, reader) : null;
}

export function exposureIn(
  path: string,
  file: Pick<Stats, "uid" | "gid" | "mode">,
  rights: number,
  reader: Reader,
): Exposure | null {
  const stranger = file.uid !== 0 && file.uid !== reader.uid;
  const others = isOursAlone(path, file.gid, reader) ? file.mode & ~groupMayRead : file.mode;
  if ((others & rights) === 0 && !stranger) return null;
  const mode = (file.mode & 0o777).toString(8).padStart(4, "0");
  return { path, mode, ...(stranger && { owner: file.uid }) };
}

const groupMayRead = 0o040;

/**
 * Whether nobody comes in by the group. Kubernetes hands secrets to a user that is not root by a group,
 * `fsGroup`, and one with the number of our user is ours alone. systemd does it by an access list,
 * which the mode shows as rights of the group.
 */
function isOursAlone(path: string, group: number, { uid, gid, credentials }: Reader): boolean {
  return dirname(path) === credentials || (group !== 0 && group === gid && group === uid);
}
