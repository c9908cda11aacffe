import { test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { inEach, logKinds, LogScene, logSetting, storedKinds } from "../harness/log-scene.ts";

const bench = useBench(logSetting);

/** Gets the text of an attacker's, a whole announcement, into the log of the pinned step. */
type Place = (scene: LogScene, text: string) => void;
type Arrange = (scene: LogScene) => void;

const says =
  (outputOf: (text: string) => string): Place =>
  (to, text) =>
    to.say(outputOf(text));

const stale = 400 * 24 * 3_600;

/** Where an attacker's text is a whole line, it stands against the honest one: nobody can tell them apart. */
const lines: Record<string, [code: string, place: Place, live?: "served"]> = {
  "a line of the step's own output (L-07)": ["proof_ambiguous", says((text) => text)],
  "what stands behind a lone CR of its output (L-05)": [
    "proof_ambiguous",
    says((text) => `title: x\r${text}`),
  ],
  "what stands before a lone CR (L-05)": ["proof_ambiguous", says((text) => `${text}\r(#7)`)],
  "a line outside the marks of an action (L-11)": [
    "proof_ambiguous",
    says((text) => `##[start-action id=x]\nsomething\n##[end-action id=x]\n${text}`),
  ],
  "a line with a forged time of this step in a value of env (L-02, L-10)": [
    "proof_ambiguous",
    (to, text) => to.header({ env: { BODY: `x\n${to.stamp()} ${text}` } }),
    "served",
  ],
  "a line with a forged time of this step behind a command's newline (L-04)": [
    "proof_ambiguous",
    (to, text) => to.say(`title: ##[group]x%0A${to.stamp()} ${text}`),
    "served",
  ],
  "a line with a forged time of long ago in a value of env (L-02, L-10)": [
    "proof_invalid",
    (to, text) => to.header({ env: { BODY: `x\n${to.stamp(-stale)} ${text}` } }),
    "served",
  ],
  "a line with a forged time of long ago behind a command's newline (L-04, L-10)": [
    "proof_invalid",
    (to, text) => to.say(`##[group]x%0A${to.stamp(-stale)} ${text}`),
    "served",
  ],
  "a line with a forged time to come (L-04, L-10)": [
    "proof_invalid",
    (to, text) => to.say(`::notice::x%0A${to.stamp(stale)} ${text}`),
    "served",
  ],
  "a line with a time that is none (L-10)": [
    "proof_invalid",
    (to, text) => to.say(`::notice::x%0A2026-99-99T99:99:99.1234567Z ${text}`),
    "served",
  ],
};

test.for(Object.entries(lines))(
  "an attacker's announcement as %s keeps both from the role, before the honest one and after it",
  async ([, [code, place, live]]) => {
    const before: Arrange = (both) => {
      place(both, both.attacker.line);
      both.announce();
    };
    const after: Arrange = (both) => {
      both.announce();
      place(both, both.attacker.line);
    };
    for (const arrange of [before, after]) {
      await inEach(bench(), live ? storedKinds : logKinds, async (both) => {
        arrange(both);
        await both.expectNeitherServed(code);
      });
    }
    if (!live) return;
    for (const arrange of [before, after]) {
      const both = await LogScene.of(bench(), "live feed");
      arrange(both);
      await both.expectServed();
    }
  },
);
