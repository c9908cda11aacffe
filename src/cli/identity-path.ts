import { realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { Failure, exitCodes, usageError } from "./failure.ts";
import type { Environment } from "./host.ts";

/** Where the identity is kept. */
export interface IdentityPlace {
  readonly path: string;
  /** Our own folder (`actions2aws`), which we make and keep private; else one that the user chose. */
  readonly ownFolder: boolean;
  /** Something that the user should hear, or null. */
  readonly warning: string | null;
}

/** @param option what `--identity` says */
export function placeIdentity(option: string | undefined, env: Environment): IdentityPlace {
  if (option === "") throw usageError("--identity is empty: give a file, or leave it out");
  if (option !== undefined) {
    const path = resolve(option);
    const exposed = isInWorkspace(path, env);
    const warning = `the identity ${path} is inside the workspace: take care that no artifact, cache or image takes it along`;
    return { path, ownFolder: false, warning: exposed ? warning : null };
  }
  const place = env.ACTIONS2AWS_IDENTITY
    ? { path: resolve(env.ACTIONS2AWS_IDENTITY), ownFolder: false, warning: null }
    : { path: defaultPath(env), ownFolder: true, warning: null };
  // An upload of the workspace would take the key along while the job still runs (C-09).
  if (isInWorkspace(place.path, env)) {
    throw new Failure(
      exitCodes.other,
      `the identity ${place.path} would lie inside the workspace, where an artifact or cache could take it along: ` +
        "give a path elsewhere, or this one by --identity if you mean it",
    );
  }
  return place;
}

function defaultPath(env: Environment): string {
  if (env.RUNNER_TEMP) return resolve(env.RUNNER_TEMP, "actions2aws", "identity");
  const home = env.HOME || env.USERPROFILE;
  if (home) return resolve(home, ".actions2aws", "key");
  throw usageError(
    "there is no RUNNER_TEMP or HOME to keep the identity in: say where with --identity FILE",
  );
}

function isInWorkspace(path: string, env: Environment): boolean {
  if (!env.GITHUB_WORKSPACE) return false;
  const from = relative(real(resolve(env.GITHUB_WORKSPACE)), real(path));
  return from !== ".." && !from.startsWith(`..${sep}`) && !isAbsolute(from);
}

/** The path without symbolic links, as far as it exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), path.slice(parent.length));
  }
}
