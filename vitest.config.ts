import { defineConfig } from "vitest/config";

/** `--mode system` is for the tests that need programs from outside npm; nothing else runs them. */
export default defineConfig(({ mode }) => {
  const system = "test/system/**/*.test.ts";
  const selection =
    mode === "system"
      ? { include: [system], passWithNoTests: true }
      : { include: ["test/**/*.test.ts"], exclude: [system] };
  return { test: { ...selection, testTimeout: 60_000, hookTimeout: 60_000 } };
});
