import * as fc from "fast-check";

// Text of an attacker's for every place of a step's log (generator b of the attack catalogue).

/** What ends a line for somebody: .NET, JavaScript, Python, a terminal, an editor; and what none of them shows. */
const separators = [
  ...Array.from("\n\r\v\f\0\b\t\u0085\u2028\u2029\uFEFF\u00A0\u200B\u200D\u2060\u202E\u001b"),
  "\r\n",
  "\n\r",
  "\r\r\n",
  "%0A",
  "%0D",
  "%0D%0A",
  "%250A",
  "%E2%80%A8",
  "\\n",
  "\\r\\n",
  "\u001b[31m",
  "\u001b[0m",
  "\u001b[2K\r",
  "\u001b[1A",
  "\u001b]8;;https://example.com\u0007",
];

/** What stands around text in real logs. */
const furniture = [
  "x",
  " ",
  "title: ",
  "  BODY: ",
  "##[group]",
  "##[endgroup]",
  "##[error]",
  "##[debug]",
  "##[start-action id=x]",
  "##[end-action id=x]",
  "::group::",
  "::notice::",
  "::stop-commands::t",
  "::t::",
  "]",
  "env:",
  "shell: /usr/bin/bash -e {0}",
  "ACTIONS2AWS PROOF: ",
  "ACTIONS2AWS PUBKEY: ",
];

/** Seconds from now of a forged time, or what is no time of a runner's. */
const forgedSeconds = [0, -1, 1, -3_600, 3_600, -400 * 86_400] as const;
const malformedTimes = [
  "2026-01-01T00:00:00Z ",
  "2026-01-01T00:00:00.1234567+00:00 ",
  "2026-99-99T99:99:99.1234567Z ",
  "2026-01-01 00:00:00.1234567Z ",
];

export type Piece = { readonly text: string } | { readonly secondsFromNow: number };

const separator = fc.constantFrom(...separators).map((text): Piece => ({ text }));
const time = fc.constantFrom(...forgedSeconds).map((secondsFromNow): Piece => ({ secondsFromNow }));
const piece = fc.oneof(
  { weight: 5, arbitrary: separator },
  { weight: 2, arbitrary: fc.constantFrom(...furniture).map((text): Piece => ({ text })) },
  { weight: 2, arbitrary: time },
  { weight: 1, arbitrary: fc.constantFrom(...malformedTimes).map((text): Piece => ({ text })) },
);
const lineEnd = fc.constantFrom("\n", "\r", "\r\n").map((text): Piece => ({ text }));

/** Chance alone seldom makes a whole line of its own: what may be one is made on purpose as well. */
const textBefore = fc.oneof(
  { weight: 3, arbitrary: fc.array(piece, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.tuple(piece, lineEnd) },
  { weight: 2, arbitrary: fc.tuple(lineEnd, time) },
  { weight: 1, arbitrary: fc.tuple(separator) },
);
const textAfter = fc.oneof(
  { weight: 2, arbitrary: fc.array(piece, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.tuple(lineEnd, time) },
  { weight: 1, arbitrary: fc.constant([] as Piece[]) },
);

/** Whose key, and which challenge: everything that an attacker can come by. */
export const announcementKinds = [
  "own key, own challenge",
  "own key, forged challenge",
  "own key, old challenge",
  "own key, honest challenge",
  "honest key, own challenge",
  "honest key, honest challenge",
  "own key, in keygen's words",
] as const;
export type AnnouncementKind = (typeof announcementKinds)[number];

/** The places of a step's log, in the order in which the runner fills them. */
const places = [
  "script",
  "shell",
  "value of env",
  "input of an action",
  "output before",
  "output after",
  "command before",
  "command after",
  "message before",
  "message after",
  "raw",
] as const;

export interface Insertion {
  readonly kind: AnnouncementKind;
  readonly place: (typeof places)[number];
  readonly before: readonly Piece[];
  readonly after: readonly Piece[];
  /** Where in the log, for text that no runner has put there. */
  readonly at: number;
}

const anyInsertion: fc.Arbitrary<Insertion> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant("own key, own challenge" as const) },
    { weight: 2, arbitrary: fc.constantFrom(...announcementKinds) },
  ),
  place: fc.constantFrom(...places),
  before: textBefore,
  after: textAfter,
  at: fc.nat(),
});

export interface Forgery {
  readonly insertions: readonly Insertion[];
  readonly attackerFirst: boolean;
  readonly announcements: number;
}

export const forgery: fc.Arbitrary<Forgery> = fc.record({
  insertions: fc.array(anyInsertion, { minLength: 1, maxLength: 3 }),
  attackerFirst: fc.boolean(),
  announcements: fc.integer({ min: 1, max: 3 }),
});
