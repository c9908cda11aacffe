import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A key that guards nothing: it exists for tests alone, as does its certificate for broker.test and localhost. */
export const keyFile = join(import.meta.dirname, "fixtures/broker.test.key");
export const certificateFile = join(import.meta.dirname, "fixtures/broker.test.crt");

export const tls = {
  key: readFileSync(keyFile, "utf8"),
  cert: readFileSync(certificateFile, "utf8"),
};
