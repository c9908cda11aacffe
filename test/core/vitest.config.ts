import { basename } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** A mutant dies at the first test that fails: its own file's come first, the long ones of properties last. */
class OwnFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const mutated = basename(this.ctx.config.related?.[0] ?? "", ".ts");
    const place = ({ moduleId }: TestSpecification): number => {
      const name = basename(moduleId);
      if (name.includes("-property")) return 2;
      return name === `${mutated}.test.ts` ? 0 : 1;
    };
    return Promise.resolve(files.toSorted((a, b) => place(a) - place(b)));
  }
}

/** For `npm run test:mutants`: what decides has to be held by its own tests; grants are those of configurations. */
export default defineConfig({
  test: {
    include: ["test/core/**/*.test.ts", "test/server/config*.test.ts"],
    testTimeout: 60_000,
    sequence: { sequencer: OwnFirst },
  },
});
