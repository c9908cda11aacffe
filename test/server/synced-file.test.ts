import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { SyncedFile } from "../../src/server/synced-file.ts";
import { code } from "../core/golden.ts";
import { makeFolder } from "./folder.ts";

function open(path = join(makeFolder(), "lines")): {
  file: SyncedFile;
  path: string;
  lines: () => string[];
} {
  const file = new SyncedFile(path);
  onTestFinished(() => file.close());
  return { file, path, lines: () => readFileSync(path, "utf8").split("\n").slice(0, -1) };
}

describe("appending", () => {
  test("a line is in the file when its promise resolves, and the file is its owner's alone", async () => {
    const { file, path } = open();
    await file.append("one");
    expect(readFileSync(path, "utf8")).toBe("one\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("a thousand at once stay in order, each a line of its own", async () => {
    const { file, lines } = open();
    const wanted = Array.from({ length: 1_000 }, (_, at) => `line ${at}`);
    const settled: string[] = [];
    await Promise.all(
      wanted.map(async (line) => {
        await file.append(line);
        settled.push(line);
        expect(lines()).toContain(line);
      }),
    );
    expect(lines()).toEqual(wanted);
    expect(settled).toEqual(wanted);
  });

  test("what is there already is kept", async () => {
    const path = join(makeFolder(), "lines");
    writeFileSync(path, "before\n");
    const { file, lines } = open(path);
    await file.append("after");
    expect(lines()).toEqual(["before", "after"]);
  });

  test("F-08: after half a line of a crash, the next begins on a line of its own", async () => {
    const path = join(makeFolder(), "lines");
    writeFileSync(path, 'whole\n{"half');
    const { file, lines } = open(path);
    await file.append("next");
    await file.append("more");
    expect(lines()).toEqual(["whole", '{"half', "next", "more"]);
  });
});

describe("F-07, F-18: rotation", () => {
  test("a file that was renamed goes on under its name", async () => {
    const { file, path, lines } = open();
    await file.append("one");
    renameSync(path, `${path}.1`);
    await file.append("two");
    expect(lines()).toEqual(["two"]);
    expect(readFileSync(`${path}.1`, "utf8")).toBe("one\n");
  });

  test("so does one that was deleted, or replaced", async () => {
    const { file, path, lines } = open();
    await file.append("one");
    rmSync(path);
    await file.append("two");
    expect(lines()).toEqual(["two"]);
    renameSync(path, `${path}.1`);
    writeFileSync(path, "fresh\n");
    await file.append("three");
    expect(lines()).toEqual(["fresh", "three"]);
  });

  test("without its folder nothing can be written, and with it again all can", async () => {
    const path = join(makeFolder(), "folder", "lines");
    mkdirSync(join(path, ".."));
    const { file, lines } = open(path);
    await file.append("one");
    rmSync(join(path, ".."), { recursive: true });
    await expect(file.append("lost")).rejects.toThrow(code("audit_unavailable"));
    mkdirSync(join(path, ".."));
    await file.append("two");
    expect(lines()).toEqual(["two"]);
  });
});

describe("F-07: what can't be written is refused", () => {
  test.skipIf(!existsSync("/dev/full"))("on a full disk, all that wait", async () => {
    const { file } = open("/dev/full");
    const results = await Promise.allSettled(["a", "b", "c"].map((line) => file.append(line)));
    for (const result of results) {
      expect(result).toEqual({
        status: "rejected",
        reason: code("audit_unavailable", { note: "audit: ENOSPC" }),
      });
    }
    await expect(file.append("d")).rejects.toThrow(code("audit_unavailable"));
  });

  test("on a path that is a folder", async () => {
    await expect(open(makeFolder()).file.append("x")).rejects.toThrow(code("audit_unavailable"));
  });

  test("and who comes after a failure is served", async () => {
    const path = join(makeFolder(), "late", "lines");
    const { file, lines } = open(path);
    await expect(file.append("lost")).rejects.toThrow(code("audit_unavailable"));
    mkdirSync(join(path, ".."));
    await file.append("kept");
    expect(lines()).toEqual(["kept"]);
  });
});

test("a device is written to, though it can't be synced", async () => {
  await expect(open("/dev/null").file.append("x")).resolves.toBeUndefined();
});

describe("clearing", () => {
  test("empties the file", async () => {
    const { file, lines } = open();
    await file.append("one");
    await file.clear();
    expect(lines()).toEqual([]);
    await file.append("two");
    expect(lines()).toEqual(["two"]);
  });

  test("loses no line that is on its way", async () => {
    const { file, lines } = open();
    await file.append("one");
    const appending = file.append("two");
    await file.clear();
    await appending;
    expect(lines()).toContain("two");
  });

  test("F-08: empties a file of an earlier life, even before the first line of this one", async () => {
    const path = join(makeFolder(), "lines");
    writeFileSync(path, "earlier\n");
    const { file, lines } = open(path);
    await file.clear();
    expect(lines()).toEqual([]);
  });
});
