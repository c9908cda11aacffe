import { execFile } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { log } from "@yao-pkg/pkg/lib-es5/log.js";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { asFunction, type Bundle, type Bundles } from "./bundle.ts";

const run = promisify(execFile);

/**
 * Node's own options in the executable. SIGUSR1 must not open a debugger on a process that holds
 * credentials, and the NODE_OPTIONS of a workflow are meant for its programs, not for this one.
 */
const nodeOptions = (): object => ({
  execArgv: ["--disable-sigusr1", ...heapOptions],
  execArgvExtension: "none",
});

/**
 * A broker lives long and holds little: a heap that may grow in large steps would keep hundreds of
 * MiB after a burst. V8 takes a code cache only with the flags it was made with, so the build has them too.
 */
const heapOptions = ["--max-semi-space-size=2", "--max-old-space-size=192"];

/** A job runs it once and briefly: reading all of the cache is less work than compiling a part. */
const cachedWhole = ["request"];

/**
 * Makes one executable of a Node binary and the bundles: the main one is the script that starts, the
 * commands are assets. pkg's function for that is not in its documented interface, so it is called
 * from here only, and its version is pinned.
 */
export async function makeExecutable(
  bundles: Bundles,
  node: string,
  output: string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "actions2aws-build-"));
  try {
    const main = join(folder, "main.cjs");
    await writeFile(main, bundles.main.code);
    const assets = await Promise.all(bundles.commands.map((it) => assetsOf(it, node, folder)));
    const base = await withoutSymbols(node, folder);
    // In place only when it is whole: an older executable may be running from that path.
    const temporary = `${output}.${process.pid}`;
    log.info = () => undefined;
    process.env.NODE_OPTIONS = heapOptions.join(" ");
    await pkg.default(main, {
      nodePath: base,
      targets: [{ ...thisMachine(), nodeRange: "node24", output: temporary }],
      signature: true,
      seaConfig: {
        disableExperimentalSEAWarning: true,
        useSnapshot: false,
        useCodeCache: true,
        assets: Object.fromEntries(assets.flat()),
        ...nodeOptions(),
      },
    });
    await rename(temporary, output);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A command's bundle as a function's text, and V8's code cache of it, which saves its compilation. */
async function assetsOf(bundle: Bundle, node: string, folder: string) {
  const script = join(folder, `${bundle.name}.js`);
  const cache = join(folder, `${bundle.name}.cache`);
  await writeFile(script, asFunction(bundle));
  const extent = cachedWhole.includes(bundle.name) ? ["--whole"] : [];
  await run(node, [
    ...heapOptions,
    join(import.meta.dirname, "code-cache.ts"),
    script,
    cache,
    ...extent,
  ]);
  return [
    [bundle.name, script],
    [`${bundle.name}.cache`, cache],
  ];
}

/** Node without its symbol table, which is 14 % of it, where there is a tool for that. */
async function withoutSymbols(node: string, folder: string): Promise<string> {
  if (process.platform !== "linux") return node;
  const output = join(folder, "node");
  try {
    await run("strip", ["-o", output, node]);
    return output;
  } catch {
    return node;
  }
}

function thisMachine() {
  const platform = { darwin: "macos", win32: "win" }[process.platform as string] ?? "linux";
  return { platform, arch: process.arch } as { platform: "linux"; arch: "x64" };
}
