import { describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { type Change, codeOf, type Fields, send, taken } from "../harness/requests.ts";
import { roleOf, wideLimits } from "../harness/config.ts";

const bench = useBench({ attacks: true, settings: wideLimits });

const traversals = [
  "acme/../evil/x",
  "acme/../acme/app",
  "acme/%2e%2e/evil/x",
  "acme/%2E%2E",
  "acme\\..\\evil",
  "acme/..",
  "acme/.",
  "../app",
  "./app",
  "acme/app?x=",
  "acme/app#x",
  "acme/app/",
  "/acme/app",
  "acme//app",
  "//evil/app",
  "acme/app/..",
  "acme",
  "",
  "acme/",
  "ac\tme/app",
  "acme/ap\np",
  "acme/app\n",
  " acme/app",
  "acme/app ",
  "evil@host/app",
  "acme:80/app",
  "acme/app;x",
  "acme/app%00",
  "acme/app\0",
  "https://evil/app",
  "acme/*",
  "*/app",
  "acme/\u0430pp",
  "acme/app\u200B",
  "\u212A/app",
  `acme/${"a".repeat(101)}`,
];

describe("what bends an address is turned away before anybody is asked (H-01):", () => {
  test("a repository that is not OWNER/NAME", async () => {
    expect(
      await taken(
        bench(),
        traversals.map((repository) => (fields) => ({ ...fields, repository })),
      ),
    ).toEqual([]);
  });

  test("a job, an attempt or a run that is a path", async () => {
    const paths = ["5001/../../evil", "5001%2f..", "5001?x", "5001#", "../5001", "@evil"];
    expect(
      await taken(
        bench(),
        paths.flatMap((path) => [
          (fields) => ({ ...fields, run_id: path }),
          (fields) => ({ ...fields, run_attempt: path }),
          (fields) => ({ ...fields, job: { id: path } }),
        ]),
      ),
    ).toEqual([]);
  });

  test("and the same of the original's clients", async () => {
    const bodies = traversals.map((Repo) => ({
      Repo,
      RunId: "5001",
      JobName: "deploy",
      StepName: "assume role",
      RoleARN: roleOf("app-deploy"),
    }));
    const replies = await Promise.all(bodies.map((body) => send(bench(), "/", body)));
    expect(new Set(replies.map(codeOf))).toEqual(new Set(["invalid_request"]));
    expect(bench().asked).toEqual([]);
    expect(bench().world.sts.journal).toEqual([]);
  });
});

describe("a number in another spelling is no id", () => {
  const spelt: readonly ((id: number) => string)[] = [
    (id) => `${id}.0`,
    (id) => `${id / 1_000}e3`,
    (id) => `${id}e0`,
    (id) => `-${id}`,
    (id) => `0x${id.toString(16)}`,
    (id) => `0${id}`,
    (id) => `+${id}`,
  ];
  const texts: readonly ((id: number) => string)[] = [
    ...spelt,
    (id) => ` ${id}`,
    (id) => `${id} `,
    (id) => `${id}\n`,
    (id) => `${id}abc`,
    (id) => `${id}n`,
    (id) => `${id}_`,
    (id) => String(id).replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    () => "",
    () => "0",
    () => "Infinity",
  ];
  const fields = ["run_id", "run_attempt", "id"];

  test.for(fields)("as %s, be it a JSON number or text (H-03)", async (field) => {
    const put =
      (spell: (id: number) => string, quote: (text: string) => string): Change =>
      (good) =>
        JSON.stringify(good).replace(
          new RegExp(`"${field}":(\\d+)`),
          (_, id: string) => `"${field}":${quote(spell(Number(id)))}`,
        );
    expect(
      await taken(bench(), [
        ...spelt.map((spell) => put(spell, (text) => text)),
        ...[() => "0", () => "1e999", () => "NaN"].map((spell) => put(spell, (text) => text)),
        ...texts.map((spell) => put(spell, JSON.stringify)),
      ]),
    ).toEqual([]);
  });

  test("nor is one that would be rounded to another (H-04)", async () => {
    const { github } = bench().world;
    const [near, far] = [2 ** 53, 2 ** 53 + 2];
    for (const id of [near, far]) github.addJob(github.addRun(bench().repository, { id }));
    const big = [
      "9007199254740992",
      "9007199254740993",
      "9007199254740994",
      "99999999999999999999",
    ];
    expect(
      await taken(
        bench(),
        big.flatMap((id) =>
          [id, `"${id}"`].flatMap((text) =>
            fields.map(
              (field): Change =>
                (good) =>
                  JSON.stringify(good).replace(new RegExp(`"${field}":\\d+`), `"${field}":${text}`),
            ),
          ),
        ),
      ),
    ).toEqual([]);
  });
});

describe("a body that two readers would read differently is refused:", () => {
  test("a key given twice, whichever of the two is right (H-05)", async () => {
    const twice = ["repository", "run_id", "run_attempt", "public_key", "job"].flatMap((key) => [
      (fields: Fields) => `{${JSON.stringify(key)}:"acme/evil",${JSON.stringify(fields).slice(1)}`,
      (fields: Fields) => `${JSON.stringify(fields).slice(0, -1)},"${key}":"acme/evil"}`,
      (fields: Fields) =>
        `{"${key}":${JSON.stringify(fields[key])},${JSON.stringify(fields).slice(1)}`,
      // The same key, written with an escape.
      (fields: Fields) =>
        `{"\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}":${JSON.stringify(fields[key])},${JSON.stringify(fields).slice(1)}`,
    ]);
    const nested = (fields: Fields): string =>
      JSON.stringify(fields).replace('"job":{', '"job":{"id":1,');
    expect(await taken(bench(), [...twice, nested])).toEqual([]);
  });

  test("a key in another case, or one that is not known (H-05)", async () => {
    const also = ["Repository", "REPOSITORY", "run_ID", "Job", "extra", "host", "server_url", ""];
    expect(
      await taken(bench(), [
        ...also.map((key) => (fields: Fields) => ({ ...fields, [key]: "acme/app" })),
        ...also.map((key) => (fields: Fields) => ({ ...fields, job: { id: 7_001, [key]: "x" } })),
        ({ repository, ...fields }) => ({ ...fields, Repository: repository }),
      ]),
    ).toEqual([]);
  });

  test("what only a lenient reader takes for JSON (H-05)", async () => {
    const around: readonly ((text: string) => string)[] = [
      (text) => `${text},`,
      (text) => `${text}{}`,
      (text) => `${text}//x`,
      (text) => `[${text}]`,
      (text) => text.replace("}", ",}"),
      (text) => text.replaceAll('"', "'"),
      (text) => JSON.stringify(text),
      () => "",
      () => "null",
      () => "1",
    ];
    expect(
      await taken(
        bench(),
        around.map((change) => (fields) => change(JSON.stringify(fields))),
      ),
    ).toEqual([]);
  });
});
