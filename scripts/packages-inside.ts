import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, root } from "./bundle.ts";

/** What a package says of itself. */
export interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly homepage?: string;
  readonly repository?: string | { readonly url: string };
}

/** The folders of the packages that the executable's bundles are made of: esbuild knows which went in. */
export async function packagesInside(): Promise<string[]> {
  const { main, commands } = await bundle("executable");
  const files = [main, ...commands].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  return [...new Set(folders)].toSorted();
}

export function packageFile(folder: string): PackageFile {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as PackageFile;
}

/** npm's name for a package in a folder, like `undici@8.12.4`. */
export function referenceOf(folder: string): string {
  const { name, version } = packageFile(folder);
  return `${name}@${version}`;
}
