import { expect, test } from "vitest";
import { lastWords, splitCommand } from "../../src/cli/last-words.ts";

test.each([
  [["request"], {}, "false\n"],
  [["request", "--bogus", "--url"], {}, "false\n"],
  [["request", "--format", "shell"], {}, "false\n"],
  [["request", "--format=shell"], { ACTIONS2AWS_FORMAT: "json" }, "false\n"],
  [["request", "--format", "json"], {}, ""],
  [["request", "--format=github-env"], {}, ""],
  [["request", "--format", "json", "--format", "shell"], {}, "false\n"],
  [["request"], { ACTIONS2AWS_FORMAT: "json" }, ""],
  [["request"], { ACTIONS2AWS_FORMAT: "" }, "false\n"],
  [["request", "--format", "bash"], {}, "false\n"],
  [["request", "--format"], {}, "false\n"],
  [["request", "--format", "powershell"], {}, "throw 'actions2aws request failed'\n"],
  [["request", "--", "aws", "s3", "ls"], {}, ""],
  [["request", "--"], {}, "false\n"],
  [["request", "--", "x", "--format", "shell"], {}, ""],
  [["requst"], {}, "false\n"],
  [[], {}, "false\n"],
  [["--url", "x"], {}, "false\n"],
  [["keygen"], {}, ""],
  [["serve", "--config", "x"], {}, ""],
  [["record"], {}, ""],
])("%j with %j: %j", (argv, env, words) => {
  expect(lastWords(argv, env)).toBe(words);
});

test("the command is what follows the first --", () => {
  expect(splitCommand(["request", "--", "a", "--", "b"])).toEqual([["request"], ["a", "--", "b"]]);
  expect(splitCommand(["request"])).toEqual([["request"], null]);
});
