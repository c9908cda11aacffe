import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { baseNode } from "./base-node.ts";
import { asFunction, bundle, bundleActions, root, writeWhole } from "./bundle.ts";
import { expectPinnedNode, type Platform, platformNamed, thisPlatform } from "./platforms.ts";
import { makeExecutable } from "./sea.ts";

const dist = join(root, "dist");
/** The Node that npm installed: what the executable for this machine is made of. */
const ownNode = join(root, "node_modules/node/bin/node");

const { values: asked } = parseArgs({
  options: {
    /** Scripts for any Node 24, and no executable. */
    bundle: { type: "boolean", default: false },
    /** What the actions run. */
    actions: { type: "boolean", default: false },
    /** An executable for a release, of the pinned Node, in a folder of the platform's. */
    platform: { type: "string" },
    /** Another Node binary for it, of the same version, which nobody checks. */
    base: { type: "string" },
  },
});

if (asked.bundle) await buildBundles();
else if (asked.actions) await buildActions();
else if (asked.platform === undefined)
  await buildExecutable(thisPlatform(), ownNode, join(dist, "actions2aws"));
else await buildRelease(platformNamed(asked.platform));

/** Scripts that any Node 24 runs: quick to make, and all that the demo needs. */
async function buildBundles(): Promise<void> {
  const { main, commands } = await bundle("files");
  for (const it of [main, ...commands]) {
    const path = join(dist, "bundle", `${it.name}.cjs`);
    await writeWhole(path, it === main ? it.code : asFunction(it));
    await report(path);
  }
}

/** Scripts that workflows run from this repository, and that are therefore in git. */
async function buildActions(): Promise<void> {
  for (const { name, code } of await bundleActions()) {
    const path = join(root, `${name}.cjs`);
    await writeWhole(path, code);
    await report(path);
  }
}

async function buildRelease(platform: Platform): Promise<void> {
  expectPinnedNode();
  const node = asked.base === undefined ? await baseNode(platform) : resolve(asked.base);
  const name = platform.os === "win" ? "actions2aws.exe" : "actions2aws";
  await buildExecutable(platform, node, join(dist, platform.name, name));
}

/** One file that needs nothing else, made again only when something that goes into it has changed. */
async function buildExecutable(
  platform: Platform | undefined,
  node: string,
  executable: string,
): Promise<void> {
  const bundles = await bundle("executable");
  const inputs = hash([
    ...[bundles.main, ...bundles.commands].map(({ code }) => code),
    await readFile(join(root, "scripts/sea.ts")),
    await readFile(join(root, "scripts/code-cache.ts")),
    await readFile(join(root, "node_modules/@yao-pkg/pkg/package.json")),
    await identity(node),
  ]);
  const stamp = join(dirname(executable), ".actions2aws.inputs");
  const isCurrent = (await contents(stamp)) === `${inputs} ${await identity(executable)}`;
  if (!isCurrent) {
    await makeExecutable(bundles, platform, node, executable);
    await writeWhole(stamp, `${inputs} ${await identity(executable)}`);
  }
  await report(executable, isCurrent ? "unchanged" : "");
}

function hash(parts: readonly (string | Uint8Array)[]): string {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part).update("\0");
  return digest.digest("hex");
}

/** What tells one state of a large file from another, without reading it. */
async function identity(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  return found === null ? "absent" : `${found.size} ${found.mtimeMs}`;
}

async function contents(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}

async function report(path: string, note = ""): Promise<void> {
  const { size } = await stat(path);
  const amount = size < 1e6 ? `${(size / 1e3).toFixed(0)} kB` : `${(size / 1e6).toFixed(1)} MB`;
  console.log([relative(root, path), amount, note].filter(Boolean).join("  "));
}
