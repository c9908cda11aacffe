import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

/**
 * Loads a command's bundle, and writes V8's code cache of what was compiled on the way, or with
 * `--whole` of all that is in it: `node code-cache.ts <bundle> <cache> [--whole]`. Only the Node that
 * goes into the executable can make a cache that fits it, so the build runs this file with that Node.
 */
const [bundle = "", cache = "", extent] = process.argv.slice(2);
const require = createRequire(import.meta.url);
if (extent === "--whole") setFlagsFromString("--no-lazy");
const script = new Script(readFileSync(bundle, "latin1"), { filename: bundle });
// A cache is taken only by a V8 with the flags of the one that made it.
setFlagsFromString("--lazy");
const module = { exports: {} };
const requireShared = (id: string) => require(id.startsWith("src/") ? `../${id}` : id);
script.runInThisContext()(module.exports, requireShared, module);
writeFileSync(cache, script.createCachedData());
// Whatever a library may have begun at load does not keep the build waiting.
process.exit();
