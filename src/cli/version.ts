/** Put in by the build (esbuild's `define`); absent when the sources run as they are. */
declare const ACTIONS2AWS_VERSION: string | undefined;

export const version: string =
  typeof ACTIONS2AWS_VERSION === "string" ? ACTIONS2AWS_VERSION : "0.0.0-source";
