import { BrokerClient, type Body, requestIdOf, textOf } from "./broker-client.ts";
import { Deadline } from "./asking.ts";
import { type Credentials, checkCredentials } from "./credentials.ts";
import { deliver } from "./deliver.ts";
import { Failure, exitCodes } from "./failure.ts";
import { type Host, isInJob, say } from "./host.ts";
import { keepOrMakeIdentity } from "./identity-file.ts";
import { placeIdentity } from "./identity-path.ts";
import { liveFeed } from "./live-feed.ts";
import { type Asked, type Open, proveByLog } from "./log-proof.ts";
import { proxyFor, proxyNotice } from "./proxy.ts";
import type { RequestOptions } from "./request-options.ts";
import { readRunContext } from "./run-context.ts";
import { addMask } from "./runner.ts";
import { variablesOf } from "./variables.ts";
import type { AgeKey } from "./age-key.ts";

/** Proves to the broker which job this is, and hands on the credentials that it gives. */
export async function request(options: RequestOptions, host: Host): Promise<number> {
  const run = readRunContext(host.env, options.jobId);
  const place = placeIdentity(options.identity, host.env);
  if (place.warning !== null) say(host, place.warning);
  const { key } = keepOrMakeIdentity(place, host);
  const open = opener(key);
  const answer = await obtain({ ...options, run, key }, open, options, host);
  const credentials = checkCredentials(await open(sealed(answer)), host.now());
  mask(credentials, host);
  const variables = variablesOf(credentials, options.region);
  return deliver(
    { credentials, variables },
    summary(answer, credentials, options.role),
    options.output,
    host,
  );
}

async function obtain(
  asked: Asked,
  open: Open,
  options: RequestOptions,
  host: Host,
): Promise<Body> {
  const deadline = new Deadline(options.timeoutSeconds, host);
  const feed = options.announceTo === undefined ? null : liveFeed(options.announceTo);
  const proxy = proxyFor(options.url, host.env);
  if (proxy) say(host, proxyNotice(proxy));
  const broker = await BrokerClient.to(options.url, host);
  try {
    return await proveByLog(asked, broker, open, feed, deadline, host);
  } finally {
    broker.close();
  }
}

/** age-encryption is loaded while the broker thinks about the challenge. */
function opener(key: AgeKey): Open {
  const loading = import("../core/seal.ts");
  return async (armored) => {
    const { open } = await loading;
    try {
      return await open(key.identity.reveal(), armored);
    } catch {
      throw new Failure(
        exitCodes.other,
        "the broker's answer cannot be opened with this identity: is --url the broker's address?",
      );
    }
  };
}

function sealed({ credentials }: Body): string {
  if (typeof credentials === "string") return credentials;
  throw new Failure(
    exitCodes.other,
    "the broker's answer holds no credentials: is --url the broker's address?",
  );
}

/** On stderr, since stdout may be captured; before anything can show them (C-05). */
function mask(credentials: Credentials, host: Host): void {
  if (!isInJob(host.env)) return;
  for (const secret of [
    credentials.accessKeyId,
    credentials.secretAccessKey,
    credentials.sessionToken,
  ]) {
    addMask(host.stderr, secret.reveal());
  }
}

function summary(answer: Body, credentials: Credentials, role: string): string {
  const facts = [
    ["grant", textOf(answer.grant, 100)],
    ["request", requestIdOf(answer)],
    ["renewable from", textOf(answer.renewal_after, 40)],
  ].flatMap(([name, value]) => (value ? [`${name} ${value}`] : []));
  return `credentials for ${role} until ${credentials.expiration}${facts.length > 0 ? ` (${facts.join(", ")})` : ""}`;
}
