import { describe, expect, test } from "vitest";
import type { Reply } from "../world/ask.ts";
import { useBench } from "../harness/bench.ts";
import type { Body } from "../harness/client.ts";

const bench = useBench({ attacks: true });
const sts = () => bench().world.sts;
const answerOf = ({ status, json }: Reply) => [status, (json as Body).code];

describe("STS says no for good:", () => {
  test("AccessDenied ends the step at once, with what to check (A-12, A-15)", async () => {
    const refusal = sts().refuse("AccessDenied");
    const job = bench().newJob();
    const step = await job.run("assume role", `eval $(${bench().request()})\necho went on`);
    refusal.remove();
    expect(step).toMatchObject({ exitCode: 1, stdout: "" });
    expect(step.stderr).toMatch(/aws_denied.*trust policy \(sts:AssumeRole, sts:TagSession\)/);
    expect(step.stderr).not.toContain("not authorized");
    expect(sts().journal).toHaveLength(1);
    expect(bench().records).toMatchObject([
      { decision: "denied", code: "aws_denied", note: "STS: AccessDenied", grant: "app-deploy" },
    ]);
  });

  test("the client's exit code is 3", async () => {
    const refusal = sts().refuse("AccessDenied");
    const step = await bench().newJob().run("assume role", bench().request());
    refusal.remove();
    expect(step.exitCode).toBe(3);
  });

  test("RegionDisabledException too", async () => {
    const refusal = sts().refuse("RegionDisabledException");
    const reply = await (await bench().client()).attempt();
    refusal.remove();
    expect(answerOf(reply)).toEqual([502, "aws_denied"]);
    expect(sts().journal).toHaveLength(1);
  });

  /** AWS's own words, with what only the operator may know; `canary` is looked for wherever it could be. */
  const words = {
    AccessDenied:
      "User: arn:aws:sts::111122223333:assumed-role/canary-broker/i-0canary is not authorized to perform: sts:TagSession on resource: arn:aws:iam::123456789012:role/canary",
    ValidationError: "1 validation error detected: Value 'canary' at 'roleSessionName' failed",
    MalformedPolicyDocument: "canary: Syntax errors in policy.",
    InternalFailure: "canary-host-7.internal",
    SomethingNew: "canary",
    "arn:aws:iam::111122223333:role/canary": "canary",
    "canary, as a proxy would tell it": "canary",
  };
  test.for(Object.entries(words))(
    "nobody hears AWS's own words to %s, in the answer, the job, the log or the audit (A-15)",
    async ([code, message]) => {
      const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>canary-request</RequestId></ErrorResponse>`;
      const fault = sts().fault({ status: 403, body });
      const reply = await (await bench().client()).attempt();
      const step = await bench().newJob().run("assume role", bench().request("--timeout 2s"));
      fault.remove();
      expect((reply.json as Body).code).toMatch(/^aws_(?:denied|unavailable)$/);
      for (const text of [
        reply.text,
        step.stdout,
        step.stderr,
        step.log,
        JSON.stringify(bench().records),
      ])
        expect(text).not.toMatch(/111122223333|i-0|validation error|Syntax|canary/);
      bench().lostAnswers = sts().issued.length;
    },
  );
});

describe("STS is in trouble:", () => {
  test("Throttling twice is not even noticed (F-05)", async () => {
    sts().refuse("Throttling", 2);
    const step = await bench().newJob().run("assume role", `eval $(${bench().request()})`);
    expect(step.exitCode).toBe(0);
    expect(sts().journal.map(({ note }) => note?.refused)).toEqual([
      "Throttling",
      "Throttling",
      undefined,
    ]);
    expect(new Set(sts().assumed.map(({ roleSessionName }) => roleSessionName)).size).toBe(1);
  });

  test("500 for ever ends in aws_unavailable after few calls, and the client in its time (F-05)", async () => {
    const fault = sts().fault({ status: 500 });
    const step = await bench().newJob().run("assume role", bench().request("--timeout 3s"));
    expect(step).toMatchObject({ exitCode: 4, stdout: "false\n" });
    expect(step.stderr).toContain("aws_unavailable");
    expect(sts().journal.length).toBeLessThanOrEqual(3);
    expect(bench().records).toMatchObject([{ decision: "denied", code: "aws_unavailable" }]);
    bench().lostAnswers = sts().issued.length;
    fault.remove();
  });

  test.for([
    "ExpiredToken",
    "InvalidClientTokenId",
    "InternalFailure",
    "ServiceUnavailable",
  ] as const)(
    "%s is told as trouble of the broker's, and is over when AWS's is (F-05)",
    async (code) => {
      const refusal = sts().refuse(code);
      const client = await bench().client();
      const challenge = await client.challenge();
      client.announce(challenge);
      const reply = await client.ask(challenge);
      expect(answerOf(reply)).toEqual([503, "aws_unavailable"]);
      expect(reply.headers.get("retry-after")).toMatch(/^\d+$/);
      expect(sts().journal.length).toBeLessThanOrEqual(3);
      refusal.remove();
      // The same challenge is still good: nothing was given for it.
      await expect(client.credentialsIn(await client.ask(challenge))).resolves.toBeDefined();
    },
  );
});

describe("STS answers with what is none:", () => {
  const error = `<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>`;
  const odd: Record<string, (xml: string) => string> = {
    "no XML": () => "oops",
    nothing: () => "",
    "half of an answer": (xml) => xml.slice(0, xml.length / 2),
    "all but the end of an answer": (xml) => xml.replace("</AssumeRoleResponse>", ""),
    "a page of a proxy's": () => "<!DOCTYPE html><html><body>Sign in</body></html>",
    JSON: () => `{"Credentials":{"AccessKeyId":"ASIACANARY0000000000"}}`,
    "an error in it": () => error,
    "an answer to another question": (xml) => xml.replaceAll("AssumeRole", "GetCallerIdentity"),
    "an access key id that would be a command": (xml) =>
      xml.replace(/(<AccessKeyId>)\w+/, "$1`touch /tmp/x`"),
    "a secret that would be a command": (xml) =>
      xml.replace(/(<SecretAccessKey>)[^<]+/, "$1$(touch /tmp/x)"),
    "a session token of two lines": (xml) =>
      xml.replace(/(<SessionToken>)([^<]+)/, "$1$2\n::set-env name=PATH::/tmp"),
    "a session token without end": (xml) =>
      xml.replace(/(<SessionToken>)([^<]+)/, `$1${"x".repeat(20_000)}`),
    "a document that grows when it is read": (xml) =>
      xml
        .replace(
          /^/,
          `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`,
        )
        .replace(/(<SessionToken>)[^<]+/, "$1&b;&b;"),
    "a session of another job": (xml) =>
      xml.replace(/(assumed-role\/app-deploy\/a2a-1001-\d+-1-)\d+/, "$11"),
    "another role": (xml) => xml.replace(":assumed-role/app-deploy/", ":assumed-role/admin/"),
    "another account": (xml) => xml.replace("sts::123456789012", "sts::999999999999"),
    "a role of another path": (xml) => xml.replace("assumed-role/", "assumed-role/x/"),
  };
  test.for(Object.entries(odd))("200 and %s gives no credentials (A-13)", async ([, spoil]) => {
    expect(await answerTo(spoil)).toEqual([503, "aws_unavailable"]);
  });

  const in15m = 900;
  const ends: Record<string, string> = {
    "in the past": "2020-01-01T00:00:00Z",
    "a second ago": at(-1),
    "an hour later than was asked for": at(in15m + 3_600),
    "in twelve hours": at(43_200),
    "in a hundred years": "2126-01-01T00:00:00Z",
    never: "9999-12-31T23:59:59Z",
    "at no time": "soon",
    "on a day that is none": "2126-02-30T00:00:00Z",
    "at a number": "4102444800",
  };
  test.for(Object.entries(ends))(
    "credentials that end %s are not handed on (A-13)",
    async ([, end]) => {
      const spoil = (xml: string) => xml.replace(/(<Expiration>)[^<]+/, `$1${end}`);
      expect(await answerTo(spoil)).toEqual([503, "aws_unavailable"]);
    },
  );

  test("credentials that end a little sooner are handed on, and all are told when (A-13)", async () => {
    const end = at(600);
    const sooner = sts().rewrite((xml) =>
      xml.replace(/(<Expiration>)[^<]+/, `$1${end.replace("Z", "+00:00")}`),
    );
    const client = await bench().client();
    const reply = await client.attempt();
    sooner.remove();
    const { Expiration } = await client.credentialsIn(reply);
    expect([Expiration, (reply.json as Body).expiration]).toEqual([end, end]);
    expect(bench().records).toMatchObject([{ expiration: end }]);
  });

  test("a redirect is not followed (A-13, A-14)", async () => {
    const { issuer } = bench().world;
    const fault = sts().fault({ redirect: `${issuer.url}/` });
    const reply = await (await bench().client()).attempt();
    fault.remove();
    expect(answerOf(reply)).toEqual([503, "aws_unavailable"]);
    expect(issuer.journal).toEqual([]);
    bench().lostAnswers = sts().issued.length;
  });

  /** Asks while every answer is spoiled so; the audit is to tell the same. */
  async function answerTo(spoil: (xml: string) => string): Promise<unknown[]> {
    const spoiled = sts().rewrite((xml) => {
      const made = spoil(xml);
      expect(made).not.toBe(xml);
      return made;
    });
    const reply = await (await bench().client()).attempt();
    spoiled.remove();
    expect(reply.text).not.toMatch(/ASIA|touch/);
    expect(bench().records).toMatchObject([{ decision: "denied", code: "aws_unavailable" }]);
    bench().lostAnswers = sts().issued.length;
    return answerOf(reply);
  }
});

/** So many seconds from now, as AWS writes it. */
function at(seconds: number): string {
  return new Date(Date.now() + seconds * 1_000).toISOString().replace(/\.\d+Z$/, "Z");
}
