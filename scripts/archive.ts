import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./bundle.ts";
import { type Platform, platformNamed } from "./platforms.ts";

/**
 * Packs what `npm run build -- --platform …` has made, with the licences that go with it, for a release:
 * dist/release/actions2aws-PLATFORM.tar.xz, or .zip for Windows. The names have no version in them, so that
 * the newest one is always at the same address. Needs GNU tar, xz and zip.
 */
const { values: asked, positionals } = parseArgs({
  allowPositionals: true,
  // For tests, which throw it away.
  options: { fast: { type: "boolean", default: false } },
});
/** Nothing of the machine that packs. */
const tarOptions = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
const level = asked.fast ? "-1" : "-9";
const release = join(root, "dist/release");
mkdirSync(release, { recursive: true });
for (const name of positionals) archive(platformNamed(name));

function archive(platform: Platform): void {
  const program = platform.os === "win" ? "actions2aws.exe" : "actions2aws";
  const made = join(root, "dist", platform.name, program);
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-archive-"));
  try {
    copyFileSync(made, join(folder, program));
    // What has passed through a store of artifacts has lost it.
    chmodSync(join(folder, program), 0o755);
    copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
    copyFileSync(join(root, "dist/THIRD-PARTY-NOTICES"), join(folder, "THIRD-PARTY-NOTICES"));
    const output = join(release, `actions2aws-${platform.name}.${suffixOf(platform)}`);
    rmSync(output, { force: true });
    const files = [program, "LICENSE", "THIRD-PARTY-NOTICES"];
    if (platform.os === "win") run("zip", ["-qX", level, output, ...files], folder);
    else run("tar", [...tarOptions, "-I", `xz ${level}`, "-cf", output, ...files], folder);
    const sizes = [made, output].map((it) => `${(statSync(it).size / 1e6).toFixed(1)} MB`);
    console.log([relative(root, output), ...sizes].join("  "));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function suffixOf({ os }: Platform): string {
  return os === "win" ? "zip" : "tar.xz";
}

function run(program: string, args: readonly string[], folder: string): void {
  execFileSync(program, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
}
