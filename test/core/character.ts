import * as fc from "fast-check";

/** Any character of Unicode. fast-check's own unit for this, "binary", takes most of a second to make. */
export const character = fc
  .integer({ min: 0, max: 0x10_ffff })
  .map((code) => String.fromCodePoint(code))
  .filter((text) => text.isWellFormed());
