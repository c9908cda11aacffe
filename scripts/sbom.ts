import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { root, writeWhole } from "./bundle.ts";
import { packagesInside, referenceOf } from "./packages-inside.ts";

/**
 * Writes dist/actions2aws.cdx.json, a CycloneDX document of what is inside the executable: the packages
 * that the bundles were made of, and Node. npm knows the packages, with their hashes and licences;
 * esbuild knows which of them went in.
 */
const folders = [...(await packagesInside()), "node_modules/node"];
const inside = new Set(folders.map(referenceOf));
const document = npmDocument();
const components = document.components.filter(({ "bom-ref": reference }) => inside.has(reference));
const missing = [...inside].filter((it) => components.every(({ "bom-ref": ref }) => ref !== it));
if (missing.length > 0) throw new Error(`npm does not know ${missing.join(", ")}`);

const own = document.metadata.component;
const path = join(root, "dist/actions2aws.cdx.json");
const written = {
  ...document,
  metadata: {
    ...document.metadata,
    lifecycles: [{ phase: "build" }],
    component: { ...own, type: "application", name: "actions2aws" },
  },
  components: components.map((component) => ({ ...component, scope: "required" })),
  dependencies: document.dependencies
    .filter(({ ref }) => inside.has(ref) || ref === own["bom-ref"])
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((it) => inside.has(it)) })),
};
await writeWhole(path, `${JSON.stringify(written, null, 2)}\n`);
process.stdout.write(`dist/actions2aws.cdx.json  ${components.length} packages\n`);

interface Component {
  readonly "bom-ref": string;
}

interface Document {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

function npmDocument(): Document {
  const args = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
  const options = { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 } as const;
  return JSON.parse(execFileSync("npm", args, options)) as Document;
}
