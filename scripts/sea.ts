import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { log } from "@yao-pkg/pkg/lib-es5/log.js";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { asFunction, type Bundle, type Bundles } from "./bundle.ts";
import { nodeVersion, type Platform, thisMachine, thisPlatform } from "./platforms.ts";

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
 *
 * V8 takes a code cache only where it was made, so that an executable for another platform has none,
 * and compiles at each start what it needs.
 */
export async function makeExecutable(
  bundles: Bundles,
  platform: Platform | undefined,
  node: string,
  output: string,
): Promise<void> {
  const isNative = platform === thisPlatform();
  const folder = await mkdtemp(join(tmpdir(), "actions2aws-build-"));
  const { HOME: home } = process.env;
  try {
    const main = join(folder, "main.cjs");
    await writeFile(main, bundles.main.code);
    const assets = await Promise.all(
      bundles.commands.map((it) => assetsOf(it, isNative ? node : null, folder)),
    );
    const base = await withoutSymbols(node, platform, folder);
    if (platform && !isNative) await putIntoStore(base, platform, folder);
    // In place only when it is whole: an older executable may be running from that path.
    const temporary = `${output}.${process.pid}`;
    log.info = () => undefined;
    process.env.NODE_OPTIONS = heapOptions.join(" ");
    await pkg.default(main, {
      ...(isNative && { nodePath: base }),
      targets: [{ ...target(platform), output: temporary }],
      signature: true,
      seaConfig: {
        disableExperimentalSEAWarning: true,
        useSnapshot: false,
        useCodeCache: isNative,
        assets: Object.fromEntries(assets.flat()),
        ...nodeOptions(),
      },
    });
    await rename(temporary, output);
  } finally {
    if (home !== undefined) process.env.HOME = home;
    await rm(folder, { recursive: true });
  }
}

/**
 * A command's bundle as a function's text, and V8's code cache of it, which saves its compilation;
 * an empty one, which V8 refuses, where no Node is given that could make it.
 */
async function assetsOf(bundle: Bundle, node: string | null, folder: string) {
  const script = join(folder, `${bundle.name}.js`);
  const cache = join(folder, `${bundle.name}.cache`);
  await writeFile(script, asFunction(bundle));
  const extent = cachedWhole.includes(bundle.name) ? ["--whole"] : [];
  const maker = join(import.meta.dirname, "code-cache.ts");
  if (node === null) await writeFile(cache, "");
  else await run(node, [...heapOptions, maker, script, cache, ...extent]);
  return [
    [bundle.name, script],
    [`${bundle.name}.cache`, cache],
  ];
}

/**
 * Given a path, pkg would start that Node to ask for its version, which no machine can that it is not
 * for. It takes one without asking out of its store, where it keeps what it has fetched and checked.
 */
async function putIntoStore(node: string, { os, arch }: Platform, home: string): Promise<void> {
  const name = `node-v${nodeVersion}-${os === "macos" ? "darwin" : os}-${arch}`;
  const store = join(home, ".pkg-cache/sea");
  const archive = join(store, `${name}.${os === "win" ? "zip" : "tar.gz"}`);
  const binary = join(store, os === "win" ? `${name}.exe` : `${name}/bin/node`);
  await mkdir(dirname(binary), { recursive: true });
  await copyFile(node, binary);
  await Promise.all([archive, `${archive}.ok`, `${binary}.ok`].map((it) => writeFile(it, "")));
  process.env.HOME = home;
  // Should it look for more than is there, it must fail, not fetch what nobody has checked.
  globalThis.fetch = () => Promise.reject(new Error("a build fetches nothing but by npm"));
}

/**
 * Node without its symbol table, which is 14 % of it, where there is a tool for that. For Linux alone:
 * Windows has its symbols in files of their own, and on a Mac the signature would have to follow.
 */
async function withoutSymbols(
  node: string,
  platform: Platform | undefined,
  folder: string,
): Promise<string> {
  if (platform?.os !== "linux") return node;
  const output = join(folder, "node");
  const machine = { x64: "x86_64", arm64: "aarch64" }[platform.arch];
  const native = platform === thisPlatform() ? ["strip"] : [];
  for (const strip of [...native, `${machine}-linux-gnu-strip`, "llvm-strip"]) {
    try {
      await run(strip, ["-o", output, node]);
      return output;
    } catch {
      // Not here; or it knows no such machine.
    }
  }
  return node;
}

function target(platform: Platform | undefined) {
  const { os, arch } = platform ?? thisMachine;
  return { platform: os as "linux", arch: arch as "x64", nodeRange: `node${nodeVersion}` };
}
