import { afterEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import type { Body } from "../harness/client.ts";

const bench = useBench({ attacks: true });
const sts = () => bench().world.sts;
const answerOf = ({ status, json }: { status: number; json: unknown }) => [
  status,
  (json as Body).code,
];

afterEach(() => {
  sts().packedLimit = 4_096;
});

describe("STS says no for good:", () => {
  test("AccessDenied ends the step at once, with what to check, and none of AWS's own text (A-12, A-15)", async () => {
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
    await bench().expectGolden();
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

  test("tags that are too large in packed form: one call, and never another with fewer of them (A-06)", async () => {
    sts().packedLimit = 10;
    const reply = await (await bench().client()).attempt();
    expect(answerOf(reply)).toEqual([502, "aws_denied"]);
    expect(sts().journal.map(({ note }) => note?.refused)).toEqual(["PackedPolicyTooLarge"]);
    sts().packedLimit = 4_096;
    await bench().expectGolden();
  });
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
    await bench().expectGolden();
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

  const malformed: Record<string, (xml: string) => string> = {
    "no XML": () => "oops",
    nothing: () => "",
    "half of an answer": (xml) => xml.slice(0, xml.length / 2),
    "no session token": (xml) => xml.replace(/<SessionToken>.*<\/SessionToken>/, ""),
    "no expiration": (xml) => xml.replace(/<Expiration>.*<\/Expiration>/, ""),
    "an expiration that has passed": (xml) => xml.replace(/(<Expiration>)\d+/, "$12020"),
    "another role": (xml) => xml.replace(":assumed-role/app-deploy/", ":assumed-role/admin/"),
    "another session": (xml) => xml.replace("/a2a-1001-", "/a2a-1002-"),
    "an access key id that would be a command": (xml) =>
      xml.replace(/(<AccessKeyId>)\w+/, "$1`touch /tmp/x`"),
  };
  test.for(Object.entries(malformed))(
    "an answer of 200 with %s gives no credentials (A-13)",
    async ([, spoil]) => {
      const { job } = bench().newJob();
      const client = await bench().client(job);
      const fault = sts().fault({ body: spoil(answerFor(`a2a-1001-${job.run.id}-1-${job.id}`)) });
      const reply = await client.attempt();
      fault.remove();
      expect(answerOf(reply)).toEqual([503, "aws_unavailable"]);
      bench().lostAnswers = sts().issued.length;
      await bench().expectGolden();
    },
  );

  test("the answer that these are made of is taken when nothing is wrong with it", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const fault = sts().fault({ body: answerFor(`a2a-1001-${job.run.id}-1-${job.id}`) });
    const given = await client.obtain();
    fault.remove();
    expect(given.AccessKeyId).toBe("ASIACANARY0000000000");
    // They are not of STS's making, so its journal does not vouch for them.
    bench().begin();
  });
});

function answerFor(session: string): string {
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>AROA0000000000000000:${session}</AssumedRoleId>
      <Arn>arn:aws:sts::123456789012:assumed-role/app-deploy/${session}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIACANARY0000000000</AccessKeyId>
      <SecretAccessKey>canary+Secret/0000000000000000000000000000</SecretAccessKey>
      <SessionToken>canarySessionToken//0000000000000000000000==</SessionToken>
      <Expiration>2099-01-01T00:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>
</AssumeRoleResponse>
`;
}
