import { EnvironmentError } from "./environment-error.ts";
import { isLoopback } from "../core/loopback.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Only this machine can reach it. */
  readonly local: boolean;
}

/**
 * @param flag whose value it is
 * @param text `HOST:PORT`; IPv6 hosts stand in brackets
 * @throws {EnvironmentError}
 */
export function parseListen(flag: string, text: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) {
    throw new EnvironmentError(`${flag} must be HOST:PORT, not ${text}`);
  }
  return {
    host,
    port: Number(port),
    local: isLoopback(bracketed === undefined ? host : `[${host}]`),
  };
}
