import { readFileSync } from "node:fs";
import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { afterEach, describe, expect, test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { type Grant, grantLike, role, roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";
import { calling, forkOf } from "../harness/scenes.ts";

const publicUrl = "https://broker.example.com/a2a/prod";
const legacy = (name: string, changes: Grant = {}): Grant =>
  grantLike(name, { legacy: true, step: ["keygen"], ...changes });
const bench = useBench({
  grants: [
    legacy("legacy"),
    legacy("by-token", { proof: "oidc" }),
    legacy("by-both", { proof: "both" }),
    legacy("production", { proof: "either", environment: ["production"] }),
    legacy("by-octocat", { actor: ["octocat"] }),
    legacy("of-two-steps", { step: ["keygen", "request"] }),
  ],
  settings: { public_url: publicUrl },
});

const github = () => bench().world.github;
const sts = () => bench().world.sts;

interface Key {
  readonly identity: string;
  readonly publicKey: string;
}

async function newKey(): Promise<Key> {
  const identity = await generateIdentity();
  return { identity, publicKey: await identityToRecipient(identity) };
}

const line = ({ publicKey }: Key): string => `ACTIONS2AWS PUBKEY: ${publicKey}`;

/** A job whose step `keygen` has said this, and has ended; the step that asks is in progress. */
function jobThatSaid(say: (job: Job) => void, options: Parameters<typeof made>[0] = {}): Job {
  return made({ ...options, say });
}

function made(options: {
  say?: (job: Job) => void;
  conclusion?: "success" | "failure" | "cancelled" | "skipped";
  run?: object;
  job?: object;
}): Job {
  const { say, conclusion = "success", run = {}, job: jobOptions = {} } = options;
  const job = bench().newJob({ run, job: jobOptions });
  github().addStep(job.job, { name: "keygen" });
  github().stepHeader(job.job, "keygen", { script: "client keygen" });
  say?.(job);
  github().completeStep(job.job, "keygen", conclusion);
  github().addStep(job.job, { name: "request" });
  return job;
}

const says = (text: string) => (job: Job) => github().say(job.job, "keygen", text);
const announces = (key: Key) => says(line(key));

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly problem: { code?: string; fields?: string[]; request_id?: string };
}

async function send(path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(bench().broker.url + path, { redirect: "manual", ...init });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    problem: text.startsWith("{") ? (JSON.parse(text) as Answer["problem"]) : {},
  };
}

/** As the original's client does it. */
function ask({ job }: Job, change: object = {}, path = "/"): Promise<Answer> {
  const body = {
    Repo: "acme/app",
    RunId: String(job.run.id),
    JobName: job.name,
    StepName: "keygen",
    RoleARN: roleOf("legacy"),
    ...change,
  };
  const headers = { "content-type": "application/json" };
  return send(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function opened({ bytes }: Answer, { identity }: Key): Promise<unknown> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return JSON.parse(await decrypter.decrypt(bytes, "text"));
}

const outcomeOf = ({ status, problem }: Answer): unknown[] => [
  status,
  problem.code,
  problem.fields ?? [],
];

/** What a denial is, seen to be whole: one record of it, and AWS not asked. */
function denied(answer: Answer): unknown[] {
  const { code, fields = [], request_id } = answer.problem;
  expect(new TextDecoder("latin1").decode(answer.bytes)).not.toContain("age-encryption.org");
  expect(bench().records).toMatchObject([
    { request_id, decision: "denied", code, fields, proof: "legacy" },
  ]);
  expect(sts().journal).toEqual([]);
  return outcomeOf(answer);
}

/** T7: the original's honest job is served beside whatever has been tried. */
afterEach(async () => {
  const key = await newKey();
  const answer = await ask(jobThatSaid(announces(key)));
  expect(outcomeOf(answer)).toEqual([200, undefined, []]);
  await expect(opened(answer, key)).resolves.toHaveProperty("SecretAccessKey");
});

describe("the original's client", () => {
  test("gets a binary age file of its four fields, for the one key that the pinned step has announced", async () => {
    const key = await newKey();
    const job = jobThatSaid(announces(key));
    const answer = await ask(job);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const text = new TextDecoder("latin1").decode(answer.bytes);
    expect(text.split("\n--- ", 1)[0]?.match(/^-> .*/gm)).toEqual([
      expect.stringMatching(/^-> X25519 /),
    ]);
    expect(text.startsWith("age-encryption.org/v1\n")).toBe(true);
    const [issued] = sts().issued;
    expect(await opened(answer, key)).toEqual({
      AccessKeyId: issued?.accessKeyId,
      SecretAccessKey: issued?.secretAccessKey,
      SessionToken: issued?.sessionToken,
      // As Go reads a time.
      Expiry: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    await expect(opened(answer, await newKey())).rejects.toThrow("no identity matched");
    expect(sts().assumed).toMatchObject([
      { roleArn: roleOf("legacy"), externalId: "acme/app", tags: { "github:job": "deploy" } },
    ]);
    expect(bench().records).toMatchObject([
      {
        decision: "allowed",
        grant: "legacy",
        proof: "legacy",
        access_key_id: issued?.accessKeyId,
        identity: { run_id: job.job.run.id, job: "deploy", ref: "refs/heads/main" },
      },
    ]);
  });

  test("is understood when it is today's keygen that announces, as a real process", async () => {
    const job = bench().newJob();
    const step = await job.run("keygen", "actions2aws keygen");
    expect(step.exitCode).toBe(0);
    const identity = /AGE-SECRET-KEY-1[0-9A-Z]+/.exec(
      readFileSync(job.inTemp("actions2aws/identity"), "utf8"),
    );
    const answer = await ask(job);
    expect(outcomeOf(answer)).toEqual([200, undefined, []]);
    const key = { identity: identity?.[0] ?? "", publicKey: "" };
    expect(await opened(answer, key)).toHaveProperty("SessionToken");
  });

  test("H-12: the same request forty times at once leads to one session and one answer", async () => {
    const key = await newKey();
    const job = jobThatSaid(announces(key));
    bench().repeated = 40;
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(job)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ bytes }) => Buffer.from(bytes).toString("base64"))).size).toBe(1);
    expect(sts().assumed).toHaveLength(1);
    expect(bench().records).toHaveLength(1);
    await expect(opened(await ask(job), key)).resolves.toHaveProperty("AccessKeyId");
  });

  test.for(["/", "/a2a/prod", "/a2a/prod/"])(
    "may post to %s, where a proxy passes the path of public_url on or not",
    async (path) => {
      const key = await newKey();
      const answer = await ask(jobThatSaid(announces(key)), {}, path);
      expect(await opened(answer, key)).toHaveProperty("AccessKeyId");
    },
  );

  test.for(["/a2a", "/a2a/", "/a2a/prod//", "/A2A/prod", "/a2a/prod?x=1", "/?", "//"])(
    "finds nothing at %s",
    async (path) => {
      const answer = await ask(jobThatSaid(announces(await newKey())), {}, path);
      expect(outcomeOf(answer)).toEqual([404, "not_found", []]);
      expect(sts().journal).toEqual([]);
    },
  );

  test.for(["GET", "PUT", "DELETE", "PATCH"])("is told that %s is not the way", async (method) => {
    for (const path of ["/", "/a2a/prod"]) {
      const answer = await send(path, { method });
      expect(outcomeOf(answer)).toEqual([405, "method_not_allowed", []]);
      expect(answer.headers.get("allow")).toBe("POST");
    }
    expect([sts().journal, github().journal, bench().records]).toEqual([[], [], []]);
  });

  test("must send JSON, so that no browser's form is one (H-16)", async () => {
    const job = jobThatSaid(announces(await newKey()));
    const body = JSON.stringify({ Repo: "acme/app", RunId: String(job.job.run.id) });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", ""]) {
      const answer = await send("/", { method: "POST", headers: { "content-type": type }, body });
      expect(outcomeOf(answer)).toEqual([415, "unsupported_media_type", []]);
    }
    expect(sts().journal).toEqual([]);
  });
});

describe("it is denied", () => {
  type Denial = [answer: () => Promise<Answer> | Answer, expected: unknown[]];
  const from =
    (options: Parameters<typeof made>[0], change: object = {}) =>
    async () => {
      const key = await newKey();
      return ask(jobThatSaid(announces(key), options), change);
    };
  const mallory = { id: 666, login: "mallory", type: "User" };
  const denials: Record<string, Denial> = {
    "a role whose grant does not say legacy": [
      from({}, { RoleARN: role }),
      [403, "no_grant", ["legacy"]],
    ],
    "a role that no grant gives (A-01)": [
      from({}, { RoleARN: roleOf("admin") }),
      [403, "role_not_granted", ["role"]],
    ],
    "another repository (G-26)": [
      from({}, { Repo: "acme/other" }),
      [403, "no_grant", ["repository"]],
    ],
    "a step that the grant does not name (L-01)": [
      from({}, { StepName: "lint" }),
      [403, "no_grant", ["step"]],
    ],
    "a grant that wants a token": [
      from({}, { RoleARN: roleOf("by-token") }),
      [403, "no_grant", ["proof"]],
    ],
    "a grant that wants a token as well": [
      from({}, { RoleARN: roleOf("by-both") }),
      [403, "no_grant", ["proof"]],
    ],
    "a grant for an environment, which the log does not prove (G-19)": [
      from({ job: { environment: "production" } }, { RoleARN: roleOf("production") }),
      [403, "no_grant", ["environment"]],
    ],
    "who ran another's run again (G-07)": [
      from({ run: { triggeringActor: mallory } }, { RoleARN: roleOf("by-octocat") }),
      [403, "no_grant", ["actor"]],
    ],
    "a fork's pull request (G-01)": [
      async () => from({ run: { event: "pull_request", headRepository: forkOf(bench()) } })(),
      [403, "fork", ["forks"]],
    ],
    "a reusable workflow that is not listed (G-11)": [
      async () => from({ run: { referencedWorkflows: [calling("other/ci", "v1")] } })(),
      [403, "no_grant", ["reusable_workflow"]],
    ],
    "a run of another event (G-05)": [
      from({ run: { event: "workflow_run" } }),
      [403, "no_grant", ["event"]],
    ],
    "a job of another name": [from({}, { JobName: "lint" }), [404, "job_not_found", []]],
    "a job's name that two jobs have (G-10)": [
      async () => {
        const job = jobThatSaid(announces(await newKey()));
        github().addJob(job.job.run);
        return ask(job);
      },
      [409, "job_ambiguous", []],
    ],
    "a matrix that is named by its key alone (G-24)": [
      async () => {
        const job = jobThatSaid(announces(await newKey()), { job: { name: "test (1)" } });
        return ask(job, { JobName: "test" });
      },
      [404, "job_not_found", []],
    ],
    "a job that is over (G-08)": [
      async () => {
        const job = jobThatSaid(announces(await newKey()));
        job.complete();
        return ask(job);
      },
      [403, "not_in_progress", []],
    ],
    "a job that was started again, whose old log holds a key (G-08)": [
      async () => {
        const job = jobThatSaid(announces(await newKey()));
        github().rerun(job.job.run);
        return ask(job);
      },
      [409, "proof_pending", []],
    ],
    "a run that GitHub does not have": [from({}, { RunId: "424242" }), [404, "job_not_found", []]],
    "a step that failed (L-07)": [from({ conclusion: "failure" }), [403, "proof_invalid", []]],
    "a step that was cancelled (L-07)": [
      from({ conclusion: "cancelled" }),
      [403, "proof_invalid", []],
    ],
    "a step that is still in progress (L-23)": [
      async () => {
        const job = bench().newJob();
        github().addStep(job.job, { name: "keygen" });
        announces(await newKey())(job);
        return ask(job);
      },
      [409, "proof_pending", []],
    ],
    "a step that has not begun (L-23)": [
      () => {
        const job = bench().newJob();
        github().addStep(job.job, { name: "keygen", status: "queued" });
        return ask(job);
      },
      [409, "proof_pending", []],
    ],
    "a name that two steps have (L-14)": [
      async () => {
        const job = jobThatSaid(announces(await newKey()));
        github().addStep(job.job, { name: "keygen" });
        announces(await newKey())(job);
        return ask(job);
      },
      [403, "proof_ambiguous", []],
    ],
    "a key that another step announces (L-01)": [
      async () => {
        const job = jobThatSaid(says("nothing"));
        github().say(job.job, "request", line(await newKey()));
        return ask(job);
      },
      [403, "proof_invalid", []],
    ],
    "a key that the other of two pinned steps announces, which it has not named": [
      async () => {
        const job = jobThatSaid(says("nothing"));
        github().say(job.job, "request", line(await newKey()));
        github().completeStep(job.job, "request");
        return ask(job, { RoleARN: roleOf("of-two-steps") });
      },
      [403, "proof_invalid", []],
    ],
    "an empty log": [() => ask(jobThatSaid(() => undefined)), [403, "proof_invalid", []]],
    "two keys (L-07)": [
      async () => {
        const [one, other] = [await newKey(), await newKey()];
        return ask(jobThatSaid(says(`${line(one)}\n${line(other)}`)));
      },
      [403, "proof_ambiguous", []],
    ],
    "one key twice (L-07)": [
      async () => {
        const key = await newKey();
        return ask(jobThatSaid(says(`${line(key)}\n${line(key)}`)));
      },
      [403, "proof_ambiguous", []],
    ],
    "a lone CR that makes a line of its own, beside the key (L-05)": [
      async () => {
        const [one, other] = [await newKey(), await newKey()];
        return ask(jobThatSaid(says(`title: x\r${line(other)}\n${line(one)}`)));
      },
      [403, "proof_ambiguous", []],
    ],
    "a key that a mask has cut into (L-09)": [
      async () => {
        const key = await newKey();
        return ask(jobThatSaid(says(`::add-mask::${key.publicKey.slice(8, 20)}\n${line(key)}`)));
      },
      [403, "proof_invalid", []],
    ],
    "a forged time of long ago (L-04, L-10)": [
      async () => {
        const forged = `2020-01-01T00:00:00.0000000Z ${line(await newKey())}`;
        return ask(jobThatSaid(says(`##[group]x%0A${forged}`)));
      },
      [403, "proof_invalid", []],
    ],
    "a forged time of long ago beside the key (L-04, L-10)": [
      async () => {
        const forged = `2020-01-01T00:00:00.0000000Z ${line(await newKey())}`;
        return ask(jobThatSaid(says(`##[group]x%0A${forged}\n${line(await newKey())}`)));
      },
      [403, "proof_invalid", []],
    ],
    ...Object.fromEntries(
      Object.entries({
        "a field more (H-05)": { Duration: "43200" },
        "a key of its own (L-15)": { PublicKey: "age1" },
        "a number for the run": { RunId: 5_001 },
        "a path in the repository (H-01)": { Repo: "acme/../evil/x" },
        "a field in another case": { repo: "acme/app" },
        "no step": { StepName: undefined },
        "an empty job": { JobName: "" },
      }).map(([what, change]): [string, Denial] => [
        `a body with ${what}`,
        [from({}, change), [400, "invalid_request", []]],
      ]),
    ),
  };
  test.for(Object.entries(denials))("for %s", async ([, [answerOf, expected]]) => {
    const answer = await answerOf();
    expect(denied(answer)).toEqual(expected);
    if (expected[1] === "proof_pending") expect(answer.headers.get("retry-after")).toBe("1");
  });

  test("for what no grant has, or is no request, without a call to GitHub (H-09)", async () => {
    const job = jobThatSaid(announces(await newKey()));
    for (const change of [
      { Repo: "acme/other" },
      { RoleARN: roleOf("admin") },
      { RoleARN: role },
      { X: 1 },
    ])
      expect((await ask(job, change)).status).toBeGreaterThanOrEqual(400);
    expect([github().journal, sts().journal]).toEqual([[], []]);
  });
});

describe("text of an attacker's in the step's log is no announcement: alone it is denied, beside the key the key is served:", () => {
  const tricks: Record<string, (evil: string) => (job: Job) => void> = {
    "a value of env with newlines (L-02)": (evil) => (job) =>
      github().stepHeader(job.job, "keygen", { script: "x", env: { BODY: `a\n${evil}\nb` } }),
    "a value that ends the header (L-02)": (evil) => (job) =>
      github().stepHeader(job.job, "keygen", {
        script: "x",
        env: { BODY: `a\n##[endgroup]\n${evil}` },
      }),
    "a value with CR LF (L-02, L-05)": (evil) => (job) =>
      github().stepHeader(job.job, "keygen", { script: "x", env: { BODY: `a\r\n${evil}\r\n` } }),
    "a value with a lone CR (L-05)": (evil) => (job) =>
      github().stepHeader(job.job, "keygen", { script: "x", env: { BODY: `a\r${evil}` } }),
    "the script itself, in its colour (L-02)": (evil) => (job) =>
      github().stepHeader(job.job, "keygen", { script: `${evil}\n${evil}` }),
    "the shell's name (L-02)": (evil) => (job) =>
      github().stepHeader(job.job, "keygen", { script: "x", shell: `bash\n${evil}` }),
    "a workflow command's newline (L-04)": (evil) => says(`##[group]x%0A${evil}`),
    "a notice's newline (L-04)": (evil) => says(`::notice::x%0D%0A${evil}`),
    "an error's newline in the middle of a line (L-04)": (evil) =>
      says(`title: ##[error]x%0A${evil}%0Ay`),
    "a line separator (L-05)": (evil) => says(`x\u2028${evil}\u2028`),
    "a next-line character (L-05)": (evil) => says(`x\u0085${evil}`),
    "a byte order mark (L-05)": (evil) => says(`\uFEFF${evil}`),
    "a NUL behind it (L-05)": (evil) => says(`${evil}\0`),
    "text before it (L-06)": (evil) => says(`Update: ${evil}`),
    "text behind it (L-06)": (evil) => says(`${evil} (#7)`),
    "a blank behind it (L-06)": (evil) => says(`${evil} `),
    "blanks before it (L-06)": (evil) => says(`  ${evil}`),
    "the key on a line of its own (L-08)": (evil) => says(evil.replace(": ", ":\n")),
    "a timestamp of its own (L-10)": (evil) => says(`2026-01-01T00:00:00.0000000Z ${evil}`),
    "a debug line (L-19)": (evil) => says(`##[debug]${evil}`),
    "colours (L-21)": (evil) => says(`\u001b[32m${evil}\u001b[0m`),
  };
  test.for(Object.entries(tricks))("%s", async ([, trick]) => {
    const [evil, genuine] = [await newKey(), await newKey()];
    const alone = await ask(jobThatSaid(trick(line(evil))));
    expect(denied(alone)).toEqual([403, "proof_invalid", []]);
    const beside = await ask(
      jobThatSaid((job) => {
        trick(line(evil))(job);
        announces(genuine)(job);
        trick(line(evil))(job);
      }),
    );
    expect(outcomeOf(beside)).toEqual([200, undefined, []]);
    await expect(opened(beside, evil)).rejects.toThrow("no identity matched");
    await expect(opened(beside, genuine)).resolves.toHaveProperty("AccessKeyId");
  });
});

describe("while GitHub is in trouble it waits, and AWS is not asked:", () => {
  test.for<[string, () => { remove: () => void }]>([
    ["REST answers 500", () => github().api.fault({ status: 500 })],
    ["the web answers 500", () => github().web.fault({ status: 500 })],
    ["the log's storage answers 500", () => github().storage.fault({ status: 500 })],
    [
      "the log is a page (L-18)",
      () => github().storage.fault({ body: "<html>", headers: { "content-type": "text/html" } }),
    ],
    [
      "the session has ended",
      () => {
        github().session.state = "redirect";
        return { remove: () => void (github().session.state = "signed-in") };
      },
    ],
  ])("%s", async ([, trouble]) => {
    const key = await newKey();
    const job = jobThatSaid(announces(key));
    const { remove } = trouble();
    const answer = await ask(job);
    remove();
    expect(denied(answer)).toEqual([503, expect.stringMatching(/^github_/), []]);
    expect(await opened(await ask(job), key)).toHaveProperty("AccessKeyId");
  });
});
