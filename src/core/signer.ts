/** What a signature is for: one made for another purpose is not one. */
export type Purpose = "challenge" | "ticket" | "renewal";

/** Makes and checks message authentication codes, with a key of its own for each purpose. */
export interface Signer {
  /** @returns base64url. */
  sign(purpose: Purpose, message: string): string;
  /** Compares in constant time (H-13). */
  verify(purpose: Purpose, message: string, signature: string): boolean;
}
