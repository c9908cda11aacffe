import { describe, expect, test } from "vitest";
import { byToken, outcomeOf, publicUrl, served, useTokens } from "../harness/token-scene.ts";

const ofAnother = byToken("of-another", { repository: "acme/other", repository_id: undefined });
const { bench, tokenOf, ask, show, expectNotAccepted } = useTokens([ofAnother]);

describe("a token is for one broker and one key, as one text: it is not accepted", () => {
  const others: Record<string, (audience: string, key: string) => unknown> = {
    "for another key": (_, key) => `${publicUrl}#${key.slice(0, -6)}qqqqqq`,
    "for another broker and this key": (_, key) => `https://other.example.com#${key}`,
    "for the address that the broker listens on": (_, key) => `${bench().broker.url}#${key}`,
    "for a broker whose name begins like it": (_, key) => `${publicUrl}.evil.example#${key}`,
    "for a path of this broker": (_, key) => `${publicUrl}/#${key}`,
    "by plain http": (audience) => audience.replace("https:", "http:"),
    "in another case": (audience) => audience.toUpperCase(),
    "with a character less": (audience) => audience.slice(0, -1),
    "with a character more": (audience) => `${audience}x`,
    "with a blank before it": (audience) => ` ${audience}`,
    "for the broker with any key": () => publicUrl,
    "for the key with any broker": (_, key) => key,
    "for AWS": () => "sts.amazonaws.com",
    "for the owner's page, as GitHub has it by default": () => "https://github.com/acme",
    "for another as well": (audience) => ["sts.amazonaws.com", audience],
    "for others after it": (audience) => [audience, "https://other.example.com"],
    "as a list": (audience) => [audience],
    "as an object": (audience) => ({ 0: audience, length: 1 }),
    "as an empty text": () => "",
    "as null": () => null,
    "for nobody": () => undefined,
  };
  test.for(Object.entries(others))("%s (O-01)", async ([, change]) => {
    const client = await bench().client();
    const audience = `${publicUrl}#${client.publicKey}`;
    const aud = change(audience, client.publicKey);
    expect(aud).not.toBe(audience);
    await expectNotAccepted(await ask(client, "by-token", { aud }));
  });
});

test("a thief gains nothing by a captured token with a key of his own, and by the job's key an answer that he can't open (O-01, O-09)", async () => {
  const { job } = bench().newJob();
  const honest = await bench().client(job);
  const thief = await bench().client(job);
  const token = tokenOf(honest);
  await expectNotAccepted(await show(thief, token));
  const copied = await show(thief, token, { public_key: honest.publicKey });
  await expect(thief.credentialsIn(copied)).rejects.toThrow("no identity matched");
  // The job asks a moment later, and has what the thief has asked for.
  bench().repeated = 1;
  const reply = await show(honest, token);
  await expect(honest.credentialsIn(reply)).resolves.toBeDefined();
  expect(bench().world.sts.assumed).toHaveLength(1);
});

describe("the token alone says which run and job it is: a request is not accepted", () => {
  const differing: Record<string, object> = {
    "that names another run": { run_id: 4_242 },
    "that names another attempt": { run_attempt: 2 },
    "that names another job": { job: { id: 4_242 } },
  };
  test.for(Object.entries(differing))("%s (O-11)", async ([, change]) => {
    const client = await bench().client();
    await expectNotAccepted(await ask(client, "by-token", {}, change));
  });

  test("that names another repository, which a grant is for (O-11, G-26)", async () => {
    const client = await bench().client();
    const more = { repository: "acme/other" };
    await expectNotAccepted(await ask(client, "of-another", {}, more));
  });

  test("that is of the next attempt, by a token of the one before (O-11)", async () => {
    const { job } = bench().newJob();
    const before = await bench().client(job);
    const token = tokenOf(before);
    const [again] = bench().world.github.rerun(job.run).jobs;
    const current = { run_attempt: 2, job: { id: again?.id } };
    await expectNotAccepted(await show(before, token, current));
  });

  test("and what it says of runner and name besides decides nothing (O-11)", async () => {
    const client = await bench().client();
    const job = { runner_name: "GitHub Actions 1", name: "lint" };
    expect(outcomeOf(await ask(client, "by-token", {}, { job }))).toEqual(served);
    expect(bench().asked).toEqual([]);
  });
});
