import { isLoopback } from "../core/loopback.ts";
import { usageError } from "./failure.ts";
import type { Environment } from "./host.ts";

/** The proxy for https, in the form that Node's agent reads. */
export interface Proxy {
  readonly HTTPS_PROXY: string;
  readonly NO_PROXY: string;
}

/**
 * Loopback is never led through a proxy, and what is not loopback is https: a proxy sees CONNECT
 * alone (C-10). Node would leave out, without a word, what it cannot read.
 */
export function proxyFor(broker: URL, env: Environment): Proxy | null {
  const text = env.https_proxy || env.HTTPS_PROXY;
  if (!text || isLoopback(broker.hostname)) return null;
  const url = /^[a-z0-9+.-]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!/^https?:\/\/[^/]/i.test(url) || !URL.canParse(url)) {
    throw usageError("the proxy of HTTPS_PROXY cannot be used: it must be like http://proxy:3128");
  }
  return { HTTPS_PROXY: url, NO_PROXY: env.no_proxy || env.NO_PROXY || "" };
}

/** An earlier step may have set it: it is said, without its password. */
export function proxyNotice({ HTTPS_PROXY }: Proxy): string {
  return `HTTPS_PROXY is set: the broker is asked through ${new URL(HTTPS_PROXY).host}, unless NO_PROXY names it`;
}
