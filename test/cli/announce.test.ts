import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { announceWhile } from "../../src/cli/announce.ts";
import { liveFeed } from "../../src/cli/live-feed.ts";
import { temporaryFolder, testHost } from "./test-host.ts";

const line = "ACTIONS2AWS PROOF: age1x y";

test("at once, and again every second until answered; each a line of its own", async () => {
  const host = testHost();
  const pauses: number[] = [];
  let printed = 0;
  const answered = Promise.withResolvers<string>();
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    pauses.push(ms);
    printed = host.err.split("\n").length - 1;
    if (pauses.length < 4) return Promise.resolve();
    answered.resolve("answer");
    return new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));
  };
  const path = join(temporaryFolder(), "3.live");
  let first = 0;
  const answer = announceWhile(line, { stderr: host.stderr, sleep }, liveFeed(path), () => {
    first = printed;
    return answered.promise;
  });
  expect(await answer).toBe("answer");
  expect({ first, pauses }).toEqual({ first: 1, pauses: [1_000, 1_000, 1_000, 1_000] });
  expect(host.err).toBe(`${line}\n`.repeat(4));
  const items = readFileSync(path, "utf8").trimEnd().split("\n");
  expect(items).toEqual([1, 2, 3, 4].map((id) => JSON.stringify({ id, line })));
});

test("it ends when the work fails, too", async () => {
  const host = testHost();
  await expect(
    announceWhile(line, host, null, () => Promise.reject(new Error("no"))),
  ).rejects.toThrow("no");
  expect(host.err).toBe(`${line}\n`);
});

test.each([
  ["", 1],
  [`{"id":41,"line":"x"}\n`, 42],
  [`{"id":41,"line":"x"}`, 42],
  ["not JSON\n", 1],
  ["null\n", 1],
])("the feed goes on behind %j with id %d", (before, id) => {
  const path = join(temporaryFolder(), "3.live");
  writeFileSync(path, before);
  liveFeed(path).append(line);
  expect(readFileSync(path, "utf8").trimEnd().split("\n").at(-1)).toBe(
    JSON.stringify({ id, line }),
  );
});

test("a feed that cannot be written is an error that names the option", () => {
  expect(() => liveFeed("/nowhere/at/all/3.live").append(line)).toThrow(/--announce-to.*ENOENT/);
});
