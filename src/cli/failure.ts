/** What the process answers its caller with. Source: the contract. */
export const exitCodes = { done: 0, other: 1, usage: 2, denied: 3, unavailable: 4 } as const;

/**
 * An end that the program knows of. Its message is the one line that people read: what happened,
 * and what to do next. It never holds a secret.
 */
export class Failure extends Error {
  override name = "Failure";
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): Failure {
  return new Failure(exitCodes.usage, message);
}

/**
 * The line for any error. What was not foreseen is named but not quoted: messages of libraries can
 * hold what they were given, which may be a key.
 */
export function lineOf(error: unknown): string {
  if (error instanceof Failure) return error.message;
  const kind = error instanceof Error ? error.name : typeof error;
  return `something unforeseen went wrong (${[kind, systemCode(error)].filter(Boolean).join(" ")}): please report it`;
}

/** `ENOENT` and its kind, or an empty text. */
export function systemCode(error: unknown): string {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{1,60}$/.test(code) ? code : "";
}
