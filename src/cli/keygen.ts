import { pubkeyLine } from "../core/announcement.ts";
import { Failure, exitCodes } from "./failure.ts";
import { type Host, isInJob, say } from "./host.ts";
import { identityExists, keepOrMakeIdentity, makeIdentity } from "./identity-file.ts";
import { type IdentityPlace, placeIdentity } from "./identity-path.ts";
import { liveFeed } from "./live-feed.ts";
import type { PublicKey } from "../core/recipient.ts";

export interface KeygenOptions {
  /** `--identity` */
  identity?: string;
  force?: boolean;
  announceTo?: string;
}

export function keygen(options: KeygenOptions, host: Host): number {
  announceKey(options, host);
  return exitCodes.done;
}

/** Makes the identity, or keeps the job's, and announces its public half. */
export function announceKey(options: KeygenOptions, host: Host): PublicKey {
  const place = placeIdentity(options.identity, host.env);
  if (place.warning !== null) say(host, place.warning);
  const publicKey = publicKeyAt(place, options.force === true, host);
  const line = pubkeyLine(publicKey);
  const announceTo = options.announceTo ?? host.env.ACTIONS2AWS_ANNOUNCE_TO;
  if (announceTo) liveFeed(announceTo).append(line);
  host.stdout.write(`${line}\n`);
  return publicKey;
}

function publicKeyAt(place: IdentityPlace, force: boolean, host: Host): PublicKey {
  if (!force && isInJob(host.env)) {
    const { key, made } = keepOrMakeIdentity(place, host);
    if (!made)
      say(host, `kept the identity that was there (${place.path}); --force makes a new one`);
    return key.publicKey;
  }
  const key =
    !force && identityExists(place) ? null : makeIdentity(place, host, { replace: force });
  if (key) return key.publicKey;
  throw new Failure(
    exitCodes.other,
    `there is an identity at ${place.path} already: keygen --force replaces it`,
  );
}
