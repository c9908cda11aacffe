import { describe, expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import { signingKey } from "../harness/broker.ts";
import { madeBy } from "../harness/challenges.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { useBench } from "../harness/bench.ts";
import type { Body } from "../harness/client.ts";

const publicUrl = "https://broker.test";
const settings = {
  settings: { public_url: publicUrl },
  tokens: true,
  grants: [grantLike("by-token", { proof: "oidc", step: undefined, job: undefined })],
};
const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

/** What the broker's clock has done between its challenge and the request. */
describe("a challenge made by a clock that was", () => {
  const bench = useBench({ ...settings, attacks: true });
  test.for([
    ["right", 0, "ok"],
    ["half a minute ahead", 30 * seconds, "ok"],
    ["a minute and a half ahead", 90 * seconds, "challenge_invalid"],
    ["an hour ahead", hours, "challenge_invalid"],
    ["a year ahead", 365 * 24 * hours, "challenge_invalid"],
    ["four minutes behind", -4 * minutes, "ok"],
    ["six minutes behind", -6 * minutes, "challenge_expired"],
    ["an hour behind", -hours, "challenge_expired"],
  ] as const)("%s holds or not, by a minute (F-09)", async ([, ahead, code]) => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const challenge = madeBy(signingKey, bench().world, job, client.publicKey, Date.now() + ahead);
    client.announce(challenge);
    const reply = await client.ask(challenge);
    if (code === "ok") await expect(client.credentialsIn(reply)).resolves.toBeDefined();
    else await bench().expectDenied(reply, code);
  });
});

describe.concurrent("the clocks of GitHub and AWS are", () => {
  const clocks: [string, number, { log: string; token: string }][] = [
    ["fifty seconds ahead", 50 * seconds, { log: "ok", token: "ok" }],
    ["fifty seconds behind", -50 * seconds, { log: "ok", token: "ok" }],
    ["four minutes ahead", 4 * minutes, { log: "ok", token: "oidc_invalid" }],
    // By the broker's clock what AWS gives lasts too long, or has ended.
    ["an hour ahead", hours, { log: "aws_unavailable", token: "oidc_invalid" }],
    ["an hour behind", -hours, { log: "aws_unavailable", token: "oidc_invalid" }],
  ];
  test.for(clocks)("%s: what is issued is in order, and nothing hangs (F-09)", ([, ahead, codes]) =>
    alone(
      async (bench) => {
        const codeOf = (json: unknown): string => (json as Body).code ?? "ok";
        const byLog = await bench.client();
        const byToken = await bench.client();
        const replies = {
          log: await byLog.attempt(),
          token: await byToken.askByToken(byToken.token(publicUrl), { role: roleOf("by-token") }),
        };
        expect({ log: codeOf(replies.log.json), token: codeOf(replies.token.json) }).toEqual(codes);
        bench.lostAnswers = codes.log === "aws_unavailable" ? bench.world.sts.issued.length : 0;
      },
      { ...settings, world: { now: () => Date.now() + ahead } },
    )(),
  );

  test(
    "an hour ahead, and AWS refuses signatures of another time: the broker signs by AWS's clock then (F-05, F-09)",
    alone(async (bench) => {
      const date = new Date(Date.now() + hours);
      const { sts } = bench.world;
      sts.fault({
        times: 1,
        status: 403,
        headers: { date: date.toUTCString(), "content-type": "text/xml" },
        body: `<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired</Message></Error></ErrorResponse>`,
      });
      await bench.expectGolden();
      const signed = sts.journal.map(({ headers }) => String(headers["x-amz-date"]).slice(0, 11));
      const hourOf = (time: Date) => time.toISOString().replaceAll("-", "").slice(0, 11);
      expect(signed).toEqual([hourOf(new Date()), hourOf(date)]);
      // The simulated STS made a session even for the answer that the fault put aside.
      bench.lostAnswers = 1;
    }),
  );
});
