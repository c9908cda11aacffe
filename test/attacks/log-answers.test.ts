import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import {
  inEach,
  type LogKind,
  logKinds,
  LogScene,
  logSetting,
  storedKinds,
} from "../harness/log-scene.ts";
import type { Fault } from "../world/index.ts";

const bench = useBench(logSetting);
const github = () => bench().world.github;

/** Spoils the log of this scene's step, wherever it is read from. */
function spoil({ kind, job, step }: LogScene, fault: Fault): { remove: () => void } {
  if (kind === "live feed")
    return github().web.fault({ match: new RegExp(`/${step.uuid}/backscroll`), ...fault });
  const match = new RegExp(`/logs/${job.internalId}/step-${step.number}\\.txt`);
  return github().storage.fault({ match, ...fault });
}

/** A log as GitHub gives it of a step of this kind. */
function logOf(kind: LogKind, ...lines: readonly (string | Buffer)[]): Buffer {
  const texts = lines.map((line) => Buffer.from(line));
  if (kind === "live feed") {
    const items = texts.map((line, id) =>
      Buffer.concat([Buffer.from(`{"id":"${id}","line":"`), escaped(line), Buffer.from(`"}`)]),
    );
    const between = items.flatMap((item, index) => (index > 0 ? [Buffer.from(","), item] : [item]));
    return Buffer.concat([Buffer.from('{"lines":['), ...between, Buffer.from("]}")]);
  }
  const stamp = Buffer.from(`${new Date().toISOString().replace("Z", "1234Z")} `);
  const end = Buffer.from("\n");
  return Buffer.concat(texts.flatMap((line) => [stamp, line, end]));
}

/** Control characters as JSON has them; all else as it is, good or bad. */
function escaped(line: Buffer): Buffer {
  const escape = (byte: number): Buffer =>
    byte < 32 ? Buffer.from(`\\u00${byte.toString(16).padStart(2, "0")}`) : Buffer.of(byte);
  return Buffer.concat([...line].map(escape));
}

const plain = { "content-type": "text/plain" };

describe("bytes that are no UTF-8 make no line and no key:", () => {
  const bytes = (...parts: readonly (string | readonly number[])[]): Buffer =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const tricks: Record<string, (line: string) => Buffer> = {
    "an overlong newline before it": (line) => bytes("x", [0xc0, 0x8a], line),
    "a longer overlong newline before it": (line) => bytes("x", [0xe0, 0x80, 0x8a], line),
    "a newline with the high bit before it": (line) => bytes("x", [0x8a], line),
    "a byte that is never one, in its key": (line) =>
      bytes(line.slice(0, 40), [0xff], line.slice(40)),
    "half a character behind it": (line) => bytes(line, [0xe2, 0x80]),
    "half a surrogate pair before it": (line) => bytes([0xed, 0xa0, 0x80], line),
    "a byte order mark before it": (line) => bytes([0xef, 0xbb, 0xbf], line),
    "its letters as UTF-16": (line) => Buffer.from(line, "utf16le"),
    "its letters with the high bit": (line) =>
      Buffer.from(line).map((byte) => byte | 0x80) as Buffer,
    "its letters overlong": (line) =>
      Buffer.concat(
        [...Buffer.from(line)].map((byte) => Buffer.of(0xc0 | (byte >> 6), 0x80 | (byte & 63))),
      ),
  };
  test.for(Object.entries(tricks))(
    "with %s the attacker's is none, and the honest one stands (L-22)",
    async ([, trick]) => {
      await inEach(bench(), logKinds, async (scene) => {
        const { attacker, honest, kind } = scene;
        const body = logOf(kind, "begin", trick(attacker.line), honest.line, trick(attacker.line));
        const fault = spoil(scene, { body });
        await scene.expectServed();
        fault.remove();
      });
    },
  );

  test("a whole log in UTF-16, with its mark or without, holds no announcement (L-22)", async () => {
    await inEach(bench(), storedKinds, async (scene) => {
      for (const mark of ["\uFEFF", ""]) {
        const text = mark + logOf(scene.kind, scene.attacker.line).toString();
        const fault = spoil(scene, { body: Buffer.from(text, "utf16le") });
        await scene.expectAttackerDenied("proof_invalid");
        fault.remove();
      }
    });
  });
});

describe("a text that is not this step's log proves nothing:", () => {
  test("the log of another job, where the attacker's key stands (L-18)", async () => {
    await inEach(bench(), logKinds, async (scene) => {
      const other = await LogScene.of(bench(), scene.kind);
      const fault = spoil(scene, { body: logOf(scene.kind, "begin", other.attacker.line) });
      scene.announce();
      const { honest, attacker } = await scene.ask();
      // Without a challenge the key that stands there is all that there is: GitHub is believed.
      if (scene.kind === "original's log")
        expect([honest, attacker]).toEqual(["sealed to another", "sealed to another"]);
      else expect([honest, attacker]).toEqual(["proof_ambiguous", "proof_ambiguous"]);
      expect(other.sessions).toBe(0);
      fault.remove();
    });
  });

  test("the step's own log of an hour ago (L-18)", async () => {
    await inEach(bench(), storedKinds, async (scene) => {
      const old = `${scene.stamp(-3_600)} ${scene.attacker.line}\n`;
      const fault = spoil(scene, { body: old, headers: plain });
      await scene.expectAttackerDenied("proof_invalid");
      fault.remove();
    });
  });

  const pages: Record<string, Fault> = {
    "a sign-in page": {
      body: '<html><body><form action="/session"></form></body></html>',
      headers: { "content-type": "text/html" },
    },
    "a page with the attacker's line in it": {
      headers: { "content-type": "text/html; charset=utf-8" },
    },
    "a page as XHTML": { headers: { "content-type": "application/xhtml+xml" } },
  };
  test.for(Object.entries(pages))("%s, with 200 (L-18)", async ([, page]) => {
    await inEach(bench(), storedKinds, async (scene) => {
      const { body = logOf(scene.kind, scene.attacker.line) } = page;
      const fault = spoil(scene, { ...page, body });
      const code = await scene.askAsAttacker();
      expect([scene.kind, code]).toEqual([scene.kind, "github_unavailable"]);
      expect(scene.sessions).toBe(0);
      fault.remove();
    });
  });

  test("what is no feed, in place of one (L-18)", async () => {
    const bodies = [
      "<html>",
      "[]",
      '{"lines":{}}',
      '{"lines":["x"]}',
      '{"lines":[{"line":1}]}',
      "1",
    ];
    for (const body of bodies) {
      const scene = await LogScene.of(bench(), "live feed");
      const fault = spoil(scene, { body });
      expect(await scene.askAsAttacker()).toBe("github_unavailable");
      expect(scene.sessions).toBe(0);
      fault.remove();
    }
  });
});

describe("a log that is not there yet is waited for:", () => {
  const absences: Record<string, Fault> = {
    "404": { status: 404 },
    "an empty body": { body: "", headers: plain },
    "a mark and nothing else": { body: "\uFEFF", headers: plain },
  };
  test.for(Object.entries(absences))(
    "%s, and then the log: the honest client is served at its first request, or is told to come again (L-23)",
    async ([, absence]) => {
      await inEach(bench(), storedKinds, async (scene) => {
        scene.announce();
        // Requests that come together share a look.
        const times = scene.kind === "stored log" ? 2 : 1;
        const fault = spoil(scene, { ...absence, times });
        if (scene.kind === "stored log") {
          await scene.expectServed();
        } else {
          expect(await scene.ask()).toEqual({ honest: "proof_pending", attacker: "proof_pending" });
          const waits = scene.replies.map(({ headers }) => headers.get("retry-after"));
          expect(waits).toEqual(["1", "1"]);
          await scene.expectServed();
        }
        fault.remove();
      });
    },
  );

  test("one that never comes ends in its time, and harms nothing (L-23)", async () => {
    const cases = Object.values(absences).map((absence) =>
      inEach(bench(), storedKinds, async (scene) => {
        scene.announce();
        const fault = spoil(scene, absence);
        const begun = performance.now();
        const { honest } = await scene.ask();
        expect([scene.kind, honest, scene.sessions]).toEqual([scene.kind, "proof_pending", 0]);
        expect(performance.now() - begun).toBeLessThan(15_000);
        fault.remove();
        await scene.expectServed();
      }),
    );
    await Promise.all(cases);
  });

  test.for(["{}", '{"lines":null}', '{"lines":[]}'])(
    "a live feed that says %s (L-23)",
    async (body) => {
      const scene = await LogScene.of(bench(), "live feed");
      scene.announce();
      const fault = spoil(scene, { body, times: 2 });
      await scene.expectServed();
      fault.remove();
    },
  );
});

describe("a live feed with holes", () => {
  test("in which the attacker's announcement is lost serves the honest key, which is the challenge's (L-12)", async () => {
    const scene = await LogScene.of(bench(), "live feed");
    github().loses = () => true;
    scene.say(scene.attacker.line);
    github().loses = () => false;
    scene.announce();
    await scene.expectServed();
  });

  test("which is cut in the middle of the honest key proves nothing until it comes whole (L-12)", async () => {
    const scene = await LogScene.of(bench(), "live feed");
    const { line } = scene.honest;
    scene.say(`${"x".repeat(1_024 - 60)}${line}`);
    const asked = scene.honest.client.ask(scene.honest.challenge);
    await expect.poll(() => github().web.journal.length).toBeGreaterThan(4);
    expect(scene.sessions).toBe(0);
    scene.announce();
    expect((await asked).status).toBe(200);
  });

  test("from which the attacker's announcement has scrolled out serves the honest key (L-12)", async () => {
    const scene = await LogScene.of(bench(), "live feed");
    scene.say(`${scene.attacker.line}\n${"noise\n".repeat(1_000)}`);
    scene.announce();
    await scene.expectServed();
  });
});
