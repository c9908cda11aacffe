import * as fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { grantLike, role, roleOf, wideLimits } from "../harness/config.ts";
import { each, patient } from "../harness/identity-verdict.ts";
import { actions2aws } from "../harness/program.ts";

/** All that others may write: whoever commits, names a branch, a job or a pull request, or has an account. */
const written = {
  "text:author": "run.head_commit.author.email",
  "text:branch": "run.head_branch",
  "text:actor": "run.triggering_actor.login",
  "text:title": "run.display_title",
  "text:job": "job.name",
};
const bench = useBench({
  attacks: true,
  grants: [
    grantLike("written", { ref: undefined, job: undefined, tags: written }),
    grantLike("transitive", { transitive_tags: ["github:repo", "github:runId"] }),
  ],
  settings: wideLimits,
});
const sts = () => bench().world.sts;
const tagsOf = (): Record<string, string>[] => sts().assumed.map(({ tags }) => tags);

/** The tags of a job whose every text is this one. */
async function tagsFor(text: string): Promise<Record<string, string>> {
  const { github } = bench().world;
  const { job } = bench().newJob({ run: { displayTitle: text }, job: { name: text } });
  const change = github.api.transform(
    (run: { head_branch: unknown; head_commit: object; triggering_actor: object }) => {
      run.head_branch = text;
      Object.assign(run.head_commit, { author: { email: text } });
      Object.assign(run.triggering_actor, { login: text });
    },
    { match: new RegExp(`/runs/${job.run.id}$`) },
  );
  const client = await bench().client(job);
  const reply = await client.attempt({ role: roleOf("written"), job: { id: job.id } });
  change.remove();
  expect(reply.text).toContain('"credentials"');
  const session = `a2a-1001-${job.run.id}-1-${job.id}`;
  return sts().assumed.find(({ roleSessionName }) => roleSessionName === session)?.tags ?? {};
}

/** What `=XX` stands for, by a reader that shares nothing with the writer. */
function decoded(value: string): string {
  const bytes = value.replaceAll("%", "%25").replaceAll(/=([0-9A-F]{2})/g, "%$1");
  return decodeURIComponent(bytes);
}

const hostile = {
  "an administrator's address": "admin@corp",
  "a tag of its own": "team=admin",
  "two tags of its own": "x&Tags.member.8.Key=team&Tags.member.8.Value=admin",
  "a bot's name": "dependabot[bot]",
  "an issue's number": "#2-x",
  parentheses: "test (ubuntu, 24)",
  emoji: "🚀 ship it 👩‍👩‍👧",
  "control characters": "a\u0000b\u001bc\u007fd",
  "line ends": "a\nb\r\nc\u2028d",
  "text that turns around": "\u202Egnp.exe",
  quotes: `"},{"Key":"team","Value":"admin`,
  "a policy variable": "${aws:PrincipalTag/team}",
  patterns: "*?",
  "percent-encoding": "team%3Dadmin",
  "an escape of our own": "team=3Dadmin",
  XML: "</Value></member>",
  "other scripts": "ветка/分支/فرع",
  "a blank that is none": "a\u00A0b\u3000c",
};

describe("Text that others have written becomes a tag's value, and nothing else (A-04, A-05):", () => {
  test.for(Object.entries(hostile))("%s", async ([, text]) => {
    const tags = await tagsFor(text);
    expect(Object.keys(tags)).toEqual(Object.keys(written));
    const values = new Set(Object.values(tags));
    expect(values.size).toBe(1);
    for (const value of values) {
      expect(value).toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u);
      expect(decoded(value)).toBe(text);
    }
    expect(sts().journal.map(({ note }) => note?.refused)).toEqual([undefined]);
  });

  test("whatever it is, STS takes it, and no two texts become one", patient, async () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }),
      fc.string({ unit: "binary", minLength: 1, maxLength: 80 }),
      fc.string({ unit: fc.constantFrom("=", "3", "D", "d", " ", "%", "a"), minLength: 1 }),
      fc.string({
        unit: fc.constantFrom("=", "a", "é", "🚀", "/"),
        minLength: 200,
        maxLength: 300,
      }),
    );
    const texts = fc.uniqueArray(text, { minLength: 80, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(texts, async (all) => {
        const values = await each(all, async (it) => (await tagsFor(it))["text:title"] ?? "");
        expect(new Set(values).size).toBe(all.length);
        for (const [index, value] of values.entries()) {
          expect(value).toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u);
          // What is too long is cut, and ends in a hash of the whole: that is all that tells two apart.
          if (!/=:[0-9a-f]{32}$/.test(value)) expect(decoded(value)).toBe(all[index]);
          else expect(value).toHaveLength(256);
        }
      }),
      { numRuns: 1, endOnFailure: true },
    );
  });

  test("texts that differ only after what is cut off have different tags", async () => {
    const long = "x".repeat(400);
    const values = await each(
      [`${long}a`, `${long}b`, long],
      async (it) => (await tagsFor(it))["text:title"],
    );
    expect(new Set(values).size).toBe(3);
  });

  test("the default tags are seven, by GitHub's ids, whoever the author says to be", async () => {
    const { job } = bench().newJob({ run: { actor: { id: 7, login: "admin", type: "User" } } });
    await (await bench().client(job)).obtain();
    const { run } = job;
    expect(sts().assumed.map(({ tagList }) => tagList)).toEqual([
      [
        { key: "github:jobId", value: String(job.id) },
        { key: "github:runId", value: String(run.id) },
        { key: "github:run", value: String(run.runNumber) },
        { key: "github:job", value: "deploy" },
        { key: "github:commit", value: run.headSha },
        { key: "github:repo", value: "acme/app" },
        { key: "github:author", value: "admin@example.com" },
      ],
    ]);
    expect(sts().assumed[0]?.transitiveTagKeys).toEqual([]);
  });
});

describe("A tag is never left out to please STS:", () => {
  afterEach(() => {
    sts().packedLimit = 4_096;
    sts().inheritedTagKeys.clear();
  });

  /** Asks once: the refusal is told once, and STS has heard of all tags in its one call. */
  async function refusal(asked: string): Promise<unknown> {
    const { json } = await (await bench().client()).attempt({ role: asked });
    expect(json).toMatchObject({ code: "aws_denied" });
    expect(tagsOf().map((tags) => Object.keys(tags).length)).toEqual([7]);
    expect(bench().records).toMatchObject([{ decision: "denied", code: "aws_denied" }]);
    return bench().records[0]?.note;
  }

  test("tags too large in packed form are one call, and never another with fewer of them (A-06)", async () => {
    sts().packedLimit = 10;
    expect(await refusal(role)).toBe("STS: PackedPolicyTooLargeException");
  });

  test("the error's other name is known as well (A-06)", async () => {
    const body = `<ErrorResponse><Error><Type>Sender</Type><Code>PackedPolicyTooLargeException</Code><Message>canary</Message></Error></ErrorResponse>`;
    const fault = sts().fault({ status: 400, body });
    expect(await refusal(role)).toBe("STS: PackedPolicyTooLargeException");
    fault.remove();
    bench().lostAnswers = sts().issued.length;
  });

  test("a tag that the broker's own session has handed on already is told as aws_denied (A-11)", async () => {
    sts().inheritedTagKeys.add("github:repo");
    expect(await refusal(roleOf("transitive"))).toBe("STS: InvalidParameterValue");
  });

  test("no tag is handed on to further roles but those that the grant names (A-11)", async () => {
    await (await bench().client()).obtain({ role: roleOf("transitive") });
    expect(sts().assumed.map((it) => it.transitiveTagKeys)).toEqual([
      ["github:repo", "github:runId"],
    ]);
  });

  test("a grant's own tag without a value is a refusal, and AWS is not asked (A-06)", async () => {
    const { job } = bench().newJob();
    const change = bench().world.github.api.transform(
      (run) => {
        run["head_commit"] = null;
      },
      { match: new RegExp(`/runs/${job.run.id}$`) },
    );
    const denied = await (await bench().client(job)).attempt({ role: roleOf("written") });
    change.remove();
    expect(denied.status).toBe(403);
    await bench().expectDenied(denied, "no_grant", ["tags"]);
  });
});

describe("A configuration is not loaded whose tags STS would read otherwise (A-04):", () => {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-tags-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const many = Object.fromEntries(
    Array.from({ length: 51 }, (_, index) => [`k${index}`, "run.id"]),
  );
  const bad: Record<string, [tags: object, told: RegExp]> = {
    "keys that differ by case alone": [
      { Team: "run.id", team: "run.event" },
      /differ only by case/,
    ],
    "a key of AWS's own": [{ "aws:PrincipalTag": "run.id" }, /legal tag key/],
    "the same in other case": [{ "AWS:x": "run.id" }, /legal tag key/],
    "a key with other characters": [{ "team[0]": "run.id" }, /legal tag key/],
    "an empty key": [{ "": "run.id" }, /legal tag key/],
    "a key of 129 characters": [{ ["k".repeat(129)]: "run.id" }, /legal tag key/],
    "51 of them": [many, /at most 50/],
    "no JMESPath": [{ team: "run.[" }, /not JMESPath/],
  };
  test.for(Object.entries(bad))("%s", async ([name, [tags, told]]) => {
    const file = join(folder, `${name}.yml`);
    const grant = { name: "g", repository: "acme/app", repository_id: 1, step: "s", role, tags };
    writeFileSync(file, JSON.stringify({ grants: [grant] }));
    const { exitCode, stderr } = await actions2aws(["serve", "--config", file, "--check"]);
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(told)]);
  });
});
