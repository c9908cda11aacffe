import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { inEach, logKinds, LogScene, logSetting, storedKinds } from "../harness/log-scene.ts";

const bench = useBench(logSetting);

/** What hides text from people who read it on a terminal is not passed on to them (L-21). */
afterEach(() => {
  const { broker, files } = bench();
  const shown = broker.stdout + broker.stderr + readFileSync(files.audit, "utf8");
  expect(/[^\n -~].{0,40}/.exec(shown)?.[0]).toBeUndefined();
});

/** Gets the text of an attacker's, a whole announcement, into the log of the pinned step. */
type Place = (scene: LogScene, text: string) => void;

const env =
  (valueOf: (text: string) => string): Place =>
  (to, text) =>
    to.header({ env: { TITLE: valueOf(text) } });
const says =
  (outputOf: (text: string) => string): Place =>
  (to, text) =>
    to.say(outputOf(text));

/** Neither a separator that the runner cuts at nor one that it keeps may make a line of a part. */
const characters: Record<string, string> = {
  "a line separator": "\u2028",
  "a paragraph separator": "\u2029",
  "a next-line character": "\u0085",
  "a vertical tab": "\v",
  "a form feed": "\f",
  "a NUL": "\0",
  "a backspace": "\b",
  "a byte order mark": "\uFEFF",
  "a no-break space": "\u00A0",
  "a zero-width space": "\u200B",
  "a right-to-left override": "\u202E",
  "a tab": "\t",
  "a delete character": "\u007F",
};

const parts: Record<string, Place> = {
  "a value of env with newlines (L-02)": env((text) => `a\n${text}\nb`),
  "a value of env that ends the header (L-02)": env((text) => `a\n##[endgroup]\n${text}`),
  "a value of env with CR LF (L-02, L-05)": env((text) => `a\r\n${text}\r\n`),
  "a value of env with a lone CR (L-02, L-05)": env((text) => `a\r${text}`),
  "an input of an action with a newline (L-02)": (to, text) =>
    to.message(`  title: x\n${text}\n##[endgroup]`),
  "the script itself, in its colour (L-02)": (to, text) =>
    to.header({ script: `${text}\n${text}` }),
  "the shell's name (L-02)": (to, text) => to.header({ shell: `bash\n${text}` }),
  "a workflow command's newline (L-04)": says((text) => `##[group]x%0A${text}`),
  "a workflow command in the middle of a line (L-04)": says(
    (text) => `title: ##[error]x%0A${text}%0Ay`,
  ),
  "a notice with CR LF (L-04)": says((text) => `::notice::x%0D%0A${text}`),
  "a warning with nothing before the newline (L-04)": says((text) => `::warning::%0A${text}`),
  ...Object.fromEntries(
    Object.entries(characters).map(([name, character]): [string, Place] => [
      `${name} before it, in it and behind it (L-05)`,
      says((text) =>
        [
          `x${character}${text}`,
          `${character}${text}`,
          text.replace(": ", `:${character}`),
          text.replace("age1", `age1${character}`),
          `${text}${character}`,
          `${text}${character}x`,
        ].join("\n"),
      ),
    ]),
  ),
  "a title (L-06)": says((text) => `title: ${text}`),
  "a quotation (L-06)": says((text) => `> ${text}\n"${text}"\n'${text}'\n- ${text}`),
  "blanks before it (L-06)": says((text) => `  ${text}`),
  "a blank behind it (L-06)": says((text) => `${text} `),
  "more behind it (L-06)": says((text) => `${text} (#7)`),
  "itself behind it (L-06)": says((text) => `${text} ${text}`),
  "another case (L-06)": says((text) => `${text.toLowerCase()}\n${text.toUpperCase()}`),
  "two blanks in it (L-06)": says((text) => text.replace(": ", ":  ")),
  "no blank in it (L-06)": says((text) => text.replace(": ", ":")),
  "a key that is cut in two (L-08)": says((text) => `${text.slice(0, 50)}\n${text.slice(50)}`),
  "a key on a line of its own (L-08)": says((text) => text.replace(": ", ":\n")),
  "a key that goes on behind a backslash (L-08)": says(
    (text) => `${text.slice(0, 50)}\\\n${text.slice(50)}`,
  ),
  "a key with a newline of a command in it (L-08)": says(
    (text) => `::notice::${text.slice(0, 50)}%0A${text.slice(50)}`,
  ),
  "a timestamp of its own (L-10)": (to, text) => to.say(`${to.stamp()} ${text}`),
  "two timestamps in a value of env (L-10)": (to, text) =>
    to.header({ env: { BODY: `x\n${to.stamp()} ${to.stamp()} ${text}` } }),
  "a timestamp of another form in a value of env (L-10)": (to, text) =>
    to.header({
      env: {
        A: `x\n2026-01-01T00:00:00Z ${text}`,
        B: `x\n${to.stamp().replace("T", " ")} ${text}`,
        C: `x\n${to.stamp().replace("Z", "+00:00")} ${text}`,
        D: `x\n${to.stamp()}  ${text}`,
        E: `x\n ${to.stamp()} ${text}`,
        F: `x\n${to.stamp()}\t${text}`,
      },
    }),
  "the mark of an action's start (L-11)": says((text) => `##[start-action id=keygen]${text}`),
  "a forged end of an action in a value of env (L-11)": env(
    (text) => `x\n##[end-action id=keygen]\n${text}\n##[start-action id=keygen]`,
  ),
  "debug lines, with debugging on or not, of either key (L-19)": (to, text) => {
    to.say(`##[debug]${text}\n::debug::${text}\n##[debug]x%0A${text}`);
    for (const line of [text, to.honest.line]) to.message(`##[debug]${line}`);
  },
  "colours (L-21)": says((text) => `\u001b[31m${text}\u001b[0m`),
  "colours that end in its middle (L-21)": says((text) => text.replace("age1", "age1\u001b[0m")),
  "a hyperlink (L-21)": says(
    (text) => `\u001b]8;;https://example.com\u001b\\${text}\u001b]8;;\u001b\\`,
  ),
  "a cursor that goes up and wipes the line (L-21)": says(
    (text) => `\u001b[1A\u001b[2K${text}\n${text}\u001b[1A`,
  ),
};

test.for(Object.entries(parts))(
  "an attacker's announcement as part of %s is none: alone it is refused, beside the honest one that is served",
  async ([, place]) => {
    await inEach(bench(), storedKinds, async (alone) => {
      place(alone, alone.attacker.line);
      await alone.expectAttackerDenied("proof_invalid");
    });
    await inEach(bench(), logKinds, async (beside) => {
      place(beside, beside.attacker.line);
      beside.announce();
      place(beside, beside.attacker.line);
      await beside.expectServed();
    });
  },
);

test("alone in the feed of a step in progress, all these are waited on and come to nothing (L-02, L-04, L-05, L-06)", async () => {
  const outcomes = await Promise.all(
    Object.entries(parts).map(async ([name, place]) => {
      const alone = await LogScene.of(bench(), "live feed");
      place(alone, alone.attacker.line);
      return [name, await alone.askAsAttacker()];
    }),
  );
  expect(outcomes).toEqual(Object.keys(parts).map((name) => [name, "proof_pending"]));
  expect(bench().world.sts.journal).toEqual([]);
});
