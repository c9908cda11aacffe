import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { grantLike, roleOf } from "../harness/config.ts";
import { useRenewals } from "../harness/renewal-scene.ts";

const { bench, given, tokenFor } = useRenewals({
  grants: [grantLike("short", { max_age: "15m" }), grantLike("longest", { max_age: "120h" })],
});
const sts = () => bench().world.sts;

describe("a renewal is for the key, role and time of the first credentials:", () => {
  test("who has stolen the token gets what only the job can open (R-02)", async () => {
    const { client, first } = await given();
    const thief = await bench().client();
    const reply = await thief.renew(first.RenewalToken);
    await expect(thief.credentialsIn(reply)).rejects.toThrow("no identity matched");
    await expect(client.credentialsIn(reply)).resolves.toBeDefined();
    expect(bench().records).toMatchObject([{ asked: { public_key: client.publicKey } }]);
  });

  const more: Record<string, (thief: Client) => object> = {
    "another key (R-02)": ({ publicKey }) => ({ public_key: publicKey }),
    "another role (R-06)": () => ({ role: roleOf("short") }),
    "a longer time (R-06)": () => ({ duration_seconds: 43_200 }),
    "another run (R-06)": () => ({ run_id: 4_242 }),
    "another job (R-06)": () => ({ job: { id: 4_242 } }),
    "a step (R-06)": () => ({ step: "another" }),
    "a region (R-06)": () => ({ region: "us-east-1" }),
    "a session policy (R-06)": () => ({ session_policy: {} }),
    "a ticket (R-06)": () => ({ ticket: "x" }),
  };
  test.for(Object.entries(more))("a request that names %s is an error", async ([, add]) => {
    const { client, first } = await given();
    const named = add(await bench().client());
    await bench().expectDenied(await client.renew(first.RenewalToken, named), "invalid_request");
    expect(bench().asked).toEqual([]);
  });

  test("however often it is renewed, it lasts as long as the first, for the same role and session (R-06)", async () => {
    const { client, first } = await given({ duration_seconds: 1_200 });
    const second = await client.credentialsIn(await client.renew(first.RenewalToken));
    await client.credentialsIn(await client.renew(second.RenewalToken));
    const [one, other] = sts().assumed;
    expect(one).toMatchObject({ durationSeconds: 1_200, roleArn: roleOf("long") });
    expect(other).toEqual(one);
  });
});

describe("renewals end with the grant's longest time, though the job does not:", () => {
  const minute = 60_000;
  const hour = 60 * minute;
  test.for<[string, string, number]>([
    ["15 minutes, where the grant says so", "short", 15 * minute],
    ["a day, where it says nothing", "long", 24 * hour],
    ["five days at most", "longest", 120 * hour],
  ])("after %s (R-04)", async ([, name, age]) => {
    const made = await given();
    const role = roleOf(name);
    const token = (since: number): string => tokenFor(made, { role, since });
    const late = await made.client.renew(token(Date.now() - age - 1));
    await bench().expectDenied(late, "renewal_invalid");
    const inTime = await made.client.renew(token(Date.now() - age + minute));
    await made.client.credentialsIn(inTime);
  });

  test("counted from the first credentials, however often they were renewed since (R-04)", async () => {
    const made = await given();
    const end = Date.now() + 6_000;
    const role = roleOf("short");
    let token = tokenFor(made, { role, since: end - 15 * minute });
    for (let round = 0; round < 3; round++) {
      const reply = await made.client.renew(token);
      ({ RenewalToken: token } = await made.client.credentialsIn(reply));
    }
    const sessions = bench().records.map(({ session_name, asked }) => [session_name, asked]);
    expect(sessions).toEqual([sessions[0], sessions[0], sessions[0]]);
    await bench().check();
    bench().begin();
    await sleep(end - Date.now());
    await bench().expectDenied(await made.client.renew(token), "renewal_invalid");
  });
});
