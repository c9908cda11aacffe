import { describe, expect, test } from "vitest";
import { canaries, useClients } from "../harness/clients.ts";
import { spoiled } from "../harness/hostile.ts";
import {
  answerWith,
  challenge,
  problem,
  type Reply,
  seal,
  ticket,
} from "../harness/scripted-broker.ts";
import { attempt, expectNothing, expectPlain } from "../harness/ways.ts";

const clients = useClients();

const kinds = [
  "a variable in a second line",
  "a carriage return and a workflow command",
  "a command of the runner's old form",
  "a command substitution",
  "a NUL",
  "an escape sequence",
  "a line separator",
  "a right-to-left mark",
  "null in its place",
  "an object in its place",
];

const texts = [
  ...kinds.map((kind) => [kind, spoiled[kind] ?? String] as const),
  ["5,000 characters", () => "A".repeat(5_000)] as const,
];

describe.concurrent("what stands around the credentials commands nobody (C-01):", () => {
  test.for(texts)("with %s they are handed on, and nothing else is", async ([, spoil]) => {
    const value = spoil("shop");
    const outside = { expiration: value, grant: value, renewal_after: value, request_id: value };
    const broker = clients().broker({
      credentials: [answerWith(canaries, { ...outside, NODE_OPTIONS: value })],
    });
    const ended = await attempt(await clients().machine(), broker, "shell");
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout.replaceAll(/^export AWS_[A-Z_]+='[A-Za-z0-9/+=.:-]+';\n/gm, "")).toBe("");
    expectPlain(ended.stderr.replaceAll(/^::add-mask::[A-Za-z0-9/+=]+\n/gm, ""));
    expect(ended.after).toEqual(ended.before);
  });

  test.for(texts)("a refusal with %s is a refusal in plain words", async ([, spoil]) => {
    const value = spoil("no");
    const words = { title: value, detail: value, request_id: value, type: value, instance: value };
    const more = { ...words, fields: [value, "ref", value] };
    const broker = clients().broker({ credentials: [problem(403, "no_grant", more)] });
    const ended = await attempt(await clients().machine(), broker, "github-env");
    expectNothing(ended);
    expect(ended.exitCode).toBe(3);
    expect(ended.stderr).toMatch(/^actions2aws: the broker says no: no_grant \(ref[;)]/m);
    expect(ended.stderr.length).toBeLessThan(2_000);
  });

  test.for(texts)("so is one whose code and fields are %s", async ([, spoil]) => {
    const value = spoil("no_grant");
    const broker = clients().broker({
      credentials: [problem(403, "", { code: value, fields: value, status: value })],
    });
    const ended = await attempt(await clients().machine(), broker, "shell");
    expectNothing(ended);
    expect(ended.stderr).toContain("the broker says no: status 403");
  });
});

describe.concurrent("what the log is to show is shown only if it is a challenge (C-01):", () => {
  /** A challenge and what is in its ticket; only text can be sealed. */
  const challengeOf =
    (shown: unknown, sealed: unknown): Reply =>
    async (asked, response) => {
      const isText = typeof sealed === "string";
      const inside = isText ? await seal(String(asked.body.public_key), sealed) : sealed;
      response.writeHead(201, { "content-type": "application/json" });
      response.end(JSON.stringify({ challenge: shown, ticket: inside }));
    };

  test.for(texts)("%s ends the request before anything is shown", async ([, spoil]) => {
    const replies = [challengeOf(spoil(challenge), ticket), challengeOf(challenge, spoil(ticket))];
    for (const reply of replies) {
      const broker = clients().broker({ challenges: [reply] });
      const ended = await attempt(await clients().machine(), broker, "shell");
      expectNothing(ended);
      expect(ended.stderr).not.toContain("ACTIONS2AWS");
      expect(broker.journal.map(({ path }) => path)).toEqual(["/v1/challenges"]);
    }
  });
});
