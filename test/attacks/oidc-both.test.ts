import { describe, expect, test } from "vitest";
import type { Claims } from "../world/issuer/claims.ts";
import { roleOf } from "../harness/config.ts";
import { byToken, outcomeOf, served, useTokens } from "../harness/token-scene.ts";

const step = { step: ["assume role"] };
const { bench, tokenOf, ask } = useTokens([
  byToken("both", { proof: "both", ...step }),
  byToken("either", { proof: "either", ...step }),
  byToken("production", { environment: ["production"], proof: "either", ...step }),
]);
const github = () => bench().world.github;
const sts = () => bench().world.sts;

describe("log and token speak of one job, or neither counts:", () => {
  test("the log of another job of the run is none beside the token, whatever job the request names (O-11)", async () => {
    const { job } = bench().newJob();
    const other = github().addJob(job.run, { name: "other" });
    github().addStep(other);
    github().say(other, "assume role", "nothing of ours");
    github().completeStep(other, "assume role");
    const client = await bench().client(job);
    const challenge = await client.challenge();
    client.announce(challenge);
    const shows = (id: number, named: object = { id }) =>
      client.askByToken(tokenOf(client, { check_run_id: String(id) }), {
        role: roleOf("both"),
        ticket: challenge.ticket,
        job: named,
      });
    for (const named of [{ id: other.id }, { name: "deploy" }, { runner_name: job.runnerName }])
      await bench().expectDenied(await shows(other.id, named), "proof_invalid");
    expect(outcomeOf(await shows(job.id))).toEqual(served);
  });

  test("a token of another repository of that name is none beside the log (O-11, G-14)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const shows = (claims: Claims) => ask(client, "both", claims, { ticket: challenge.ticket });
    await bench().expectDenied(await shows({ repository_id: "1002" }), "oidc_invalid");
    expect(outcomeOf(await shows({}))).toEqual(served);
  });

  test("a wrong token beside a right log is refused, and so is a right one beside a wrong ticket (O-02, O-06)", async () => {
    const client = await bench().client();
    const challenge = await client.challenge();
    client.announce(challenge);
    const both = { role: roleOf("either"), ticket: challenge.ticket };
    const stale = tokenOf(client, { exp: 1 });
    await bench().expectDenied(await client.askByToken(stale, both), "oidc_invalid");
    const forged = { ...both, ticket: `${challenge.ticket.slice(0, -4)}AAAA` };
    const reply = await client.askByToken(tokenOf(client), forged);
    await bench().expectDenied(reply, "challenge_invalid");
    expect(sts().journal).toEqual([]);
    expect(outcomeOf(await client.askByToken(tokenOf(client), both))).toEqual(served);
  });

  test("an environment is not proved by the log, whatever the job says of itself (O-15, G-19)", async () => {
    const { job } = bench().newJob({ job: { environment: "production" } });
    const client = await bench().client(job);
    const reply = await client.attempt({ role: roleOf("production") });
    await bench().expectDenied(reply, "no_grant", ["environment"]);
    // The same job's token tells it.
    expect(outcomeOf(await ask(client, "production"))).toEqual(served);
  });
});
