import { request } from "node:http";
import { expect, test } from "vitest";
import { alone } from "../harness/alone.ts";
import { useRenewals } from "../harness/renewal-scene.ts";
import { bodyOf } from "../harness/token-scene.ts";

const { bench, given } = useRenewals();
const sts = () => bench().world.sts;

test("the same renewal asked for 100 times at once gets one answer, for one call of AWS (R-07)", async () => {
  const { client, first } = await given();
  bench().repeated = 99;
  const renewals = Array.from({ length: 100 }, () => client.renew(first.RenewalToken));
  const replies = await Promise.all(renewals);
  expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  await client.credentialsIn(replies[0] ?? expect.unreachable());
  expect(sts().assumed).toHaveLength(1);
});

test("an answer that was lost on its way can be asked for again, and is the one that was lost (R-07)", async () => {
  const { client, first } = await given();
  const barrier = sts().barrier(/./);
  const lost = request(`${bench().broker.url}/v1/renewals`, {
    method: "POST",
    headers: { "content-type": "application/json" },
  }).on("error", () => {});
  lost.end(JSON.stringify({ renewal_token: first.RenewalToken }));
  await barrier.arrived;
  lost.destroy();
  barrier.release();
  const credentials = await client.credentialsIn(await client.renew(first.RenewalToken));
  expect(sts().issued).toMatchObject([{ accessKeyId: credentials.AccessKeyId }]);
  expect(bench().records).toMatchObject([{ access_key_id: credentials.AccessKeyId }]);
  bench().repeated = 1;
});

test("what AWS has refused can be asked for again (R-07)", async () => {
  const { client, first } = await given();
  const refusal = sts().refuse("AccessDenied");
  const reply = await client.renew(first.RenewalToken);
  expect([reply.status, bodyOf(reply).code]).toEqual([502, "aws_denied"]);
  refusal.remove();
  await client.credentialsIn(await client.renew(first.RenewalToken));
});

test("each answer brings a token of its own, so that the next renewal brings new credentials (R-07)", async () => {
  const { client, first } = await given();
  const all = [first];
  for (let round = 0; round < 3; round++)
    all.push(await client.credentialsIn(await client.renew(all.at(-1)?.RenewalToken ?? "")));
  expect(new Set(all.map(({ AccessKeyId }) => AccessKeyId)).size).toBe(4);
  expect(new Set(all.map(({ RenewalToken }) => RenewalToken)).size).toBe(4);
});

test(
  "a job that renews without an end comes to the limit of its run, and others are served (R-07)",
  alone(
    async (own) => {
      const client = await own.client();
      let { RenewalToken: token } = await client.obtain();
      let code: string | undefined;
      for (let round = 0; round < 40 && code === undefined; round++) {
        const reply = await client.renew(token);
        ({ code } = bodyOf(reply));
        if (code === undefined) ({ RenewalToken: token } = await client.credentialsIn(reply));
        else expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
      }
      expect(code).toBe("rate_limited");
      expect(own.world.sts.issued.length).toBeLessThanOrEqual(10);
      await own.expectGolden();
    },
    { settings: { limits: { per_run: "10/m" } } },
  ),
);
