import { grantLike, roleOf } from "../../harness/config.ts";
import { noGrant, ofRun, runOf, type Scenes, type Table, type Tables } from "./scene.ts";

export const nameGrants = [
  grantLike("accented", { job: ["d\u00E9ploiement"] }),
  grantLike("by-mark", { actor: ["mark"] }),
];

/** Names that people, a normal form or a trim would take for the pinned one. */
const lookAlikes = (name: string): Record<string, string> => ({
  "with a Cyrillic letter": name.replace("a", "\u0430").replace("e", "\u0435"),
  "in full width": name.replace(/[a-z]/, (letter) =>
    String.fromCharCode(letter.charCodeAt(0) + 0xfee0),
  ),
  "with a zero-width space": `${name}\u200B`,
  "with a soft hyphen": `${name.slice(0, 2)}\u00AD${name.slice(2)}`,
  "with a mark that turns the text": `\u202E${name}`,
  "with a Hangul filler": `${name}\u3164`,
  "with a variation selector": `${name}\uFE0F`,
  "with a byte order mark": `\uFEFF${name}`,
  "in other letters": name.toUpperCase(),
});
/** What a branch can't have, and a job can. */
const blanks = (name: string): Record<string, string> => ({
  "with a blank behind it": `${name} `,
  "with a blank before it": ` ${name}`,
  "with a hard blank": `${name}\u00A0`,
  "with a line end": `${name}\n`,
  "with a NUL": `${name}\0`,
});

const rowsOf = (
  names: Record<string, string>,
  row: (name: string) => Table["rows"][string],
): Table["rows"] =>
  Object.fromEntries(Object.entries(names).map(([how, name]) => [how, row(name)]));

export const nameTables: Tables = {
  "a job's name that only looks like the pinned one is another (G-16)": {
    rows: rowsOf({ ...lookAlikes("deploy"), ...blanks("deploy") }, (name) => ({
      job: ofRun({}, { name }),
    })),
    verdict: noGrant("job"),
  },
  "a branch's name that only looks like the pinned one is another (G-16)": {
    rows: rowsOf(lookAlikes("main"), (headBranch) => ({
      job: (bench) => {
        bench.world.github.push(bench.repository, headBranch, `work on ${headBranch}`);
        return runOf(bench, { headBranch });
      },
    })),
    verdict: noGrant("ref"),
  },
  "a step's name that only looks like the pinned one is another (G-16)": {
    rows: rowsOf({ ...lookAlikes("assume role"), ...blanks("assume role") }, (step) => ({
      job: ofRun({}),
      asks: () => ({ step }),
    })),
    verdict: noGrant("step"),
  },
};

const person = (login: string) => ({ id: 77, login, type: "User" as const });

export const nameScenes: Scenes = {
  "an accented name is served, written as the grant has it (G-16)": {
    job: ofRun({}, { name: "d\u00E9ploiement" }),
    role: roleOf("accented"),
    verdict: "served",
  },
  "an accented name in two code points is another name (G-16)": {
    job: ofRun({}, { name: "d\u00E9ploiement".normalize("NFD") }),
    role: roleOf("accented"),
    verdict: noGrant("job"),
  },
  "a login in other letters is the same one (G-15)": {
    job: ofRun({ actor: person("MARK") }),
    role: roleOf("by-mark"),
    verdict: "served",
  },
  "a login with the sign for kelvin is another one (G-15)": {
    job: ofRun({ actor: person("mar\u212A") }),
    role: roleOf("by-mark"),
    verdict: noGrant("actor"),
  },
  "a repository in other letters is the same one (G-15)": {
    job: ofRun({}),
    asks: () => ({ repository: "ACME/App" }),
    verdict: "served",
  },
};
