import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkCredentials } from "../../src/cli/credentials.ts";
import { type FormatName, formatNames, formats } from "../../src/cli/formats/format.ts";
import { shell } from "../../src/cli/formats/shell.ts";
import { dotenv } from "../../src/cli/formats/dotenv.ts";
import { powershell } from "../../src/cli/formats/powershell.ts";
import { githubFile } from "../../src/cli/formats/github-file.ts";
import { variablesOf } from "../../src/cli/variables.ts";
import { goodCredentials } from "../harness/scripted-broker.ts";
import { runShell, shells } from "./shells.ts";

const credentials = checkCredentials(JSON.stringify(goodCredentials), Date.now());
const variables = variablesOf(credentials, "eu-west-1");
const given = { credentials, variables };
const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = goodCredentials;

const asVariables = {
  AWS_ACCESS_KEY_ID: AccessKeyId,
  AWS_SECRET_ACCESS_KEY: SecretAccessKey,
  AWS_SESSION_TOKEN: SessionToken,
  AWS_CREDENTIAL_EXPIRATION: Expiration,
  AWS_REGION: "eu-west-1",
  AWS_DEFAULT_REGION: "eu-west-1",
};

function lines(form: (name: string, value: string) => string): string {
  return Object.entries(asVariables)
    .map(([name, value]) => `${form(name, value)}\n`)
    .join("");
}

test.each<[FormatName, string]>([
  ["shell", lines((name, value) => `export ${name}='${value}';`)],
  ["dotenv", lines((name, value) => `${name}=${value}`)],
  ["powershell", lines((name, value) => `$env:${name} = '${value}'`)],
  ["json", `${JSON.stringify(asVariables)}\n`],
  [
    "credential-process",
    `${JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration })}\n`,
  ],
])("%s, to the byte", (name, text) => {
  expect(formats[name].render(given)).toBe(text);
});

test("the renewal token is in none of them", () => {
  for (const name of formatNames)
    expect(formats[name].render(given)).not.toContain(goodCredentials.RenewalToken);
});

test("without a region, none is set", () => {
  expect(variablesOf(credentials, undefined).map(([name]) => name)).toEqual([
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
  ]);
});

describe("values that are not plain", () => {
  const odd = [
    "",
    " ",
    "a b",
    "a\nb",
    "a'b",
    'a"b',
    "$(id)",
    "`id`",
    "a;b",
    "*",
    "?",
    "[a]",
    "a\\b",
    "a\0b",
    "~",
    "!x",
    "#x",
    "é",
    "x".concat("\r"),
  ];

  test.each(odd)("%j is refused by every format that does not quote", (value) => {
    for (const render of [shell, dotenv, powershell, githubFile]) {
      expect(() => render([["AWS_SESSION_TOKEN", value]])).toThrow("plain");
      expect(() => render([[`A${value || "-"}`, "x"]])).toThrow("plain");
    }
  });
});

function oneOf(characters: string) {
  return fc.constantFrom(...characters.split(""));
}

describe.each(shells)("eval in %s", (name) => {
  const evals = ['eval "$(printf %s "$OUTPUT")"', 'eval $(printf %s "$OUTPUT")'];
  const options = ["", "set -e; ", "set -u; ", "set -f; "];
  // A folder with files that a stray * would find, and one with none, behave alike: there is no *.
  const cases = evals.flatMap((line) => options.map((option) => option + line));

  test.each(cases)("%s brings every value back", (script) => {
    const show = Object.keys(asVariables).map((variable) => `printf '%s\\n' "$${variable}"; `);
    const { stdout, stderr, status } = runShell(name, `${script}; ${show.join("")}`, {
      OUTPUT: formats.shell.render(given),
    });
    expect({ stdout, stderr, status }).toEqual({
      stdout: Object.values(asVariables)
        .map((value) => `${value}\n`)
        .join(""),
      stderr: "",
      status: 0,
    });
  });

  test("any printable text is refused or comes back exactly, quoted and unquoted", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 24 }),
      fc.string({ minLength: 1, maxLength: 12, unit: oneOf("aZ09+/=_.,:@-") }),
      fc.string({
        minLength: 1,
        maxLength: 6,
        unit: oneOf("a'\"$`\\(){}[]*?!~#&|;<> \t\n%^"),
      }),
    );
    const rounds: { value: string; output: string }[] = [];
    for (const value of fc.sample(text, 400)) {
      try {
        rounds.push({ value, output: shell([["AWS_SESSION_TOKEN", value]]) });
      } catch {
        // Refused.
      }
    }
    expect(rounds.length).toBeGreaterThan(50);
    const script = rounds
      .map(({ output }) => {
        const quoted = `'${output.replaceAll("'", `'\\''`)}'`;
        const print = `printf '%s\\n' "$AWS_SESSION_TOKEN"; unset AWS_SESSION_TOKEN; `;
        return `eval "$(printf %s ${quoted})"; ${print} eval $(printf %s ${quoted}); ${print}`;
      })
      .join("\n");
    const { stdout, stderr } = runShell(name, script);
    expect({ stdout, stderr }).toEqual({
      stdout: rounds.map(({ value }) => `${value}\n${value}\n`).join(""),
      stderr: "",
    });
  });

  test.each(['eval $(printf %s "$OUTPUT")', 'eval "$(printf %s "$OUTPUT")"'])(
    "a failure fails %s",
    (line) => {
      const env = { OUTPUT: formats.shell.failure };
      expect(runShell(name, `set -e; ${line}; echo went on`, env)).toMatchObject({
        status: 1,
        stdout: "",
      });
      expect(runShell(name, `${line} || echo failed`, env)).toMatchObject({ stdout: "failed\n" });
    },
  );
});
