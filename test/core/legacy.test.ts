import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { announcedKey, parseLegacyRequest } from "../../src/core/legacy.ts";
import { logItems, type StepLog } from "../../src/core/proof.ts";
import { character } from "./character.ts";
import { code, now, roleArn, told } from "./golden.ts";

const body = {
  Repo: "acme/app",
  RunId: "5001",
  JobName: "deploy",
  StepName: "keygen",
  RoleARN: roleArn,
};
const parse = (change: object) => parseLegacyRequest(JSON.stringify({ ...body, ...change }));

test("the original's body is read", () => {
  expect(parse({})).toEqual({ ...body, RunId: 5_001 });
});

describe("the body is exactly the original's:", () => {
  test.each(Object.keys(body))("without %s it is none", (field) => {
    expect(() => parse({ [field]: undefined })).toThrow(code("invalid_request"));
  });

  test.each(Object.keys(body))("%s is text, and nothing else (H-07)", (field) => {
    fc.assert(
      fc.property(
        fc.jsonValue().filter((value) => typeof value !== "string"),
        (value) => {
          expect(() => parse({ [field]: value })).toThrow(code("invalid_request"));
        },
      ),
    );
    expect(() => parse({ [field]: "" })).toThrow(code("invalid_request"));
  });

  test.each(["repo", "REPO", "RunID", "Role", "Duration", "PublicKey", "__proto__"])(
    "a field %s beside them is an error (H-05, H-06)",
    (name) => {
      const more = `{"${name}":"acme/app",${JSON.stringify(body).slice(1)}`;
      expect(() => parseLegacyRequest(more)).toThrow(code("invalid_request"));
    },
  );

  test("a field given twice is an error (H-05)", () => {
    const twice = `{"Repo":"evil/app",${JSON.stringify(body).slice(1)}`;
    expect(() => parseLegacyRequest(twice)).toThrow(code("invalid_request"));
  });

  test.each([
    ["RunId", ["0", "05001", "5001.0", "5e3", "-1", " 5001", "5001\n", "9007199254740992", "５"]],
    ["Repo", ["acme", "acme/../evil", "acme/..", "acme/app?x", "acme/a\u212Ap", "acme/app/x"]],
    ["RoleARN", ["*", "app-deploy", `${roleArn}\n`, "arn:aws:iam::1:role/x", `${roleArn}?`]],
    ["JobName", ["x".repeat(513)]],
    ["StepName", ["x".repeat(513)]],
  ])("%s has its one shape (H-01, H-03, H-04)", (field, values) => {
    for (const value of values)
      expect(() => parse({ [field]: value })).toThrow(code("invalid_request"));
  });

  test("a refusal that no field is at fault for names none", () => {
    expect(() => parse({ x: 1 })).toThrow(
      code("invalid_request", { detail: "A field is missing, unknown or not well formed." }),
    );
  });

  test("a refusal names the field and not what it held", () => {
    try {
      parse({ RunId: "canary" });
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message).toBe("RunId is missing, unknown or not well formed.");
    }
  });
});

const [genuine, evil] = [
  "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef",
  "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
];
const line = (key: string): string => `ACTIONS2AWS PUBKEY: ${key}`;
const at = (seconds: number, text: string): string =>
  `${new Date(now + seconds * 1_000).toISOString().replace("Z", "0000Z")} ${text}\n`;

/** The step's log as GitHub stores it, in a step that ran for ten seconds. */
function stored(text: string, change: Partial<StepLog> = {}): StepLog[] {
  const window = { from: now, to: now + 10_000 };
  const items = [...logItems(`\uFEFF${text}`)];
  return [{ name: "keygen", state: "succeeded", window, items, ...change }];
}

const header = at(1, "##[group]Run actions2aws keygen") + at(1, "##[endgroup]");
const golden = header + at(2, line(genuine)) + at(3, "done");

test("the one key that a step announces is the key", () => {
  expect(announcedKey(stored(golden))).toBe(genuine);
  expect(announcedKey(stored(golden.replaceAll("\n", "\r\n")))).toBe(genuine);
  expect(announcedKey(stored(golden.trimEnd()))).toBe(genuine);
});

test("a time that is not told is not checked", () => {
  const items = [{ text: line(genuine) }];
  expect(announcedKey(stored("", { items }))).toBe(genuine);
});

test("L-07: two keys are ambiguous, in any order and though they are equal", () => {
  const keys = fc.array(fc.constantFrom(genuine, evil), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(keys, (announced) => {
      const text = header + announced.map((key) => at(2, line(key))).join("");
      expect(() => announcedKey(stored(text))).toThrow(code("proof_ambiguous", told));
    }),
  );
});

/** Ways in which text of an attacker's comes into a log without being a line of it. */
const notLines: Record<string, string> = {
  "a value of env with a newline (L-02)": at(1, `  BODY: x\n${line(evil)}`),
  "a value that also ends the header (L-02)": at(1, `  BODY: x\n##[endgroup]\n${line(evil)}`),
  "the script in its colour (L-02)": at(1, `\u001b[36;1m${line(evil)}\u001b[0m`),
  "a value with CR LF (L-02)": at(1, `  BODY: x\r\n${line(evil)}\r`),
  "a newline of a workflow command (L-04)": at(1, `##[group]x\n${line(evil)}`),
  "two timestamps (L-10)": at(1, at(1, line(evil)).trimEnd()),
  "a timestamp with fewer decimals (L-10)": `2026-08-01T12:00:01.000Z ${line(evil)}\n`,
  "a lone CR (L-05)": at(1, `x\r${line(evil)}`),
  "a line separator (L-05)": at(1, `x\u2028${line(evil)}`),
  "a paragraph separator (L-05)": at(1, `x\u2029${line(evil)}`),
  "a next-line character (L-05)": at(1, `x\u0085${line(evil)}`),
  "a form feed (L-05)": at(1, `x\f${line(evil)}`),
  "a vertical tab before it (L-05)": at(1, `\v${line(evil)}`),
  "a NUL before it (L-05)": at(1, `\0${line(evil)}`),
  "a byte order mark before it (L-05)": at(1, `\uFEFF${line(evil)}`),
  "a no-break space behind it (L-05)": at(1, `${line(evil)}\u00A0`),
  "a CR behind it and another (L-05)": at(1, `${line(evil)}\r\r`),
  "text before it (L-06)": at(1, `title: ${line(evil)}`),
  "text behind it (L-06)": at(1, `${line(evil)} x`),
  "a blank behind it (L-06)": at(1, `${line(evil)} `),
  "two on one line (L-06)": at(1, `${line(evil)} ${line(evil)}`),
  "two blanks in it (L-06)": at(1, `ACTIONS2AWS PUBKEY:  ${evil}`),
  "another case (L-06)": at(1, line(evil).toLowerCase()),
  "the key on the next line (L-08)": at(1, "ACTIONS2AWS PUBKEY:") + at(1, evil),
  "the key in two halves (L-08)": at(1, line(evil).slice(0, 40)) + at(1, line(evil).slice(40)),
  "a debug mark (L-19)": at(1, `##[debug]${line(evil)}`),
  "colours (L-21)": at(1, `\u001b[31m${line(evil)}\u001b[0m`),
  "a key in capitals (L-24)": at(1, line(evil.toUpperCase())),
  "a key with a wrong checksum (L-24)": at(1, line(`${evil.slice(0, -1)}q`)),
  "a key of another kind (L-24)": at(1, line(`age1pq1${evil.slice(4)}`)),
  "the announcement of the newer clients": at(1, `ACTIONS2AWS PROOF: ${evil} c1.x.y.z`),
};

/** What the runner leaves of an announcement: it may have been the genuine one. */
const spoiled: Record<string, string> = {
  "a mask in the key (L-09)": `ACTIONS2AWS PUBKEY: ***${evil.slice(10)}`,
  "a mask for the key (L-09)": "ACTIONS2AWS PUBKEY: ***",
  "a mask in the words (L-09)": `*** PUBKEY: ${evil}`,
  "a mask in the middle of the words (L-09)": `ACTIONS2AWS*** ${evil}`,
  "masks of two words (L-09)": `*** ***: ${evil}`,
  "a problem matcher's mark (L-07)": `##[error]${line(evil)}`,
  "another of its marks (L-07)": `##[warning]${line(evil)}`,
};

test.each(Object.entries(spoiled))("beside an announcement with %s none counts", (_, text) => {
  for (const log of [header + at(2, text), golden + at(3, text), header + at(1, text) + golden])
    expect(() => announcedKey(stored(log))).toThrow(code("proof_invalid", told));
});

test.each([
  "***",
  `title: *** ${genuine}`,
  "*** x",
  `*** ${line(genuine)}`,
  `x*** PUBKEY: ${genuine}`,
  `***${genuine} x`,
  "##[error]no",
])("a line with %j takes nothing from it", (text) =>
  expect(announcedKey(stored(golden + at(3, text)))).toBe(genuine),
);

describe("text that only holds an announcement is none, alone or beside the genuine one:", () => {
  test.each(Object.entries(notLines))("with %s", (_, text) => {
    expect(() => announcedKey(stored(header + text))).toThrow(code("proof_invalid", told));
    expect(announcedKey(stored(header + text + at(2, line(genuine))))).toBe(genuine);
    expect(announcedKey(stored(golden + text))).toBe(genuine);
  });
});

describe("L-04, L-10: an announcement whose time is not of this step is forged:", () => {
  const forged: Record<string, string> = {
    "long before the step": at(1, `##[group]x\n${at(-3_600, line(evil))}`),
    "long after it": at(1, `##[group]x\n${at(3_600, line(evil))}`),
    "just before the step": at(-3, line(evil)),
    "just after it": at(13, line(evil)),
  };
  test.each(Object.entries(forged))("%s", (_, text) => {
    expect(() => announcedKey(stored(text))).toThrow(code("proof_invalid", told));
    // Beside the genuine one it still shows that somebody forges: nobody is served.
    expect(() => announcedKey(stored(golden + text))).toThrow(code("proof_invalid", told));
  });

  test("within the two seconds by which clocks differ it counts", () => {
    expect(announcedKey(stored(at(-2, line(genuine))))).toBe(genuine);
    expect(announcedKey(stored(at(12, line(genuine))))).toBe(genuine);
  });

  test("a forged time of any other line blocks nobody", () => {
    const text = at(1, `##[group]x\n${at(9_999, "x")}`) + at(2, line(genuine));
    expect(announcedKey(stored(text))).toBe(genuine);
  });

  test("what is not known of the step's time is not checked", () => {
    expect(announcedKey(stored(at(9_999, line(genuine)), { window: {} }))).toBe(genuine);
  });

  test("an announcement at a time of the step, though an attacker's, stands beside the genuine one as a second", () => {
    const text = at(1, `##[group]x\n${at(2, line(evil))}`) + at(3, line(genuine));
    expect(() => announcedKey(stored(text))).toThrow(code("proof_ambiguous", told));
  });
});

test("L-05: no character before, in or behind the line makes it an announcement", () => {
  // A line end makes lines, one CR before it belongs to it, and what is spelled alike is alike.
  const odd = fc
    .string({ unit: character, minLength: 1, maxLength: 3 })
    .filter((text) => !/^\r?$|\n/.test(text));
  fc.assert(
    fc.property(odd, fc.nat(line(evil).length), (text, position) => {
      const spoilt = line(evil).slice(0, position) + text + line(evil).slice(position);
      expect(() => announcedKey(stored(at(1, spoilt)))).toThrow(code("proof_invalid", told));
      expect(announcedKey(stored(at(1, spoilt) + at(2, line(genuine))))).toBe(genuine);
    }),
    { numRuns: 500 },
  );
});

describe("the step", () => {
  test("that has not ended, or whose log is not there, is asked for again (L-23)", () => {
    const pending = code("proof_pending", { retryAfter: 1 });
    expect(() => announcedKey([])).toThrow(pending);
    expect(() => announcedKey(stored(golden, { state: "waiting" }))).toThrow(pending);
    expect(() => announcedKey(stored(golden, { state: "in_progress" }))).toThrow(pending);
    expect(() => announcedKey(stored(golden, { items: null }))).toThrow(pending);
  });

  test("that has failed announces nothing (L-07)", () => {
    expect(() => announcedKey(stored(golden, { state: "failed" }))).toThrow(
      code("proof_invalid", told),
    );
  });

  test("of a name that another has too is ambiguous, whatever they say (L-14)", () => {
    for (const other of [golden, header, ""])
      for (const state of ["succeeded", "failed", "waiting", "in_progress"] as const)
        expect(() => announcedKey([...stored(golden), ...stored(other, { state })])).toThrow(
          code("proof_ambiguous", told),
        );
  });

  test("with an empty log announces nothing", () => {
    expect(() => announcedKey(stored(""))).toThrow(code("proof_invalid", told));
  });
});
