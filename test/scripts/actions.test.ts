import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { metadataOf } from "../harness/action.ts";
import { type Bundle, bundleActions, root } from "../../scripts/bundle.ts";

// What `uses:` runs is what is in git: it must be what the sources make, and nothing else.

let bundles: Bundle[];
beforeAll(async () => {
  bundles = await bundleActions();
});

/** In bytes. A job waits for each of them. */
const sizes: Readonly<Record<string, number>> = {
  "keygen/index": 25_000,
  "keygen/post": 25_000,
  "request/index": 250_000,
  "request/post": 25_000,
};

describe.for(Object.keys(sizes))("%s.cjs", (name) => {
  const committed = readFileSync(join(root, `${name}.cjs`), "utf8");

  test("is what the sources make: else call npm run build:actions", () => {
    // Not toBe, which would print both.
    expect(bundles.find((it) => it.name === name)?.code === committed).toBe(true);
  });

  test("is small", () => {
    expect(Buffer.byteLength(committed)).toBeLessThan(sizes[name] ?? 0);
  });

  test("is made of the project and its packages, and loads nothing but Node's own modules", () => {
    const { metafile } = bundles.find((it) => it.name === name) ?? expect.unreachable();
    const folders = Object.keys(metafile.inputs).map((path) => path.split("/", 2).join("/"));
    expect(folders).not.toContain("src/server");
    const [output] = Object.values(metafile.outputs);
    const loaded = output?.imports.flatMap(({ path, external }) => (external ? path : [])) ?? [];
    expect(loaded.filter((path) => !path.startsWith("node:"))).toEqual([]);
    expect(committed).not.toContain(root);
  });
});

test("all that is made is here", () => {
  expect(bundles.map(({ name }) => name).toSorted()).toEqual(Object.keys(sizes));
});

describe.for(["keygen", "request"])("%s/action.yml", (name) => {
  const { inputs, outputs, runs } = metadataOf(name);
  const page = readFileSync(join(root, "docs/github-actions.md"), "utf8");

  test("runs by the Node that the runner has, by its own files", () => {
    expect(runs).toEqual({ using: "node24", main: "index.cjs", post: "post.cjs" });
  });

  test("has nothing that the script does not read or write, or the docs do not tell", () => {
    const code = readFileSync(join(root, `${name}/index.cjs`), "utf8");
    for (const it of [...Object.keys(inputs), ...Object.keys(outputs)]) {
      expect(code).toMatch(new RegExp(`\\b${it}\\b`));
      expect(page).toContain(`\`${it}\``);
    }
  });

  test("has defaults that say what leaving them out says", () => {
    const given = Object.entries(inputs).flatMap(([key, it]) =>
      it.default ? [[key, it.default]] : [],
    );
    const expected = {
      keygen: {},
      request: { format: "env", "job-id": "${{ job.check_run_id }}" },
    };
    expect(Object.fromEntries(given)).toEqual(expected[name as keyof typeof expected]);
  });
});
