import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { commandLineOf, ownCommand } from "../../src/cli/own-command.ts";
import { runShell, shells } from "./shells.ts";

const words = fc.array(
  fc
    .oneof(
      fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 }),
      fc.string({
        unit: fc.constantFrom(...Array.from("a'\"$`\\(){}[]*?!~#&|;<> %^é=/")),
        minLength: 1,
        maxLength: 8,
      }),
    )
    .filter((word) => !/[\p{Cc}]|(?:^|\s)[#;]/u.test(word)),
  { minLength: 1, maxLength: 4 },
);

test.each(shells)("%s reads back every word, and nothing is run", (shell) => {
  for (const sample of fc.sample(words, 40)) {
    const { stdout } = runShell(shell, `printf '%s\\n' ${commandLineOf(sample, "linux")}`);
    expect(stdout).toBe(sample.map((word) => `${word}\n`).join(""));
  }
});

const python = spawnSync("python3", ["--version"]).status === 0;

test.runIf(python)("Python's shlex, which the AWS CLI uses, reads back every word", () => {
  const samples = fc.sample(words, 200);
  const script =
    "import json,shlex,sys; print(json.dumps([shlex.split(line) for line in json.load(sys.stdin)]))";
  const input = JSON.stringify(samples.map((sample) => commandLineOf(sample, "linux")));
  const { stdout } = spawnSync("python3", ["-c", script], { input, encoding: "utf8" });
  expect(JSON.parse(stdout)).toEqual(samples);
});

test.each(["a\nb", "a\rb", "a\0b", "a #b", "a ;b", "#a", "", "a\u2028b", "\u202ea", "a\tb"])(
  "%j cannot stand in a profile",
  (word) => {
    expect(() => commandLineOf(["/bin/x", word], "linux")).toThrow(
      /cannot stand in an AWS profile/,
    );
  },
);

test("plain words stay plain, so that people can read them", () => {
  expect(commandLineOf(["/opt/x", "--url", "https://b.example/a?b"], "linux")).toBe(
    "/opt/x --url 'https://b.example/a?b'",
  );
  expect(commandLineOf(["C:\\a b\\x.exe", "--role", "arn:aws:iam::1:role/x"], "win32")).toBe(
    '"C:\\a b\\x.exe" --role arn:aws:iam::1:role/x',
  );
});

test("our own command is made of absolute paths", () => {
  const command = ownCommand({ execPath: "/bin/node", argv: ["/bin/node", "src/main.ts"] });
  expect(command).toEqual(["/bin/node", `${process.cwd()}/src/main.ts`]);
  expect(() => ownCommand({ execPath: "/bin/node", argv: ["/bin/node"] })).toThrow(/its own path/);
});
