import { type Body, requestIdOf, textOf } from "./broker-client.ts";
import { type Credentials, checkCredentials } from "./credentials.ts";
import { Failure, exitCodes } from "./failure.ts";
import type { Lifespan } from "./lifespan.ts";
import type { Open } from "./log-proof.ts";

/** Credentials as the broker gave them, opened and checked. */
export interface Issued extends Lifespan {
  readonly credentials: Credentials;
  /** Words of the broker's for our own line. */
  readonly grant: string;
  readonly requestId: string;
}

export async function openAnswer(answer: Body, open: Open, now: () => number): Promise<Issued> {
  const credentials = checkCredentials(await open(sealedIn(answer)), now());
  return {
    credentials,
    obtainedAt: now(),
    expiresAt: Date.parse(credentials.expiration),
    renewalAfter: timeIn(answer.renewal_after),
    grant: textOf(answer.grant, 100),
    requestId: requestIdOf(answer),
  };
}

/** `credentials for … until …`, for the line that tells of success. */
export function summaryOf(issued: Issued, role: string): string {
  const facts = [
    ["grant", issued.grant],
    ["request", issued.requestId],
  ].flatMap(([name, value]) => (value ? [`${name} ${value}`] : []));
  return `credentials for ${role} until ${issued.credentials.expiration}${facts.length > 0 ? ` (${facts.join(", ")})` : ""}`;
}

function sealedIn({ credentials }: Body): string {
  if (typeof credentials === "string") return credentials;
  throw new Failure(
    exitCodes.other,
    "the broker's answer holds no credentials: is --url the broker's address?",
  );
}

function timeIn(value: unknown): number | null {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
  const time = typeof value === "string" && shape.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
