import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeRenewalToken, type Renewal } from "../../src/core/renewal.ts";
import type { PublicKey } from "../../src/core/recipient.ts";
import { Secret } from "../../src/core/secret.ts";
import { SigningKey } from "../../src/server/signing-key.ts";
import type { Reply } from "../world/ask.ts";
import { useBench } from "../harness/bench.ts";
import { signingKey } from "../harness/broker.ts";
import type { Body, Client, Credentials } from "../harness/client.ts";
import { type Grant, grantLike, roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";

const publicUrl = "https://broker.example.com";
const long = grantLike("long", { max_duration: "1h" });
const others = [
  grantLike("short", { max_age: "15m" }),
  grantLike("production", {
    proof: "oidc",
    job: undefined,
    step: undefined,
    environment: ["production"],
  }),
];
const settings = { public_url: publicUrl };
const bench = useBench({ grants: [long, ...others], settings, tokens: true });

const github = () => bench().world.github;
const sts = () => bench().world.sts;
const codeOf = ({ json }: Reply): string | undefined => (json as Body).code;
const outcomeOf = (reply: Reply): unknown[] => [
  reply.status,
  codeOf(reply),
  (reply.json as Body).fields ?? [],
];

interface Served {
  readonly job: Job;
  readonly client: Client;
  readonly first: Credentials;
}

/** A job that has its first credentials, by the log. */
async function served(changes: object = {}, job = bench().newJob()): Promise<Served> {
  const client = await bench().client(job.job);
  const first = await client.obtain({ role: roleOf("long"), ...changes });
  return { job, client, first };
}

/** How often AWS has been asked since. */
const calls = (): number => sts().assumed.length;

/**
 * Code and fields of a denied renewal, seen to be whole: one record of it, AWS not asked, and another
 * job's renewal served as before.
 */
async function denied(reply: Reply, before: number): Promise<unknown[]> {
  const { code, fields = [], request_id } = reply.json as Body;
  expect(reply.text).not.toContain("AGE ENCRYPTED FILE");
  expect(calls()).toBe(before);
  expect(bench().records.filter((record) => record.request_id === request_id)).toMatchObject([
    { decision: "denied", code, fields, ...(code !== "challenge_invalid" && { proof: "renewal" }) },
  ]);
  const honest = await served({ role: roleOf("short") });
  expect((await honest.client.renew(honest.first.RenewalToken)).status).toBe(200);
  return [reply.status, code, fields];
}

describe("a renewal", () => {
  test("gives the same role to the same key once more, and the record says that it was one", async () => {
    const { job, client, first } = await served({ duration_seconds: 1_800 });
    const reply = await client.renew(first.RenewalToken);
    const second = await client.credentialsIn(reply);
    const [, issued] = sts().issued;
    expect(second).toEqual({
      AccessKeyId: issued?.accessKeyId,
      SecretAccessKey: issued?.secretAccessKey,
      SessionToken: issued?.sessionToken,
      Expiration: issued?.expiration,
      RenewalToken: expect.stringMatching(/^r1\./),
    });
    const [one, other] = sts().assumed;
    expect(other).toEqual(one);
    expect(bench().records).toMatchObject([
      { decision: "allowed", proof: "log" },
      {
        decision: "allowed",
        proof: "renewal",
        grant: "long",
        role: roleOf("long"),
        duration_seconds: 1_800,
        access_key_id: issued?.accessKeyId,
        identity: { run_id: job.job.run.id, job_id: job.job.id, ref: "refs/heads/main" },
      },
    ]);
  });

  test("brings a token of its own, so that the next one brings new credentials again (R-07)", async () => {
    const { client, first } = await served();
    const all = [first];
    for (let round = 0; round < 3; round++) {
      const reply = await client.renew(all.at(-1)?.RenewalToken ?? "");
      all.push(await client.credentialsIn(reply));
    }
    expect(new Set(all.map(({ AccessKeyId }) => AccessKeyId)).size).toBe(4);
    expect(new Set(all.map(({ RenewalToken }) => RenewalToken)).size).toBe(4);
    expect(calls()).toBe(4);
  });

  test("is not needed yet in the first half of a life, and tells until when it can wait", async () => {
    const { client, first } = await served();
    const reply = await client.renew(first.RenewalToken);
    const { renewal_after: after = "", expiration = "" } = reply.json as Body;
    const life = Date.parse(expiration) - Date.now();
    const wait = Date.parse(after) - Date.now();
    expect(life).toBeGreaterThan(890_000);
    expect(wait).toBeGreaterThan(life / 2);
    expect(wait).toBeLessThan(life - 60_000);
  });

  test("keeps the environment that the token proved at first, which GitHub does not tell", async () => {
    const { job } = bench().newJob();
    const client = await bench().client(job);
    const token = client.token(publicUrl, { environment: "production" });
    const asked = await client.askByToken(token, { role: roleOf("production") });
    const first = await client.credentialsIn(asked);
    const reply = await client.renew(first.RenewalToken);
    expect(outcomeOf(reply)).toEqual([200, undefined, []]);
    await client.renew((await client.credentialsIn(reply)).RenewalToken);
    expect(bench().records.map(({ proof, identity }) => [proof, identity])).toMatchObject([
      ["oidc", { environment: "production", job: null }],
      ["renewal", { environment: "production", job: "deploy" }],
      ["renewal", { environment: "production" }],
    ]);
  });
});

describe("R-01: it is for a job in progress alone, as GitHub shows it now:", () => {
  const ends: Record<string, (job: Job) => void> = {
    "a job that has ended well": ({ job }) => github().completeJob(job),
    "a job that has failed": ({ job }) => github().completeJob(job, "failure"),
    "a job that was cancelled": ({ job }) => github().completeJob(job, "cancelled"),
    "a job that has timed out": ({ job }) => github().completeJob(job, "timed_out"),
    "a job that is queued again": ({ job }) => Object.assign(job, { status: "queued" }),
    "a job that has a conclusion already": ({ job }) =>
      Object.assign(job, { conclusion: "success" }),
    "a run that was started again": ({ job }) => void github().rerun(job.run),
    "a run that was cancelled, though the job cleans up (R-08)": ({ job }) =>
      Object.assign(job.attempt, { conclusion: "cancelled" }),
    "a run that has ended, though the job seems not to": ({ job }) =>
      Object.assign(job.attempt, { status: "completed", conclusion: "success" }),
    "a job that ended while another of its run goes on (R-09)": ({ job }) => {
      github().addJob(job.run, { name: "test (1)" });
      github().completeJob(job);
    },
  };
  test.for(Object.entries(ends))("%s is denied", async ([, end]) => {
    const { job, client, first } = await served();
    end(job);
    const reply = await client.renew(first.RenewalToken);
    expect(await denied(reply, 1)).toEqual([403, "not_in_progress", []]);
  });

  test("one that was renewed a moment ago is looked at again, though GitHub says 304 to much (R-01)", async () => {
    const { job, client, first } = await served();
    const second = await client.credentialsIn(await client.renew(first.RenewalToken));
    github().completeJob(job.job);
    const reply = await client.renew(second.RenewalToken);
    expect(await denied(reply, 2)).toEqual([403, "not_in_progress", []]);
  });

  test("a job that GitHub no longer has is denied", async () => {
    const { job, client, first } = await served();
    job.job.attempt.jobs = [];
    const reply = await client.renew(first.RenewalToken);
    expect(await denied(reply, 1)).toEqual([404, "job_not_found", []]);
  });

  test("a later job of the run gains nothing by the token of one that has ended (R-09)", async () => {
    const { job, client, first } = await served();
    const later = github().addJob(job.job.run, { name: "deploy" });
    const thief = await bench().client(later);
    github().completeJob(job.job);
    expect(outcomeOf(await thief.renew(first.RenewalToken))).toEqual([403, "not_in_progress", []]);
    expect(outcomeOf(await client.renew(first.RenewalToken))).toEqual([403, "not_in_progress", []]);
    expect(calls()).toBe(1);
    // It has a role of its own, if it proves itself.
    await expect(thief.obtain({ role: roleOf("long") })).resolves.toBeDefined();
  });

  test("a run whose commit left the branch is denied (G-22)", async () => {
    const { client, first } = await served();
    const { repository } = bench();
    const tip = repository.branches.get("main") ?? "";
    repository.branches.set("main", "0".repeat(40));
    const reply = await client.renew(first.RenewalToken);
    repository.branches.set("main", tip);
    expect(await denied(reply, 1)).toEqual([403, "no_grant", ["ref"]]);
  });
});

describe("while GitHub is in trouble a renewal waits, and AWS is not asked (R-01):", () => {
  test.for<[string, object, string]>([
    ["500", { status: 500 }, "github_unavailable"],
    ["503", { status: 503 }, "github_unavailable"],
    ["a page", { status: 200, body: "<html>" }, "github_unavailable"],
    ["an empty answer", { status: 200, body: "{}" }, "github_unavailable"],
    ["a cut connection", { reset: true }, "github_unavailable"],
  ])("%s", async ([, fault, code]) => {
    const { client, first } = await served();
    const trouble = github().api.fault(fault);
    const reply = await client.renew(first.RenewalToken);
    trouble.remove();
    expect(outcomeOf(reply)).toEqual([503, code, []]);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(calls()).toBe(1);
    await expect(
      client.credentialsIn(await client.renew(first.RenewalToken)),
    ).resolves.toBeDefined();
    expect(calls()).toBe(2);
  });
});

describe("R-02, R-06: it is for the same key, role and time:", () => {
  test("who has stolen the token gets an answer for the job's key", async () => {
    const { client, first } = await served();
    const thief = await bench().client();
    const reply = await thief.renew(first.RenewalToken);
    await expect(thief.credentialsIn(reply)).rejects.toThrow("no identity matched");
    await expect(client.credentialsIn(reply)).resolves.toBeDefined();
  });

  test.for<[string, (thief: Client) => object]>([
    ["another key", ({ publicKey }) => ({ public_key: publicKey })],
    ["another role", () => ({ role: roleOf("short") })],
    ["a longer time", () => ({ duration_seconds: 43_200 })],
    ["another run", () => ({ run_id: 4_242 })],
    ["a region", () => ({ region: "us-east-1" })],
  ])("a request that names %s is an error", async ([, more]) => {
    const { client, first } = await served();
    const reply = await client.renew(first.RenewalToken, more(await bench().client()));
    expect(await denied(reply, 1)).toEqual([400, "invalid_request", []]);
  });

  test("what is renewed lasts as long as the first, however often", async () => {
    const { client, first } = await served({ duration_seconds: 1_200 });
    const second = await client.credentialsIn(await client.renew(first.RenewalToken));
    await client.renew(second.RenewalToken);
    expect(sts().assumed.map(({ durationSeconds }) => durationSeconds)).toEqual([
      1_200, 1_200, 1_200,
    ]);
    const roles = sts().assumed.map(({ roleArn }) => roleArn);
    expect(new Set(roles)).toEqual(new Set([roleOf("long")]));
  });
});

/** Ways in which a grant can come to be narrower: what it says then, and what a renewal comes to. */
const narrowed: Record<string, [grant: Grant | null, code: string, field: string]> = {
  "it is gone": [null, "role_not_granted", "role"],
  "it gives another role": [{ role: [roleOf("another")] }, "role_not_granted", "role"],
  "it is for another branch": [{ ref: "refs/heads/release" }, "no_grant", "ref"],
  "it is for another workflow": [{ workflow: ".github/workflows/x.yml" }, "no_grant", "workflow"],
  "it is for another event": [{ event: ["schedule"] }, "no_grant", "event"],
  "it is for another job": [{ job: ["build"] }, "no_grant", "job"],
  "it is for others": [{ actor: ["hubot"] }, "no_grant", "actor"],
  "it is for another repository": [{ repository_id: 4_242 }, "no_grant", "repository_id"],
  "it is for a step that did not announce": [{ step: ["another"] }, "no_grant", "step"],
  "it wants a token": [{ proof: "oidc" }, "no_grant", "proof"],
  "it wants both proofs": [{ proof: "both" }, "no_grant", "proof"],
  "it wants an environment": [
    { proof: "either", environment: ["production"] },
    "no_grant",
    "environment",
  ],
  "it gives less time": [{ max_duration: "20m" }, "no_grant", "max_duration"],
  "it lasts less long": [{ max_age: "15m" }, "renewal_invalid", ""],
};
const nameOf = (index: number): string => `narrowed-${index}`;
const wide = Object.keys(narrowed).map((_, index) => grantLike(nameOf(index), {}));
const narrow = Object.values(narrowed).flatMap(([changes], index) =>
  changes === null ? [] : [grantLike(nameOf(index), changes)],
);

describe("R-03: the grants count as they are now:", () => {
  test("each way of being narrower denies the renewal, and the grant as it was allows it again", async () => {
    await bench().restart([...wide, ...others]);
    const made = await Promise.all(
      Object.keys(narrowed).map(async (way, index) => {
        const asked = { role: roleOf(nameOf(index)), duration_seconds: 1_800, step: "assume role" };
        const it = await served(asked);
        const since = Date.now() - 16 * 60_000;
        const aged = tokenFor(it, { role: asked.role, since });
        return { ...it, way, token: way === "it lasts less long" ? aged : it.first.RenewalToken };
      }),
    );
    const renewals = async (): Promise<object> =>
      Object.fromEntries(
        await Promise.all(
          made.map(async ({ way, client, token }) => {
            const reply = await client.renew(token);
            const [status, code, fields] = outcomeOf(reply);
            return [way, status === 200 ? "served" : [code, String(fields)]] as const;
          }),
        ),
      );
    await bench().restart([...narrow, ...others]);
    const expected = Object.entries(narrowed).map(([way, [, code, field]]) => [way, [code, field]]);
    expect(await renewals()).toEqual(Object.fromEntries(expected));
    expect(calls()).toBe(0);
    expect(bench().records).toHaveLength(made.length);
    await bench().restart([...wide, ...others]);
    const again = made.map(({ way }) => [way, "served"]);
    expect(await renewals()).toEqual(Object.fromEntries(again));
    await bench().restart();
  });

  test("tags, external id and policy are the grant's of now, and a default time shrinks with it", async () => {
    const { client, first } = await served();
    const session_policy = { Version: "2012-10-17", Statement: [] };
    const changed = {
      ...long,
      tags: { team: "run.repository.name" },
      external_id: "another-id",
      session_policy,
    };
    await bench().restart([changed, ...others]);
    expect((await client.renew(first.RenewalToken)).status).toBe(200);
    expect(sts().assumed).toMatchObject([
      {
        tags: { team: "app" },
        externalId: "another-id",
        policy: JSON.stringify(session_policy),
        durationSeconds: 900,
      },
    ]);
    expect(Object.keys(sts().assumed[0]?.tags ?? {})).toEqual(["team"]);
    await bench().restart();
  });
});

/** A token such as the broker makes, of a job that was served. */
function tokenFor({ job, client }: Served, change: Partial<Renewal>, key = signingKey): string {
  const renewal: Renewal = {
    repository: "acme/app",
    runId: job.job.run.id,
    runAttempt: 1,
    jobId: job.job.id,
    role: roleOf("short"),
    step: undefined,
    durationSeconds: undefined,
    proofs: { log: true, oidc: false },
    environment: null,
    publicKey: client.publicKey as PublicKey,
    since: Date.now(),
    given: Date.now(),
    ...change,
  };
  return makeRenewalToken(new SigningKey(new Secret(key)), bench().world.github.webUrl, renewal);
}

describe("R-04: renewals end with the grant's longest time, though the job does not:", () => {
  const minutes = 60_000;
  test("15 minutes are over", async () => {
    const made = await served();
    const since = Date.now() - 15 * minutes - 1;
    const reply = await made.client.renew(tokenFor(made, { since }));
    expect(await denied(reply, 1)).toEqual([403, "renewal_invalid", []]);
  });

  test("they are counted from the first credentials, however often they were renewed since", async () => {
    const made = await served();
    const since = Date.now() - 15 * minutes + 3_000;
    const second = await made.client.credentialsIn(
      await made.client.renew(tokenFor(made, { since })),
    );
    const third = await made.client.credentialsIn(await made.client.renew(second.RenewalToken));
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    const late = await made.client.renew(third.RenewalToken);
    expect(await denied(late, 3)).toEqual([403, "renewal_invalid", []]);
  });

  test("another grant's day is not over", async () => {
    const made = await served();
    const since = Date.now() - 23 * 60 * minutes;
    const reply = await made.client.renew(tokenFor(made, { since, role: roleOf("long") }));
    expect(outcomeOf(reply)).toEqual([200, undefined, []]);
  });
});

describe("R-05: a token that this broker did not give is none:", () => {
  const forged: Record<string, (made: Served) => string | Promise<string>> = {
    "another broker's, as it signs": (made) =>
      tokenFor(made, {}, "another-signing-key-of-more-than-32-characters"),
    "an opened ticket": async ({ client }) => (await client.challenge()).ticket,
    "a challenge": async ({ client }) => (await client.challenge()).challenge,
    "a ticket dressed as one": async ({ client }) =>
      `r1.${(await client.challenge()).ticket.split(".").slice(-2).join(".")}`,
    "one whose role was changed": ({ first }) => {
      const [version, payload = "", signature] = first.RenewalToken.split(".");
      const read = Buffer.from(payload, "base64url").toString();
      expect(read).toContain(roleOf("long"));
      const changed = read.replace(roleOf("long"), roleOf("admin"));
      return `${version}.${Buffer.from(changed).toString("base64url")}.${signature}`;
    },
    "a text": () => "renew me",
    "a token of GitHub's": ({ client }) => client.token(publicUrl),
    "a long one": () => `r1.${"A".repeat(8_000)}.AAAAAAAAAAAAAAAAAAAAAA`,
  };
  test.for(Object.entries(forged))("%s", async ([, make]) => {
    const made = await served();
    const reply = await made.client.renew(await make(made));
    expect(github().journal.some(({ path }) => path.includes("admin"))).toBe(false);
    expect(await denied(reply, 1)).toEqual([403, "renewal_invalid", []]);
  });

  test("one that is too long, or none, is an error of the request", async () => {
    const { client } = await served();
    for (const token of ["", "x".repeat(8_193)])
      expect(outcomeOf(await client.renew(token))).toEqual([400, "invalid_request", []]);
    expect(calls()).toBe(1);
  });

  test("a renewal token is no ticket", async () => {
    const { client, first } = await served();
    const reply = await client.ask({ ticket: first.RenewalToken.slice(0, 512) });
    expect(await denied(reply, 1)).toEqual([403, "challenge_invalid", []]);
  });

  test("another broker refuses this one's, and this one goes on taking it", async () => {
    const { client, first } = await served();
    const env = { ACTIONS2AWS_SIGNING_KEY: "another-signing-key-of-more-than-32-characters" };
    await bench().restart(undefined, env);
    const reply = await client.renew(first.RenewalToken);
    expect(outcomeOf(reply)).toEqual([403, "renewal_invalid", []]);
    expect([calls(), github().journal]).toEqual([0, []]);
    await bench().restart();
    expect((await client.renew(first.RenewalToken)).status).toBe(200);
  });

  test("the token with any one character changed: 403 each time, and GitHub is not asked", async () => {
    const { client, first } = await served();
    const token = first.RenewalToken;
    github().clearJournal();
    const character = fc.constantFrom(...Array.from("AZaz09-_.=+/ \n\0é\u2028"));
    const statuses = new Set<unknown>();
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), character, async (at, other) => {
        fc.pre(other !== token[at]);
        const reply = await client.renew(token.slice(0, at) + other + token.slice(at + 1));
        statuses.add(`${reply.status} ${codeOf(reply)}`);
      }),
      { numRuns: 150 },
    );
    expect(statuses).toEqual(new Set(["403 renewal_invalid"]));
    expect([calls(), github().journal]).toEqual([1, []]);
    expect((await client.renew(token)).status).toBe(200);
  });
});

describe("R-07: the same renewal, again:", () => {
  test("50 at once get one answer, for one call of AWS", async () => {
    const { client, first } = await served();
    bench().repeated = 49;
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => client.renew(first.RenewalToken)),
    );
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(replies[0]?.status).toBe(200);
    expect(calls()).toBe(2);
  });

  test("who has lost the answer gets it again", async () => {
    const { client, first } = await served();
    bench().repeated = 1;
    const [lost, again] = [
      await client.renew(first.RenewalToken),
      await client.renew(first.RenewalToken),
    ];
    expect(again.text).toBe(lost.text);
    expect(calls()).toBe(2);
  });

  test("what AWS refused may be asked for again", async () => {
    const { client, first } = await served();
    const refusal = sts().refuse("AccessDenied");
    const reply = await client.renew(first.RenewalToken);
    expect([reply.status, codeOf(reply)]).toEqual([502, "aws_denied"]);
    refusal.remove();
    expect((await client.renew(first.RenewalToken)).status).toBe(200);
  });
});
