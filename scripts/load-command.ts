import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getRawAsset } from "node:sea";
import { Script } from "node:vm";

// The build puts this file into the main script, where it stands in for the `import()` of a command.

/** Modules that a command's bundle takes from the main script, by their paths in the project. */
type Shared = Readonly<Record<string, unknown>>;

type Run = (exports: unknown, require: (id: string) => unknown, module: object) => void;

/** Loads a command's bundle from inside the executable. */
export function loadFromExecutable(name: string, shared: Shared): unknown {
  const source = Buffer.from(getRawAsset(name)).toString("latin1");
  // V8 checks that the cache fits; one that does not only costs time.
  const cachedData = new Uint8Array(getRawAsset(`${name}.cache`));
  return run(new Script(source, { filename: `actions2aws:${name}`, cachedData }), shared);
}

/** Loads a command's bundle from the file beside the main script. */
export function loadFromFile(name: string, shared: Shared): unknown {
  const filename = join(__dirname, `${name}.cjs`);
  return run(new Script(readFileSync(filename, "latin1"), { filename }), shared);
}

function run(script: Script, shared: Shared): unknown {
  const module: { exports: unknown } = { exports: {} };
  const evaluate = script.runInThisContext() as Run;
  evaluate(module.exports, (id) => (Object.hasOwn(shared, id) ? shared[id] : require(id)), module);
  return module.exports;
}
