import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { generateAgeKey, identityFileText } from "../../src/cli/age-key.ts";
import { keepOrMakeIdentity, makeIdentity, readIdentity } from "../../src/cli/identity-file.ts";
import type { IdentityPlace } from "../../src/cli/identity-path.ts";
import { launcher, launcherInShell, start } from "./launcher.ts";
import { temporaryFolder, testHost } from "./test-host.ts";

const host = testHost();
const isRoot = process.getuid?.() === 0;

function ownPlace(): IdentityPlace {
  return {
    path: join(temporaryFolder(), "actions2aws", "identity"),
    ownFolder: true,
    warning: null,
  };
}

function placeOf(path: string, ownFolder = false): IdentityPlace {
  return { path, ownFolder, warning: null };
}

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}

function withFile(text = identityFileText(generateAgeKey(), 0), fileMode = 0o600): IdentityPlace {
  const place = ownPlace();
  mkdirSync(dirname(place.path), { mode: 0o700 });
  writeFileSync(place.path, text, { mode: fileMode });
  chmodSync(place.path, fileMode);
  return place;
}

describe("making", () => {
  test("the folder is 0700, the file 0600, and nothing else is there", () => {
    const place = ownPlace();
    const key = makeIdentity(place, host, { replace: false });
    expect(mode(dirname(place.path))).toBe(0o700);
    expect(mode(place.path)).toBe(0o600);
    expect(readdirSync(dirname(place.path))).toEqual(["identity"]);
    expect(readIdentity(place)?.publicKey).toBe(key?.publicKey);
  });

  test("missing folders above are made, private too", () => {
    const folder = temporaryFolder();
    makeIdentity(placeOf(join(folder, "a", "b", "key")), host, { replace: false });
    expect([mode(join(folder, "a")), mode(join(folder, "a", "b"))]).toEqual([0o700, 0o700]);
  });

  test("our own folder is made private again", () => {
    const place = ownPlace();
    mkdirSync(dirname(place.path));
    chmodSync(dirname(place.path), 0o777);
    makeIdentity(place, host, { replace: false });
    expect(mode(dirname(place.path))).toBe(0o700);
  });

  test("a folder that the user chose keeps its mode", () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    makeIdentity(placeOf(join(folder, "key")), host, { replace: false });
    expect(mode(folder)).toBe(0o755);
    expect(mode(join(folder, "key"))).toBe(0o600);
  });

  test("a folder that everybody can write is refused, unless it is sticky", () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o777);
    const place = placeOf(join(folder, "key"));
    expect(() => makeIdentity(place, host, { replace: false })).toThrow(/written by everybody/);
    expect(readdirSync(folder)).toEqual([]);
    chmodSync(folder, 0o1777);
    expect(makeIdentity(place, host, { replace: false })).not.toBeNull();
  });

  test("what is there stays, whole, unless it is to be replaced", () => {
    const place = withFile("precious");
    expect(makeIdentity(place, host, { replace: false })).toBeNull();
    expect(readFileSync(place.path, "utf8")).toBe("precious");
    expect(readdirSync(dirname(place.path))).toEqual(["identity"]);
    expect(makeIdentity(place, host, { replace: true })).not.toBeNull();
    expect(readIdentity(place)).not.toBeNull();
  });

  test.each([
    ["a symbolic link", (path: string, victim: string) => symlinkSync(victim, path)],
    ["a hard link", (path: string, victim: string) => linkSync(victim, path)],
    ["a dangling link", (path: string, victim: string) => symlinkSync(`${victim}-absent`, path)],
    ["a FIFO", (path: string) => void spawnSync("mkfifo", [path])],
  ])("%s at the path is never written through, by force or not", (_name, plant) => {
    const place = ownPlace();
    mkdirSync(dirname(place.path), { mode: 0o700 });
    const victim = join(temporaryFolder(), "victim");
    writeFileSync(victim, "untouched", { mode: 0o644 });
    plant(place.path, victim);
    expect(makeIdentity(place, host, { replace: false })).toBeNull();
    expect(makeIdentity(place, host, { replace: true })).not.toBeNull();
    expect(readFileSync(victim, "utf8")).toBe("untouched");
    expect(existsSync(`${victim}-absent`)).toBe(false);
    expect(lstatSync(place.path).isFile()).toBe(true);
    expect(mode(place.path)).toBe(0o600);
  });

  test.each([true, false])("a symbolic link in place of the folder is refused (own: %s)", (own) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "target"));
    symlinkSync(join(folder, "target"), join(folder, "actions2aws"));
    const place = placeOf(join(folder, "actions2aws", "identity"), own);
    expect(() => makeIdentity(place, host, { replace: true })).toThrow(/symbolic link/);
    expect(() => keepOrMakeIdentity(place, host)).toThrow(/symbolic link/);
    expect(readdirSync(join(folder, "target"))).toEqual([]);
  });

  test("a file in place of the folder, or a folder in place of the file, is an error and stays", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "x");
    expect(() =>
      makeIdentity(placeOf(join(folder, "file", "key")), host, { replace: true }),
    ).toThrow(/not a folder/);
    mkdirSync(join(folder, "key", "inside"), { recursive: true });
    expect(() => makeIdentity(placeOf(join(folder, "key")), host, { replace: true })).toThrow(
      /cannot be written/,
    );
    expect(readdirSync(folder).toSorted()).toEqual(["file", "key"]);
  });

  test.runIf(isRoot)("our own folder in the hands of another user is refused", () => {
    const place = ownPlace();
    mkdirSync(dirname(place.path), { mode: 0o700 });
    chownSync(dirname(place.path), 12_345, 12_345);
    expect(() => makeIdentity(place, host, { replace: true })).toThrow(/another user/);
  });

  test.each(["000", "022", "077", "777"])("with umask %s the modes are the same", async (mask) => {
    const folder = temporaryFolder();
    const env = { RUNNER_TEMP: folder };
    const { code } = await start(["sh", "-c", `umask ${mask}; ${launcherInShell} keygen`], env)
      .ended;
    expect(code).toBe(0);
    expect(mode(join(folder, "actions2aws"))).toBe(0o700);
    expect(mode(join(folder, "actions2aws", "identity"))).toBe(0o600);
  });

  test("a write that fails half-way leaves what was there, whole", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "actions2aws", "identity");
    const script = `ulimit -f 0; ${launcherInShell} keygen --force`;
    const first = await start(["sh", "-c", script], { RUNNER_TEMP: folder }).ended;
    expect(first.code).not.toBe(0);
    expect(first.out).toBe("");
    expect(existsSync(path)).toBe(false);
    await start([...launcher, "keygen"], { RUNNER_TEMP: folder }).ended;
    const before = readFileSync(path, "utf8");
    expect((await start(["sh", "-c", script], { RUNNER_TEMP: folder }).ended).code).not.toBe(0);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("many at once agree on one identity (C-16)", async () => {
    const env = { RUNNER_TEMP: temporaryFolder(), GITHUB_ACTIONS: "true" };
    const all = await Promise.all(
      Array.from({ length: 6 }, () => start([...launcher, "keygen"], env).ended),
    );
    expect(new Set(all.map(({ out }) => out)).size).toBe(1);
    expect(all.map(({ code }) => code)).toEqual(all.map(() => 0));
  });
});

describe("reading", () => {
  test("no file, no identity", () => {
    expect(readIdentity(ownPlace())).toBeNull();
  });

  test.each([0o640, 0o604, 0o660, 0o644, 0o777, 0o610, 0o601])(
    "mode %o is refused, with the cure",
    (bits) => {
      expect(() => readIdentity(withFile(undefined, bits))).toThrow(/chmod 600.*keygen --force/);
    },
  );

  test.each([0o600, 0o400])("mode %o is taken", (bits) => {
    expect(readIdentity(withFile(undefined, bits))).not.toBeNull();
  });

  test("a symbolic link is refused", () => {
    const target = withFile();
    const link = join(temporaryFolder(), "key");
    symlinkSync(target.path, link);
    expect(() => readIdentity(placeOf(link))).toThrow(/symbolic link/);
  });

  test("a hard link is refused", () => {
    const target = withFile();
    const link = join(temporaryFolder(), "key");
    linkSync(target.path, link);
    expect(() => readIdentity(placeOf(link))).toThrow(/hard link/);
  });

  test("a FIFO is refused at once", () => {
    const path = join(temporaryFolder(), "key");
    spawnSync("mkfifo", ["-m", "600", path]);
    expect(() => readIdentity(placeOf(path))).toThrow(/not a regular file/);
  });

  test("a folder is refused", () => {
    const path = join(temporaryFolder(), "key");
    mkdirSync(path, { mode: 0o700 });
    expect(() => readIdentity(placeOf(path))).toThrow(/not a regular file/);
  });

  test.runIf(isRoot)("another user's file is refused", () => {
    const place = withFile();
    chownSync(place.path, 12_345, 12_345);
    expect(() => readIdentity(place)).toThrow(/another user/);
  });

  test("a huge file is refused without reading it", () => {
    expect(() => readIdentity(withFile("#".repeat(70_000)))).toThrow(/too large/);
  });

  test("a file that holds no identity is refused, and not quoted", () => {
    expect(() => readIdentity(withFile("AGE-SECRET-KEY-1BROKEN"))).toThrow(/does not hold/);
    expect(() => readIdentity(withFile("AGE-SECRET-KEY-1BROKEN"))).not.toThrow(/BROKEN/);
  });
});
