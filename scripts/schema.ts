import { join } from "node:path";
import { configSchema } from "../src/server/config-schema.ts";
import { root, writeWhole } from "./bundle.ts";

// Writes the configuration's JSON Schema, which examples/*.yml name and a test keeps current.

await writeWhole(
  join(root, "schema/broker.schema.json"),
  `${JSON.stringify(configSchema(), null, 2)}\n`,
);
