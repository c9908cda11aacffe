import { describe, expect, test } from "vitest";
import { roleOf } from "../harness/config.ts";
import { byToken, outcomeOf, served, useTokens } from "../harness/token-scene.ts";

const { bench, tokenOf, ask, show } = useTokens([
  byToken("other", {}),
  byToken("by-octocat", { actor: ["octocat"] }),
]);
const sts = () => bench().world.sts;
const used = [401, "oidc_invalid", []];

describe("a token is good once:", () => {
  test("the same request sent 30 times gets one answer, for one call of AWS (O-09)", async () => {
    const client = await bench().client();
    const token = tokenOf(client);
    bench().repeated = 30;
    const replies = await Promise.all(Array.from({ length: 30 }, () => show(client, token)));
    replies.push(await show(client, token));
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    await client.credentialsIn(replies[0] ?? expect.unreachable());
    expect(sts().assumed).toHaveLength(1);
  });

  test.for<[string, object]>([
    ["another role", { role: roleOf("other") }],
    ["a longer time", { duration_seconds: 3_600 }],
    ["another step", { step: "another" }],
  ])("it is none for %s after that (O-09)", async ([, change]) => {
    const client = await bench().client();
    const token = tokenOf(client);
    expect(outcomeOf(await show(client, token))).toEqual(served);
    expect(outcomeOf(await show(client, token, change))).toEqual(used);
    expect(bench().records).toMatchObject([{ decision: "allowed" }, { code: "oidc_invalid" }]);
    expect(sts().assumed).toHaveLength(1);
  });

  test("another token of the same id is none, though it is made anew (O-09)", async () => {
    const client = await bench().client();
    const jti = "00000000-0000-4000-8000-00000000000a";
    expect(outcomeOf(await ask(client, "by-token", { jti }))).toEqual(served);
    // The same request by a token of that id gets the answer that was given; any other gets nothing.
    bench().repeated = 1;
    expect(outcomeOf(await ask(client, "by-token", { jti }))).toEqual(served);
    expect(outcomeOf(await ask(client, "other", { jti }))).toEqual(used);
    expect(sts().assumed).toHaveLength(1);
  });

  test("with `store: memory` a restart forgets that it was used: it leads to a second session, for nobody but its key (O-09)", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const token = tokenOf(client);
    expect(outcomeOf(await show(client, token))).toEqual(served);
    await bench().restart();
    const thief = await bench().client(job);
    const again = await show(thief, token, { public_key: client.publicKey });
    await expect(thief.credentialsIn(again)).rejects.toThrow("no identity matched");
    await client.credentialsIn(again);
  });

  test("nor does it become good again beside tickets, where no log is read (O-09)", async () => {
    const client = await bench().client();
    const token = tokenOf(client);
    const beside = async () => show(client, token, { ticket: (await client.challenge()).ticket });
    expect(outcomeOf(await beside())).toEqual(served);
    expect(outcomeOf(await beside())).toEqual(used);
    expect(outcomeOf(await show(client, token))).toEqual(used);
    expect(sts().assumed).toHaveLength(1);
  });

  test("a refusal does not use it up (O-09)", async () => {
    const client = await bench().client();
    const token = tokenOf(client, { actor: "mallory" });
    await bench().expectDenied(
      await show(client, token, { role: roleOf("by-octocat") }),
      "no_grant",
      ["actor"],
    );
    expect(outcomeOf(await show(client, token))).toEqual(served);
  });

  test("trouble at AWS does not use it up (O-09, F-05)", async () => {
    const client = await bench().client();
    const token = tokenOf(client);
    const refusal = sts().refuse("AccessDenied");
    expect(outcomeOf(await show(client, token))).toEqual([502, "aws_denied", []]);
    refusal.remove();
    expect(outcomeOf(await show(client, token))).toEqual(served);
  });
});

test("any step of the job gets a token for a key of its own, and the record names the key of each (O-17)", async () => {
  const { job } = bench().newJob();
  const [own, other] = [await bench().client(job), await bench().client(job)];
  for (const client of [own, other]) await client.credentialsIn(await ask(client, "by-token"));
  expect(bench().records).toMatchObject(
    [own, other].map(({ publicKey }) => ({
      decision: "allowed",
      identity: { job_id: job.id },
      asked: { public_key: publicKey },
    })),
  );
});
