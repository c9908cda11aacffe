import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { Purpose, Signer } from "../core/signer.ts";
import type { Secret } from "../core/secret.ts";

/** HMAC-SHA-256, cut to 128 bits, with a key derived for each purpose. */
export class SigningKey implements Signer {
  readonly #master: Secret;
  readonly #keys = new Map<Purpose, Buffer>();

  constructor(master: Secret) {
    this.#master = master;
  }

  sign(purpose: Purpose, message: string): string {
    return this.#mac(purpose, message).toString("base64url");
  }

  verify(purpose: Purpose, message: string, signature: string): boolean {
    const expected = Buffer.from(this.sign(purpose, message));
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  #mac(purpose: Purpose, message: string): Buffer {
    return createHmac("sha256", this.#key(purpose)).update(message).digest().subarray(0, 16);
  }

  #key(purpose: Purpose): Buffer {
    let key = this.#keys.get(purpose);
    if (!key) {
      key = Buffer.from(hkdfSync("sha256", this.#master.reveal(), "actions2aws", purpose, 32));
      this.#keys.set(purpose, key);
    }
    return key;
  }
}

/** Signs with one key, and takes what the one before it has signed too: a key can be changed while jobs go on. */
export class SigningKeys implements Signer {
  readonly #current: Signer;
  readonly #previous: Signer;

  constructor(current: Signer, previous: Signer) {
    this.#current = current;
    this.#previous = previous;
  }

  sign(purpose: Purpose, message: string): string {
    return this.#current.sign(purpose, message);
  }

  verify(purpose: Purpose, message: string, signature: string): boolean {
    return (
      this.#current.verify(purpose, message, signature) ||
      this.#previous.verify(purpose, message, signature)
    );
  }
}
