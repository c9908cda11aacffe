import { expect } from "vitest";
import type { Reply } from "../world/ask.ts";
import type { Bench } from "./bench.ts";
import { signingKey } from "./broker.ts";
import { madeBy } from "./challenges.ts";
import type { Body, Client } from "./client.ts";
import { role } from "./config.ts";

export type Fields = Record<string, unknown>;

export const bodyOf = ({ json }: Reply): Body => json ?? {};
export const codeOf = (reply: Reply): string | undefined => bodyOf(reply).code;

/** A request that would be served if it were sent as it is: what is wrong is what a test makes wrong. */
export interface Good {
  readonly client: Client;
  readonly fields: Fields;
}

/**
 * Makes one. Its challenge is made here, by the broker's key, since the broker would look ahead for one
 * of its own: so nobody is asked anything before the request is sent.
 */
export async function goodRequest(bench: Bench): Promise<Good> {
  const { job } = bench.newJob();
  const client = await bench.client(job);
  const challenge = madeBy(signingKey, bench.world, job, client.publicKey, Date.now());
  client.announce(challenge);
  return { client, fields: { ...client.who, role, ticket: challenge.ticket } };
}

/** Sends a body as it is, to a route of the broker's. */
export function send(bench: Bench, path: string, body: string | object): Promise<Reply> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return bench.ask(path, { "content-type": "application/json" }, { method: "POST", body: text });
}

/** What makes a right body wrong, as fields or as text. */
export type Change = (fields: Fields) => Fields | string;

const changed = (change: Change, fields: Fields): string => {
  const made = change(structuredClone(fields));
  return typeof made === "string" ? made : JSON.stringify(made);
};

/**
 * Sends all of these, as challenge requests too, and sees that nobody is asked for them, and that what
 * is right is served beside them.
 *
 * @returns those that are not turned away as malformed
 */
export async function taken(bench: Bench, changes: readonly Change[]): Promise<unknown[]> {
  const { client, fields } = await goodRequest(bench);
  const { role: _role, ticket: _ticket, ...challenge } = fields;
  const bodies = changes.flatMap((change) => [
    ["/v1/credentials", changed(change, fields)] as const,
    ["/v1/challenges", changed(change, challenge)] as const,
  ]);
  const replies = await Promise.all(bodies.map(([path, body]) => send(bench, path, body)));
  expect(bench.asked).toEqual([]);
  expect(bench.world.sts.journal).toEqual([]);
  expect(bench.records).toHaveLength(changes.length);
  for (const record of bench.records)
    expect(record).toMatchObject({ decision: "denied", code: "invalid_request" });
  const served = await send(bench, "/v1/credentials", fields);
  await expect(client.credentialsIn(served)).resolves.toBeDefined();
  return replies.flatMap((reply, at) =>
    reply.status === 400 && codeOf(reply) === "invalid_request" ? [] : [[bodies[at], reply.text]],
  );
}
