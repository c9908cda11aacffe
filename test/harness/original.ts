import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import type { Reply } from "../world/ask.ts";
import type { Job } from "../world/index.ts";
import type { Bench } from "./bench.ts";
import { type Grant, grantLike, roleOf } from "./config.ts";

/** A grant that serves the original's clients. */
export function legacyGrant(name: string, changes: Grant = {}): Grant {
  return grantLike(name, { legacy: true, ...changes });
}

/** A key pair as the original's client makes it, and how it announces it. */
export interface OriginalKey {
  readonly identity: string;
  readonly publicKey: string;
  readonly line: string;
}

export async function newOriginalKey(): Promise<OriginalKey> {
  const identity = await generateIdentity();
  const publicKey = await identityToRecipient(identity);
  return { identity, publicKey, line: `ACTIONS2AWS PUBKEY: ${publicKey}` };
}

export interface OriginalJobOptions {
  readonly conclusion?: "success" | "failure" | "cancelled" | "skipped";
  readonly run?: object;
  readonly job?: object;
}

/** A job whose step `assume role` has said this, and has ended; the step that asks is in progress. */
export function originalJob(bench: Bench, said: string, options: OriginalJobOptions = {}): Job {
  const { conclusion = "success", ...rest } = options;
  const { github } = bench.world;
  const { job } = bench.newJob(rest);
  const step = github.addStep(job);
  github.stepHeader(job, step, { script: "client keygen" });
  github.say(job, step, said);
  github.completeStep(job, step, conclusion);
  github.addStep(job, { name: "request" });
  return job;
}

/** An answer to the original's client: a binary age file, or a problem. */
export interface BinaryReply extends Reply {
  readonly bytes: Uint8Array;
}

/** Where a broker is, and who is told of its answers. */
type Asked = Pick<Bench, "replies"> & { readonly broker: { readonly url: string } };

/** Sends what it is told to, and takes the answer as it is. */
export async function send(bench: Asked, path: string, init: RequestInit): Promise<BinaryReply> {
  const response = await fetch(bench.broker.url + path, { redirect: "manual", ...init });
  const { status, headers } = response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder("latin1").decode(bytes);
  const json: unknown = text.startsWith("{") ? JSON.parse(text) : {};
  const reply = { status, headers, text, json };
  bench.replies.push(reply);
  return { ...reply, bytes };
}

/** Asks as the original's client does. */
export function askAsOriginal(
  bench: Asked,
  job: Job,
  change: object = {},
  path = "/",
): Promise<BinaryReply> {
  const body = {
    Repo: "acme/app",
    RunId: String(job.run.id),
    JobName: job.name,
    StepName: "assume role",
    RoleARN: roleOf("legacy"),
    ...change,
  };
  const headers = { "content-type": "application/json" };
  return send(bench, path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** @throws when it is no age file, or one for another key */
export async function openedBy(
  { identity }: Pick<OriginalKey, "identity">,
  { bytes }: BinaryReply,
): Promise<unknown> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return JSON.parse(await decrypter.decrypt(bytes, "text"));
}
