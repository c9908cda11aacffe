const kinds = ["auto", "log", "oidc"] as const;

/** What a job may prove itself by. */
export type ProofKind = (typeof kinds)[number];

export function isProofKind(text: string): text is ProofKind {
  return (kinds as readonly string[]).includes(text);
}
