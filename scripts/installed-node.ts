import { readFileSync } from "node:fs";
import { join } from "node:path";
import { baseNode } from "./base-node.ts";
import { root } from "./bundle.ts";
import { expectPinnedNode, nodeVersion, thisPlatform } from "./platforms.ts";

/**
 * Is the Node that `npm ci` has installed the pinned one? Its package fetches it by a script, so that neither
 * package-lock.json nor `npm audit signatures` knows of it, and all `npm run` scripts run on it. To be
 * run by a Node that is not that one.
 */
const platform = thisPlatform();
if (platform === undefined) throw new Error("no release is made for this platform");
expectPinnedNode();
const { 2: file = join(root, "node_modules/node/bin/node") } = process.argv;
const installed = readFileSync(file);
const pinned = readFileSync(await baseNode(platform));
if (!installed.equals(pinned)) throw new Error(`${file} is not Node ${nodeVersion}`);
console.log(`${file} is Node ${nodeVersion} for ${platform.name}, byte for byte`);
