import { execFileSync, type StdioOptions } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild";

export const root = join(import.meta.dirname, "..");

/** The script that starts, with what keygen needs. Its name is the program's. */
const main = { name: "actions2aws", entry: "src/cli/main.ts" };

/** Commands that become bundles of their own, so that a start reads only what it needs. */
const separate = ["request", "serve", "record", "explain", "verify-audit", "probe"];

/**
 * Modules that the other bundles take from the main one. A class in two bundles is two classes: the
 * main script would not know a command's failure by `instanceof`.
 */
const shared = ["src/cli/failure.ts"];

/** Where the main bundle finds the commands: in files beside it, or inside the executable. */
export type Home = "files" | "executable";

type Minified = Pick<BuildOptions, "minify" | "minifySyntax" | "minifyWhitespace">;

export interface Bundle {
  readonly name: string;
  readonly code: string;
  readonly metafile: Metafile;
}

export interface Bundles {
  readonly main: Bundle;
  readonly commands: readonly Bundle[];
}

export async function bundle(home: Home): Promise<Bundles> {
  const version = await versionWithCommit();
  const commands = new Set<string>();
  const plugins = [separateCommands(home, commands), lateChildProcess];
  const mainBundle = await bundleOne(main.name, main.entry, version, plugins);
  const ofCommand = (name: string) => {
    return bundleOne(name, `src/cli/${name}.ts`, version, [sharedFromMain]);
  };
  return { main: mainBundle, commands: await Promise.all([...commands].toSorted().map(ofCommand)) };
}

/** The scripts of the actions, by their paths. They are in git: nothing but their sources may change them. */
export async function bundleActions(): Promise<Bundle[]> {
  const { version } = await packageJson();
  const scripts = ["keygen", "request"].flatMap((action) => [
    { name: `${action}/index`, entry: `src/action/${action}.ts` },
    { name: `${action}/post`, entry: "src/action/post.ts" },
  ]);
  const small = { minify: true };
  return Promise.all(scripts.map(({ name, entry }) => bundleOne(name, entry, version, [], small)));
}

async function bundleOne(
  name: string,
  entry: string,
  version: string,
  plugins: Plugin[],
  // Identifiers stay as they are: stack traces keep their names, and it costs no time at start.
  how: Minified = { minifySyntax: true, minifyWhitespace: true },
): Promise<Bundle> {
  const { outputFiles, metafile, warnings } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: `${name}.cjs`,
    plugins,
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "cjs",
    target: "node24",
    define: { ACTIONS2AWS_VERSION: JSON.stringify(version) },
    ...how,
    legalComments: "none",
    // A script inside the executable cannot use import(), so that it becomes require().
    supported: { "dynamic-import": false },
    logLevel: "silent",
  });
  const [output] = outputFiles;
  if (output === undefined || warnings.length > 0) {
    throw new Error(`${entry}: ${warnings.map(({ text }) => text).join("; ")}`);
  }
  return { name, code: output.text, metafile };
}

/** A bundle as text that evaluates to a function: what load-command.ts runs. */
export function asFunction({ code }: Bundle): string {
  return `(function (exports, require, module) {${code}\n})`;
}

/** Makes `import("./request.ts")` in the main script load that command's own bundle. */
function separateCommands(home: Home, found: Set<string>): Plugin {
  const load = home === "files" ? "loadFromFile" : "loadFromExecutable";
  const given = shared.map((path) => `"${path}": require("./${path}")`).join();
  return {
    name: "separate-commands",
    setup(esbuild) {
      esbuild.onResolve({ filter: /^\.\/[a-z-]+\.ts$/ }, ({ kind, resolveDir, path }) => {
        const name = basename(path, ".ts");
        const isCommand = kind === "dynamic-import" && resolveDir === join(root, "src/cli");
        if (!isCommand || !separate.includes(name)) return undefined;
        found.add(name);
        return { path: name, namespace: "command" };
      });
      esbuild.onLoad({ filter: /.*/, namespace: "command" }, ({ path }) => {
        const call = `require("./scripts/load-command.ts").${load}("${path}", { ${given} })`;
        return { contents: `module.exports = ${call}`, resolveDir: root };
      });
    },
  };
}

const sharedFromMain: Plugin = {
  name: "shared-from-main",
  setup(esbuild) {
    esbuild.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, resolveDir }) => {
      const id = relative(root, join(resolveDir, path));
      return shared.includes(id) ? { path: id, external: true } : undefined;
    });
  },
};

/** commander loads child_process for a feature that is not used here: 3 ms at each start. */
const lateChildProcess: Plugin = {
  name: "late-child-process",
  setup(esbuild) {
    esbuild.onResolve({ filter: /^node:child_process$/ }, (args) => {
      return args.importer.includes("/node_modules/commander/")
        ? { path: args.path, namespace: "late" }
        : undefined;
    });
    esbuild.onLoad({ filter: /.*/, namespace: "late" }, () => {
      const contents = `export default { spawn: (...args) => require("child_process").spawn(...args) }`;
      return { contents };
    });
  },
};

async function versionWithCommit(): Promise<string> {
  const { version } = await packageJson();
  const commit = gitCommit();
  return commit === null ? version : `${version}+${commit}`;
}

async function packageJson(): Promise<{ version: string }> {
  const text = await readFile(join(root, "package.json"), "utf8");
  return JSON.parse(text) as { version: string };
}

function gitCommit(): string | null {
  try {
    const args = ["describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=.dirty"];
    const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
    return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio }).trim() || null;
  } catch {
    return null;
  }
}

/** Writes a file whole, so that a process that runs it at this moment is not disturbed. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, data);
  await rename(temporary, path);
}
