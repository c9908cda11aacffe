import { isIP } from "node:net";
import { Secret } from "../../core/secret.ts";

/** `store` of the configuration. */
export type StoreSetting =
  | { kind: "memory" }
  | { kind: "redis"; url: Secret }
  | { kind: "dynamodb"; table: string };

/** @returns null when it is none */
export function parseStore(text: string): StoreSetting | null {
  if (text === "memory") return { kind: "memory" };
  const [, table] = /^dynamodb:([A-Za-z0-9_.-]{3,255})$/.exec(text) ?? [];
  if (table !== undefined) return { kind: "dynamodb", table };
  return isRedisUrl(text) ? { kind: "redis", url: new Secret(text) } : null;
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { hostname, pathname, search, hash } = new URL(text);
  const host = hostname.replace(/^\[|\]$/g, "");
  const isHost = isIP(host) !== 0 || /^[A-Za-z0-9_.-]+$/.test(host);
  return isHost && /^\/?[0-9]{0,4}$/.test(pathname) && search === "" && hash === "";
}

export function isSameStore(one: StoreSetting, other: StoreSetting): boolean {
  if (one.kind === "redis" && other.kind === "redis")
    return one.url.reveal() === other.url.reveal();
  return JSON.stringify(one) === JSON.stringify(other);
}
