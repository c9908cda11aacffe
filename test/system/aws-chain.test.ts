import { expect, test, vi } from "vitest";
import { roleOf } from "../harness/config.ts";
import type { Job } from "../harness/job.ts";
import { arnOf, cli1, useAws, whoAmI } from "./aws-scene.ts";

// All that the broker has of AWS, in one chain: its own role, the secret with GitHub's token and session,
// the table of its store, and the roles of jobs, whose trust policies moto goes by.

const foreign = "arn:aws:iam::123456789012:role/another-broker";
const scene = useAws({
  roles: {
    "trusts-another": { principal: foreign },
    "wants-another-id": { externalId: "acme/shop" },
    "not-listed": { listed: false },
    long: {},
  },
});
const minutes = 300_000;

/** A job that gets its role, and is told by AWS who it is. */
async function expectServed(job: Job, request = scene().request(), name?: string): Promise<void> {
  const step = await scene().step(job, "assume role", `${request} -- ${whoAmI(cli1)}`);
  expect(step, step.stderr).toMatchObject({ exitCode: 0, stdout: `${arnOf(job, name)}\n` });
}

test(
  "the chain: secrets, store, role, and the calls that it takes",
  async () => {
    const job = scene().newJob();
    await expectServed(job);
    const calls = scene().account.front.journal.map(
      ({ note }) => `${note?.service} ${note?.action}`,
    );
    expect(calls.slice(-2)).toEqual(["sts AssumeRole", "sts GetCallerIdentity"]);
    // The first of them at the start; the policy of docs/operating.md is all that they need.
    expect(new Set(calls.slice(0, -2))).toEqual(
      new Set(["secretsmanager GetSecretValue", "dynamodb UpdateItem", "dynamodb PutItem"]),
    );
    const stored = await scene().account.stored();
    expect(stored).toMatch(/"Count": ?[1-9]/);
    expect(stored).not.toContain("acme");
    const { tags } = scene().account.front.assumed[0] ?? expect.unreachable();
    expect(scene().records).toMatchObject([
      { decision: "allowed", tags, role: roleOf("app-deploy") },
    ]);
  },
  minutes,
);

test(
  "a secret that is changed in Secrets Manager is in force after SIGHUP",
  async () => {
    const { world, account, broker } = scene();
    const { github } = world;
    const before = broker.log.length;
    github.token = "ghp_canaryOfTheNextMonth000000000000000";
    await account.changeSecret({ ApiToken: github.token, UserSession: github.session.cookie });
    const stale = await scene().step(
      scene().newJob(),
      "assume role",
      scene().request("--timeout 3s"),
    );
    expect(stale.exitCode).toBe(4);
    expect(account.front.issued).toEqual([]);
    broker.kill("SIGHUP");
    await vi.waitFor(
      () => expect(broker.log.slice(before).map(({ msg }) => msg)).toContain("reloaded"),
      30_000,
    );
    github.clearJournal();
    await expectServed(scene().newJob());
  },
  minutes,
);

test.each([
  ["trusts another principal", "trusts-another", "", "AccessDenied"],
  ["wants another external id", "wants-another-id", "", "AccessDenied"],
  ["is not in the broker's own policy", "not-listed", "", "AccessDenied"],
  [
    "gives a session of two hours to a broker that runs on a role",
    "long",
    "--duration 2h",
    "ValidationError",
  ],
])(
  "no role that %s: the job, the log and the audit say so",
  async (_, name, options, code) => {
    const job = scene().newJob();
    const request = scene().request(options, roleOf(name));
    const step = await scene().step(job, "assume role", `eval $(${request})\necho not reached`);
    expect(step).toMatchObject({ exitCode: 1, stdout: "" });
    const [last = ""] = step.stderr.trim().split("\n").slice(-1);
    expect(last).toMatch(
      /^actions2aws: the broker says no: aws_denied \(request [\w-]+\): AWS refused the role: .*: whoever runs the broker must check the role's trust policy \(sts:AssumeRole, sts:TagSession\)$/,
    );
    const [, id = ""] = /request ([\w-]+)/.exec(last) ?? [];
    expect(scene().records).toMatchObject([
      { request_id: id, decision: "denied", code: "aws_denied", grant: name, proof: "log" },
    ]);
    const said = scene().broker.log.filter(({ request_id: each }) => each === id);
    expect(said).toMatchObject([{ msg: "refused", code: "aws_denied", note: `STS: ${code}` }]);
    // AWS was asked once, and gave nothing; beside it the honest case passes.
    expect(scene().account.front.assumed).toHaveLength(1);
    expect(scene().account.front.issued).toEqual([]);
    const honest = scene().newJob();
    if (name === "long")
      await expectServed(honest, scene().request("--duration 1h", roleOf(name)), name);
    else await expectServed(honest);
  },
  minutes,
);

test(
  "the broker's own session has ended: that may pass, and the job asks until its time is up",
  async () => {
    const { front, brokerEnvironment } = scene().account;
    const own = brokerEnvironment.AWS_ACCESS_KEY_ID ?? "";
    front.end(own, 0);
    const step = await scene().step(
      scene().newJob(),
      "assume role",
      scene().request("--timeout 2s"),
    );
    front.end(own, Infinity);
    expect(step.exitCode).toBe(4);
    expect(step.stderr).toMatch(/aws_unavailable.*: AWS STS gave no usable answer/);
    expect(front.issued).toEqual([]);
    expect(scene().records.length).toBeGreaterThan(0);
    for (const record of scene().records)
      expect(record).toMatchObject({ decision: "denied", code: "aws_unavailable" });
    await expectServed(scene().newJob());
  },
  minutes,
);
