import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "./bundle.ts";
import { nodeVersion, type Platform } from "./platforms.ts";

const run = promisify(execFile);

/** Fetched packages, each under its exact version; what is here already is checked like what comes. */
const store = join(root, "dist/.nodes");

/** The Node binary for a platform: npm fetches its package, which must be the one that is pinned. */
export async function baseNode(platform: Platform): Promise<string> {
  const { package: name, binary, integrity } = platform;
  if (integrity === undefined)
    throw new Error(
      `nothing in scripts/platforms.ts says what ${name} is: name a binary with --base`,
    );
  const file = await fetched(`${name}@${nodeVersion}`, integrity);
  const folder = join(store, `${name}-${nodeVersion}`);
  await mkdir(folder, { recursive: true });
  await run("tar", ["-xzf", file, "-C", folder, "--strip-components=1", `package/${binary}`]);
  return join(folder, binary);
}

/** @returns the package's tarball, whose contents are those of the integrity value */
export async function fetched(specifier: string, integrity: string): Promise<string> {
  const file = join(store, `${specifier.replace("@", "-")}.tgz`);
  await mkdir(store, { recursive: true });
  if ((await integrityOf(file)) === null)
    await run("npm", ["pack", "--silent", "--pack-destination", store, specifier], { cwd: store });
  const found = await integrityOf(file);
  if (found === integrity) return file;
  await rm(file, { force: true });
  throw new Error(`${specifier} is ${found ?? "not there"}, and must be ${integrity}`);
}

async function integrityOf(file: string): Promise<string | null> {
  const bytes = await readFile(file).catch(() => null);
  return bytes && `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}
