import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { root, writeWhole } from "./bundle.ts";
import { type PackageFile, packageFile, packagesInside } from "./packages-inside.ts";
import { nodeVersion } from "./platforms.ts";

/**
 * Writes dist/THIRD-PARTY-NOTICES: the licence of each package that is inside the executable, and Node's,
 * which holds those of what Node is made of. Releases bring it, since the licences ask for that.
 */
const path = join(root, "dist/THIRD-PARTY-NOTICES");
const packages = (await packagesInside()).map((folder) => {
  const about = packageFile(folder);
  return { about, text: licenceIn(join(root, folder)) };
});
const entries = packages.map(({ about, text }) => entry(about, text ?? licenceOfSibling(about)));
const node = entry(
  { name: "Node.js", version: nodeVersion, license: "MIT", homepage: "https://nodejs.org" },
  licenceIn(nodeFolder()) ?? missing("Node.js"),
);

const opening = `actions2aws is made with the works below, each under its own licence. They are unchanged, but
for being joined into one program and freed of what it does not use; their sources are at the addresses given, and in
the npm registry under the same names and versions.
`;
await writeWhole(path, [opening, ...entries, node].join(`\n${"-".repeat(80)}\n\n`));
process.stdout.write(`dist/THIRD-PARTY-NOTICES  ${entries.length} packages, and Node.js\n`);

function entry(about: PackageFile, text: string): string {
  const { name, version, license = missing(name) } = about;
  return `${name} ${version} (${license})\n${addressOf(about)}\n\n${text.trim()}\n`;
}

function licenceIn(folder: string): string | undefined {
  const names = readdirSync(folder).filter((it) => /^(?:licen[cs]e|copying|notice)\b/i.test(it));
  const texts = names.toSorted().map((it) => readFileSync(join(folder, it), "utf8").trim());
  return texts.length > 0 ? texts.join("\n\n") : undefined;
}

/** Some packages of a repository bring no licence, where others, under the same, do. */
function licenceOfSibling({ name, license, ...about }: PackageFile): string {
  const address = addressOf({ name, ...about });
  const sibling = packages.find((it) => {
    return it.text && it.about.license === license && addressOf(it.about) === address;
  });
  return sibling?.text ?? missing(name);
}

function addressOf({ name, homepage, repository }: PackageFile): string {
  const url = typeof repository === "object" ? repository.url : repository;
  const address = url ?? homepage ?? missing(name);
  const plain = address.replace(/^(?:git\+|github:|git@github\.com:)/, "").replace(/\.git$/, "");
  if (/^[\w-]+\/[\w.-]+$/.test(plain)) return `https://github.com/${plain}`;
  return plain.replace(/^(?:git|ssh):\/\/(?:git@)?/, "https://");
}

/** The package `node` has installed the one that is for this machine inside itself. */
function nodeFolder(): string {
  const { os, arch } = { os: process.platform, arch: process.arch };
  const prefixes = ["node", "node-bin"].map((it) => `${it}-${os}-${arch}`);
  const near = createRequire(join(root, "node_modules/node/package.json"));
  const folders = near.resolve.paths("x")?.flatMap((it) => prefixes.map((name) => join(it, name)));
  return folders?.find((it) => existsSync(it)) ?? dirname(near.resolve("./package.json"));
}

function missing(name: string): never {
  throw new Error(`${name} does not say under which licence it is`);
}
