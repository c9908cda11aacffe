import { z } from "zod";
import { configShape } from "./config.ts";

/**
 * The configuration's JSON Schema, for editors: what it takes, made of the schema that checks it.
 * Draft 7, which the YAML language server knows best.
 */
export function configSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(configShape, {
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => oneOrMore(jsonSchema),
  });
  return { $schema, title: "Configuration of actions2aws serve", ...rest };
}

/** A list of the operator's may be one text alone. */
function oneOrMore(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.oneOrMore !== true) return;
  const { oneOrMore: _, description, type, items, minItems, ...rest } = schema;
  for (const name of Object.keys(schema)) delete schema[name];
  const list = { type, items, minItems };
  Object.assign(schema, { ...(description && { description }), anyOf: [items, list], ...rest });
}
