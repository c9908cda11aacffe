import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/bundle.ts";
import { actions2aws } from "../harness/program.ts";
import { changed, checked, fileOf, grant, head, written } from "./policy-text.ts";

const good = head + grant;
/** The number of the line on which the text begins. */
const lineAt = (text: string, needle: string): number =>
  text.slice(0, text.indexOf(needle)).split("\n").length;

describe("what reads as one thing to people and as another to a parser is a fault on its line (P-02):", () => {
  const line = (key: string, text: string) => head + changed(key, text).text;
  const rows: Record<string, [text: string | Uint8Array, at: string | number, says: RegExp]> = {
    "an anchor": [line("ref", "ref: &main refs/heads/main"), "&main", /anchors are not taken/],
    "an alias": [line("ref", "ref: *main"), "*main", /aliases are not taken|Unresolved alias/],
    "a merge key": [line("forks", "<<: { forks: true }"), "<<", /merge keys are not taken/],
    "a merge key in quotes": [line("forks", '"<<": { forks: true }'), '"<<"', /merge keys/],
    "a tag": [line("job", "job: !!str 7"), "job: !!str", /tags are not taken/],
    "a tag that would run something": [
      line("job", "job: !!js/function 'x'"),
      "job: !!js",
      /Unresolved tag/,
    ],
    "a tag of one's own": [line("job", "job: !secret x"), "job: !secret", /Unresolved tag/],
    bytes: [line("job", "job: !!binary ZGVwbG95"), "job: !!binary", /tags? /i],
    "two documents": [`${good}---\n${good}`, 1, /must be one YAML document/],
    "something behind the end": [`${good}...\nforks: true\n`, 1, /must be one YAML document/],
    "an unknown directive": [`%STRICT off\n---\n${good}`, 1, /Unknown directive/],
    "another version, in which no is false": [
      `%YAML 1.1\n---\n${line("forks", "forks: no")}`,
      "forks: no",
      /must be true or false/,
    ],
    "on, which is true to some": [line("event", "on: [push]"), "on: [push]", /unknown key: "on"/],
    "a key that is no text": [
      line("forks", "true: false"),
      "true: false",
      /keys must be plain text/,
    ],
    "a key that is a list": [line("forks", "? [forks]\n    : true"), "? [forks]", /plain text/],
    "a key without a name": [line("forks", ": true"), "    : true", /plain text/],
    "a key of every object's": [
      line("forks", "__proto__: { forks: true }"),
      "__proto__",
      /unknown key: "__proto__"/,
    ],
    "a tab as indent": [line("forks", "x").replace("    x", "\tforks: true"), "\tforks", /./],
    "a condition that is indented less": [
      line("ref", "ref: refs/heads/main").replace("    ref:", "  ref:"),
      "  ref: refs/heads/main",
      /./,
    ],
    "a condition that is indented more": [
      line("ref", "ref: refs/heads/main").replace("    ref:", "      ref:"),
      "      ref:",
      /same column/,
    ],
    "a condition that slips into the session policy": [
      `${line("ref", "forks: false").replace("    forks: false\n    event", "    event")}      ref: refs/heads/main\n`.replace(
        'session_policy: { Version: "2012-10-17" }',
        'session_policy:\n      Version: "2012-10-17"',
      ),
      "    session_policy:",
      /session_policy holds what is no element of a policy: is its indent right\?/,
    ],
    "a list without its comma": [line("event", "event: [push workflow_run]"), "event:", /event/],
    "a list that is one text": [line("event", "event: push, schedule"), "event:", /event/],
    "a list that does not end": [line("event", "event: [push"), "    job:", /end with a \]/],
    "a quote that does not end": [line("job", 'job: "x'), "    job:", /Missing closing/],
    "two values": [line("ref", "ref: refs/heads/main job: x"), "ref: refs", /./],
    "text that is folded": [line("ref", "ref: >\n      refs/heads/main"), "    ref:", /invisible/],
    "a text with its line ends": [line("job", "job: |\n      deploy"), "    job:", /invisible/],
    "a key in a flow that lost its value": [
      `${head}  - { name: a, repository: acme/app, step: s, ref, role: "arn:aws:iam::123456789012:role/r" }\n`,
      "name: a",
      /ref is required/,
    ],
    "a key in a flow that lost its blank": [
      `${head}  - { name: a, repository: acme/app, step: s, ref:refs/heads/main, role: "arn:aws:iam::123456789012:role/r" }\n`,
      "name: a",
      /unknown key: "ref:refs\/heads\/main"/,
    ],
    "a file of another encoding": [
      Buffer.from(
        good.replace("acme/shop\n    repository_id", "acme/shop # M\u00FCller\n    repository_id"),
        "latin1",
      ),
      lineAt(good, "repository: acme/shop"),
      /must be UTF-8/,
    ],
    "a file in UTF-16": [Buffer.from(`\uFEFF${good}`, "utf16le"), 1, /must be UTF-8/],
  };
  test.for(Object.entries(rows))("%s", async ([, [text, at, says]]) => {
    const { exitCode, faults, stdout } = await checked(text);
    expect([exitCode, stdout]).toEqual([2, ""]);
    const number = typeof at === "number" ? at : lineAt(String(text), at);
    expect(faults).toContainEqual({ line: number, message: expect.stringMatching(says) });
  });

  test("a million laughs take no time", async () => {
    const levels = Array.from({ length: 30 }, (_, at) => {
      const ten = at === 0 ? "lol" : Array.from({ length: 10 }, () => `*l${at - 1}`).join(", ");
      return `l${at}: &l${at} [${ten}]`;
    });
    const begun = performance.now();
    const { exitCode, faults } = await checked(`${good}${levels.join("\n")}\n`);
    expect(exitCode).toBe(2);
    expect(faults.length).toBeGreaterThan(100);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test("nor does what is nested without end", async () => {
    for (const [open, close] of [
      ["[", "]"],
      ["{a: ", "}"],
    ] as const) {
      const text = `grants: ${open.repeat(20_000)}${close.repeat(20_000)}\n`;
      expect(await checked(text)).toMatchObject({ exitCode: 2, stdout: "" });
    }
  });
});

describe("a condition that stands below a comment is not a part of it (P-02):", () => {
  const commented = good.replace("    ref:", "    # main, and nothing else\n    ref:");
  const ends = "\r \u2028 \u2029 \u0085 \v \f".split(" ");
  test("where the comment ends in what only editors take for a line's end, it is a fault", async () => {
    const lines = await Promise.all(
      ends.map(async (end) => {
        const { exitCode, faults } = await checked(commented.replace("else\n", `else${end}`));
        expect(exitCode).toBe(2);
        return faults;
      }),
    );
    expect(lines).toEqual(
      ends.map((end) => [
        {
          line: lineAt(commented, "# main"),
          message: `U+${end.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")} reads differently in editors: leave it out`,
        },
      ]),
    );
  });

  test("nor is it hidden in one by marks that turn the text", async () => {
    const turned = commented
      .replace("else\n    ref:", "else \u2067 ref:")
      .replace("# main", "# \u202Emain");
    const { exitCode, faults } = await checked(turned);
    expect(exitCode).toBe(2);
    expect(faults.map(({ line }) => line)).toEqual([
      lineAt(commented, "# main"),
      lineAt(commented, "# main"),
    ]);
  });
});

describe("what loads reads as people read it (P-02):", () => {
  const rows: [line: string, field: string, read: string][] = [
    ["job: no", "job", "no"],
    ["job: On", "job", "On"],
    ["job: 2026-01-01", "job", "2026-01-01"],
    ["job: 12:30:45", "job", "12:30:45"],
    ["job: 1.10.0", "job", "1.10.0"],
    ['job: "1.10"', "job", "1.10"],
    ["job: 1_000", "job", "1_000"],
    ["job: 'it''s'", "job", "it's"],
    ["job: a:b", "job", "a:b"],
    ["job: a#b", "job", "a#b"],
    ["job: '# deploy'", "job", "# deploy"],
    ["job: deploy # not: test", "job", "deploy"],
    ["job: deploy   ", "job", "deploy"],
    ["job:\tdeploy", "job", "deploy"],
    ["job : deploy", "job", "deploy"],
    ['job: "d\\u00E9ploiement"', "job", "d\u00E9ploiement"],
    ['"job": deploy', "job", "deploy"],
    ["job: [deploy, 'test (*)',]", "job", "deploy or test (*)"],
    ["job:\n      - deploy\n      - test (*)", "job", "deploy or test (*)"],
    ["job:\n    - deploy\n    - a, b", "job", "deploy or a, b"],
    ["job: >-\n      deploy\n      prod", "job", "deploy prod"],
    ["job: deploy\n      prod", "job", "deploy prod"],
    ["job: [deploy,\n      test]", "job", "deploy or test"],
    ["event: on", "event", "on"],
    ["ref: 'refs/heads/1.10'", "ref", "refs/heads/1.10"],
    ["forks: False", "forks", "no run from a fork"],
    ["forks: true", "forks", "any run"],
    ["repository_id: 7", "repository_id", "7"],
  ];
  const texts = (text: string): Record<string, string> => ({
    "as it is": text,
    "with the marks of one document": `---\n${text}...\n# the end\n`,
    "with a byte order mark": `\uFEFF${text}`,
    "with CR and LF": text.replaceAll("\n", "\r\n"),
  });
  const { text } = fileOf(
    rows.map(([line, field]) => changed(field, line).text),
    head,
  );
  test.for(Object.entries(texts(text)))("%s", async ([, config]) => {
    const recording = join(root, "recordings/deploy");
    const asks = [
      "--job-id",
      "55138250077",
      "--role",
      "arn:aws:iam::123456789012:role/shop-deploy",
    ];
    const { exitCode, stdout, stderr } = await actions2aws(
      ["explain", "--json", "--config", written(config), "--recording", recording].concat(asks),
    );
    expect([exitCode, stderr]).toEqual([3, ""]);
    const { grants } = JSON.parse(stdout) as {
      grants: { name: string; fields: { field: string; wanted: string }[] }[];
    };
    const read = rows.map(([, field], index) => {
      const its = grants.find(({ name }) => name === `g${index}`)?.fields;
      return its?.find((entry) => entry.field === field)?.wanted;
    });
    expect(read).toEqual(rows.map(([, , wanted]) => wanted));
  });
});
