import { builtinModules } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import type { Metafile } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { bundle, type Bundles, root } from "../../scripts/bundle.ts";

describe("a command's bundle holds what the command needs, and no more", () => {
  let bundles: Bundles;
  beforeAll(async () => {
    bundles = await bundle("files");
  });

  test("the script that starts, with keygen", () => {
    expect(packages(bundles.main.metafile)).toEqual(["@scure/base", "commander"]);
    expect(folders(bundles.main.metafile)).not.toContain("src/server");
  });

  test("request", () => {
    const { metafile } = command("request");
    expect(folders(metafile)).not.toContain("src/server");
    expect(packages(metafile)).not.toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(@aws-sdk|@smithy|@octokit|@hono)\/|^(hono|zod|pino|commander)$/),
      ]),
    );
  });

  test("serve", () => {
    expect(folders(command("serve").metafile)).toContain("src/server");
  });

  function command(name: string) {
    const found = bundles.commands.find((it) => it.name === name);
    if (!found) throw new Error(`there is no bundle of ${name}`);
    return found;
  }
});

test("core and all that it uses needs neither Node nor a network", async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/core/*.ts"],
    outdir: join(root, "dist"),
    bundle: true,
    write: false,
    metafile: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    format: "esm",
    logLevel: "silent",
    plugins: [
      {
        name: "no-node",
        setup(esbuild) {
          esbuild.onResolve({ filter: /^[^.]/ }, ({ path }) => {
            const isNode = path.startsWith("node:") || builtinModules.includes(path);
            return isNode ? { errors: [{ text: `${path} in core` }] } : undefined;
          });
        },
      },
    ],
  });
  expect(folders(metafile).filter((it) => it.startsWith("src/"))).toEqual(["src/core"]);
  expect(packages(metafile)).toEqual(
    expect.arrayContaining(["@scure/base", "age-encryption", "zod"]),
  );
});

function packages({ inputs }: Metafile): string[] {
  const names = Object.keys(inputs).flatMap((path) => {
    const name = path.split("node_modules/").at(-1);
    return path.includes("node_modules/") && name !== undefined ? [packageOf(name)] : [];
  });
  return [...new Set(names)].toSorted();
}

function packageOf(path: string): string {
  return path.split("/", path.startsWith("@") ? 2 : 1).join("/");
}

function folders({ inputs }: Metafile): string[] {
  const names = Object.keys(inputs).map((path) => path.split("/", 2).join("/"));
  return [...new Set(names)].toSorted();
}
