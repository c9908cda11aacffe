import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root, writeWhole } from "./bundle.ts";

/** The folder that is deployed; the configuration is put beside the handler. */
const file = join(root, "dist/lambda/index.mjs");

const { outputFiles, warnings } = await build({
  absWorkingDir: root,
  entryPoints: ["src/server/lambda/main.ts"],
  bundle: true,
  write: false,
  platform: "node",
  format: "esm",
  target: "node22",
  // What was written as CommonJS asks for Node's modules in its own way.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  logLevel: "silent",
});
const [output] = outputFiles;
if (output === undefined || warnings.length > 0)
  throw new Error(warnings.map(({ text }) => text).join("; "));
await writeWhole(file, output.contents);
const { size } = await stat(file);
const zipped = gzipSync(output.contents).length;
console.log(
  `${relative(root, file)}  ${(size / 1e6).toFixed(1)} MB, ${(zipped / 1e6).toFixed(1)} MB zipped`,
);
