import { statSync } from "node:fs";

/** How others on this machine may get at a file. */
export interface Exposure {
  readonly path: string;
  readonly mode: string;
  /** Whose it is, if neither ours nor root's. */
  readonly owner?: number;
}

/**
 * @param rights bits of the mode that nobody but the owner should have
 * @returns null for a file that is private, or not there. Links are followed: secrets are often mounted so
 */
export function exposureOf(path: string, rights: number): Exposure | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return null;
  const stranger = stats.uid !== 0 && stats.uid !== process.getuid?.();
  if ((stats.mode & rights) === 0 && !stranger) return null;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  return { path, mode, ...(stranger && { owner: stats.uid }) };
}
