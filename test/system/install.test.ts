import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";
import { ended, program } from "../harness/program.ts";
import {
  archiveOf,
  fakeGh,
  fakeUname,
  packed,
  pathOf,
  programOf,
  sumOf,
} from "../harness/release-files.ts";
import { redirect, ReleaseServer } from "../harness/release-server.ts";
import { certificateFile } from "../harness/tls.ts";

// install.sh, with curl, tar and xz as they are. Only gh is a stand-in: the real one asks GitHub.
// apt-get install -y curl xz-utils zip unzip

const repository = "acme/actions2aws";
const tag = "v1.2.3";
const archive = `actions2aws-linux-${process.arch}.tar.xz`;

let server: ReleaseServer;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "actions2aws install "));
  server = await ReleaseServer.start(repository, tag);
  serve(archiveOf(join(folder, "good"), archive, programOf("1.2.3+0123456789ab")));
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** The release has this archive, and its checksum. */
function serve(bytes: Buffer, name = archive): void {
  server.files.set(name, bytes);
  server.files.set(
    "SHA256SUMS",
    `${sumOf("another")}  another-${name}\n${sumOf(bytes)}  ${name}\n`,
  );
}

interface Options {
  readonly env?: Record<string, string>;
  readonly args?: readonly string[];
  readonly path?: string;
  readonly script?: string;
}

const bin = (): string => join(folder, "home/.local/bin");
const installed = (): string => join(bin(), "actions2aws");
const gh = (answer: Parameters<typeof fakeGh>[1] = "attested"): string =>
  fakeGh(join(folder, "gh"), answer);

async function run(options: Options = {}) {
  const { env = {}, args = [], path = pathOf(gh()), script = join(root, "install.sh") } = options;
  mkdirSync(join(folder, "tmp"), { recursive: true });
  return ended("sh", [script, ...args], {
    PATH: path,
    HOME: join(folder, "home"),
    TMPDIR: join(folder, "tmp"),
    ACTIONS2AWS_REPOSITORY: repository,
    ACTIONS2AWS_SERVER_URL: server.url,
    CURL_CA_BUNDLE: certificateFile,
    ...env,
  });
}

/** One line says what is wrong and what to do, and there is nothing new anywhere. */
async function expectNothingInstalled(why: RegExp, options: Options = {}): Promise<void> {
  const before = existsSync(bin()) ? readdirSync(bin()) : null;
  const { exitCode, stdout, stderr } = await run(options);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  const last = stderr.trimEnd().split("\n").at(-1);
  expect(last).toMatch(/^actions2aws: .+; .+\. Nothing was installed\.$/);
  expect(last).toMatch(why);
  expect(existsSync(bin()) ? readdirSync(bin()) : null).toEqual(before);
  expect(readdirSync(join(folder, "tmp"))).toEqual([]);
}

describe("a good release", () => {
  test("is installed, the newest by itself, and starts", async () => {
    expect(await run()).toEqual({
      exitCode: 0,
      stdout: `actions2aws: installed ${tag} as ${installed()}\n`,
      stderr: "",
    });
    expect(await versionOf(installed())).toBe("1.2.3+0123456789ab");
    expect(readdirSync(bin())).toEqual(["actions2aws"]);
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  });

  test("is asked of gh: this file, repository, workflow and tag", async () => {
    await run({ args: [tag], env: { GH_TOKEN: "token for gh" } });
    expect(readFileSync(join(folder, "gh/gh.asked"), "utf8").split("\n").slice(4, -1)).toEqual([
      "--repo",
      repository,
      "--signer-workflow",
      `${repository}/.github/workflows/release.yml`,
      "--source-ref",
      `refs/tags/${tag}`,
      "--deny-self-hosted-runners",
      "--hostname",
      new URL(server.url).host,
    ]);
    const file = server.files.get(archive) as Buffer;
    expect(readFileSync(join(folder, "gh/gh.file"), "utf8")).toContain(sumOf(file));
    expect(server.asked.filter((path) => path.includes("latest"))).toEqual([]);
  });

  // release.yml puts it beside the archives, with the name of the repository that they are of.
  test("is installed by its own copy of the script, which knows where it belongs", async () => {
    const workflow = readFileSync(join(root, ".github/workflows/release.yml"), "utf8");
    const [, command = ""] = /^ *(sed .*) > dist\/release\/install\.sh$/m.exec(workflow) ?? [];
    const stamped = await ended("sh", ["-c", `cd '${root}' && ${command}`], {
      PATH: pathOf(),
      GITHUB_REPOSITORY: repository,
    });
    const script = join(folder, "install.sh");
    writeFileSync(script, stamped.stdout);
    const env = { ACTIONS2AWS_REPOSITORY: "" };
    expect(await run({ script, env })).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("goes into a folder with spaces in its name, over an older one and its links", async () => {
    const there = join(folder, "a folder/with spaces");
    mkdirSync(there, { recursive: true });
    writeFileSync(join(folder, "elsewhere"), programOf("1.2.2"), { mode: 0o755 });
    symlinkSync(join(folder, "elsewhere"), join(there, "actions2aws"));
    expect(await run({ args: [tag, there] })).toMatchObject({ exitCode: 0 });
    expect(await versionOf(join(there, "actions2aws"))).toBe("1.2.3+0123456789ab");
    expect(await versionOf(join(folder, "elsewhere"))).toBe("1.2.2");
  });

  test("is installed without gh only by who says so", async () => {
    const path = pathOf(gh("too old"));
    const env = { ACTIONS2AWS_SKIP_ATTESTATION: "1" };
    await expectNothingInstalled(/gh 2\.68 or newer; install or update/, { path });
    expect(await run({ path, env })).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining("attestation was NOT checked"),
    });
  });

  test("may go back to an older version where that is asked for", async () => {
    writeOld("1.10.0+fedcba987654");
    expect(await run({ env: { ACTIONS2AWS_DOWNGRADE: "1" } })).toMatchObject({ exitCode: 0 });
    expect(await versionOf(installed())).toBe("1.2.3+0123456789ab");
  });

  // The one that was built here, under its own version.
  test("of the real executable", { timeout: 240_000 }, async () => {
    const version = await versionOf(program);
    const real = await ReleaseServer.start(repository, `v${version.split("+")[0]}`);
    const bytes = archiveOf(join(folder, "real"), archive, readFileSync(program));
    real.files.set(archive, bytes);
    real.files.set("SHA256SUMS", `${sumOf(bytes)}  ${archive}\n`);
    try {
      const done = await run({ env: { ACTIONS2AWS_SERVER_URL: real.url } });
      expect(done).toMatchObject({ exitCode: 0, stderr: "" });
      expect(await versionOf(installed())).toBe(version);
    } finally {
      await real.close();
    }
  });
});

describe("other machines", () => {
  test.for([
    ["Linux", "aarch64", "actions2aws-linux-arm64.tar.xz", "actions2aws"],
    ["Linux", "x86_64", "actions2aws-linux-x64.tar.xz", "actions2aws"],
    ["Darwin", "arm64", "actions2aws-macos-arm64.tar.xz", "actions2aws"],
    ["MINGW64_NT-10.0-26100", "x86_64", "actions2aws-windows-x64.zip", "actions2aws.exe"],
  ] as const)("%s on %s", async ([system, machine, name, file]) => {
    serve(archiveOf(join(folder, "other"), name, programOf("1.2.3")), name);
    const path = pathOf(gh(), fakeUname(join(folder, "uname"), system, machine));
    expect(await run({ path })).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await versionOf(join(bin(), file))).toBe("1.2.3");
  });

  test("for which there is no release", async () => {
    const path = pathOf(gh(), fakeUname(join(folder, "uname"), "Linux", "riscv64"));
    await expectNothingInstalled(/no release for Linux riscv64; build it/, { path });
    expect(server.asked).toEqual([]);
  });
});

describe("nothing is installed", () => {
  const sums = (change: (sum: string) => string): void => {
    const bytes = server.files.get(archive) as Buffer;
    server.files.set("SHA256SUMS", change(sumOf(bytes)));
  };

  test("when the checksum is another's", async () => {
    sums(() => `${sumOf("something else")}  ${archive}\n`);
    await expectNothingInstalled(/is not what SHA256SUMS of v1\.2\.3 says/);
  });

  test("when SHA256SUMS lacks the line", async () => {
    sums((sum) => `${sum}  ${archive}.old\n${sum}  x-${archive}\n`);
    await expectNothingInstalled(/does not name actions2aws-linux/);
  });

  test("when SHA256SUMS has it twice", async () => {
    sums((sum) => `${sum}  ${archive}\n${sumOf("x")}  ${archive}\n`);
    await expectNothingInstalled(/more than once/);
  });

  test("when SHA256SUMS is a page of HTML", async () => {
    sums(() => "<!doctype html><title>Not here</title>");
    await expectNothingInstalled(/does not name actions2aws-linux/);
  });

  test("when the download breaks off", async () => {
    const bytes = server.files.get(archive) as Buffer;
    server.files.set(archive, (response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100), () => response.destroy());
    });
    await expectNothingInstalled(/can't be fetched/);
  });

  test("when the download is short, and nobody said how long it would be", async () => {
    const bytes = server.files.get(archive) as Buffer;
    server.files.set(archive, (response) => response.writeHead(200).end(bytes.subarray(0, 100)));
    await expectNothingInstalled(/is not what SHA256SUMS/);
  });

  test("when the release, or the file, is not there", async () => {
    await expectNothingInstalled(/of v9\.9\.9 can't be fetched/, { args: ["v9.9.9"] });
    server.files.delete(archive);
    await expectNothingInstalled(/linux-\w+\.tar\.xz of v1\.2\.3 can't be fetched/);
  });

  test("when a redirect leaves https", async () => {
    const bytes = server.files.get(archive) as Buffer;
    const asked: string[] = [];
    const plain = createServer(({ url = "" }, response) => {
      asked.push(url);
      response.end(bytes);
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const { port } = plain.address() as AddressInfo;
    try {
      server.files.set(archive, (it) => redirect(it, `http://localhost:${port}/${archive}`));
      await expectNothingInstalled(/can't be fetched/);
      expect(asked).toEqual([]);
    } finally {
      plain.close();
    }
  });

  test("when nobody vouches for the server's certificate, whatever ~/.curlrc says", async () => {
    mkdirSync(join(folder, "home"));
    writeFileSync(join(folder, "home/.curlrc"), "insecure\n");
    await expectNothingInstalled(/can't be fetched/, { args: [tag], env: { CURL_CA_BUNDLE: "" } });
    expect(server.asked).toEqual([]);
  });

  test("when gh finds no attestation, and its words are shown", async () => {
    const path = pathOf(gh("not attested"));
    const env = { ACTIONS2AWS_SKIP_ATTESTATION: "1" };
    await expectNothingInstalled(/no attestation of acme\/actions2aws\/\.github\/workflows/, {
      path,
    });
    expect((await run({ path })).stderr).toContain("no attestations found");
    // The checksum alone would have passed.
    expect(await run({ path, env })).toMatchObject({ exitCode: 0 });
  });

  test("in a workflow without an attestation, whatever is asked for", async () => {
    const env = { GITHUB_ACTIONS: "true", ACTIONS2AWS_SKIP_ATTESTATION: "1" };
    await expectNothingInstalled(/no attestation/, { path: pathOf(gh("not attested")), env });
    await expectNothingInstalled(/gh 2\.68 or newer/, { path: pathOf(gh("too old")), env });
  });

  test("over a newer version", async () => {
    for (const newer of ["1.2.4", "1.10.0+fedcba987654", "2.0.0-rc.1"]) {
      writeOld(newer);
      await expectNothingInstalled(/is newer: .*; to go back to v1\.2\.3/);
      expect(await versionOf(installed())).toBe(newer);
    }
    for (const older of ["1.2.3", "1.2.3-rc.1", "0.10.9+abc"]) {
      writeOld(older);
      expect(await run()).toMatchObject({ exitCode: 0 });
    }
  });

  test("in the place of a folder, or where a file is in the way", async () => {
    mkdirSync(installed(), { recursive: true });
    await expectNothingInstalled(/is a folder; name another/);
    writeFileSync(join(folder, "file"), "");
    const inTheWay = [tag, join(folder, "file/bin")];
    await expectNothingInstalled(/can't be made; name another folder/, { args: inTheWay });
  });

  test("when the executable is of another version, or does not start", async () => {
    serve(archiveOf(join(folder, "old"), archive, programOf("1.2.2")));
    await expectNothingInstalled(/says that it is 1\.2\.2/);
    serve(archiveOf(join(folder, "broken"), archive, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0])));
    await expectNothingInstalled(/does not start on this machine/);
  });

  test.for([
    ["a tag that is a path", ["../v1.2.3"], {}, /is not a version/],
    ["no version", ["main"], {}, /is not a version/],
    ["an option", ["v1.2.3 --insecure"], {}, /is not a version/],
    ["plain http", [], { ACTIONS2AWS_SERVER_URL: "http://localhost" }, /begin with https/],
    ["no repository", [], { ACTIONS2AWS_REPOSITORY: "" }, /does not know its repository/],
    ["half a repository", [], { ACTIONS2AWS_REPOSITORY: "acme" }, /not OWNER\/NAME/],
    ["a longer path", [], { ACTIONS2AWS_REPOSITORY: "a/b/../c" }, /not OWNER\/NAME/],
  ] as const)("for %s", async ([, args, env, why]) => {
    await expectNothingInstalled(why, { args, env });
    expect(server.asked).toEqual([]);
  });
});

describe("an archive with tricks", () => {
  const tricked = (): string => {
    const tricks = join(folder, "tricks");
    mkdirSync(join(tricks, "actions2aws.d"), { recursive: true });
    writeFileSync(join(tricks, "evil"), programOf("evil"), { mode: 0o755 });
    writeFileSync(join(tricks, "good"), programOf("1.2.3"), { mode: 0o755 });
    return tricks;
  };

  test("holds a link in the place of the program", async () => {
    const tricks = tricked();
    symlinkSync("/bin/sh", join(tricks, "actions2aws"));
    serve(packed(tricks, archive, ["actions2aws"]));
    await expectNothingInstalled(/holds no file actions2aws/);
  });

  test("holds a folder in its place", async () => {
    const tricks = tricked();
    const rename = ["--transform=s,^actions2aws.d,actions2aws,"];
    serve(packed(tricks, archive, ["actions2aws.d"], rename));
    await expectNothingInstalled(/holds no file actions2aws/);
  });

  test("lacks it", async () => {
    serve(packed(tricked(), archive, ["evil"]));
    await expectNothingInstalled(/can't be unpacked/);
  });

  test("wants to write elsewhere: only the program is taken", async () => {
    const tricks = tricked();
    const aim = join(folder, "home/.profile");
    const rename = ["-P", `--transform=s,^evil,${aim},`, "--transform=s,^good,actions2aws,"];
    serve(packed(tricks, archive, ["evil", "good"], rename));
    expect(await run()).toMatchObject({ exitCode: 0, stderr: "" });
    expect(existsSync(aim)).toBe(false);
    expect(await versionOf(installed())).toBe("1.2.3");
  });

  test("is no archive at all", async () => {
    serve(Buffer.from("not an archive"));
    await expectNothingInstalled(/can't be unpacked/);
  });
});

function writeOld(version: string): void {
  mkdirSync(bin(), { recursive: true });
  writeFileSync(installed(), programOf(version), { mode: 0o755 });
}

async function versionOf(file: string): Promise<string> {
  return (await ended(file, ["--version"])).stdout.trim();
}
