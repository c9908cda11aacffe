import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { readConfig } from "../../src/server/config-file.ts";
import { SecretSources, storePassword, takeSecret } from "../../src/server/secrets.ts";

/** The configuration is one that `serve` starts with. @returns it */
export function expectConfig(text: string): ReturnType<typeof readConfig> {
  const folder = mkdtempSync(join(tmpdir(), "actions2aws-deploy-"));
  try {
    const file = join(folder, "broker.yml");
    writeFileSync(file, text);
    return readConfig(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `serve` reads the file that this variable names: it complains of one that is not there. */
export async function expectReadsFileOf(variable: string): Promise<void> {
  const path = "/nonexistent/secret";
  const reading = async (): Promise<void> => {
    if (variable === `${storePassword}_FILE`) takeSecret({ [variable]: path }, storePassword);
    else await new SecretSources({ [variable]: path }).read({ stored: false });
  };
  await expect(reading()).rejects.toThrow(`${variable} can't be read (ENOENT): ${path}`);
}

/** The ports of `--listen` and `--admin-listen`, and the file of `--config`. */
export function serveArguments(args: readonly string[]): {
  main: string;
  admin: string;
  config: string;
} {
  const words = args.flatMap((arg) => arg.split("="));
  expect(words[0]).toBe("serve");
  const after = (option: string): string => words[words.indexOf(option) + 1] ?? "";
  return {
    main: after("--listen"),
    admin: after("--admin-listen"),
    config: after("--config"),
  };
}
