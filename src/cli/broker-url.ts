import { isLoopback } from "../core/loopback.ts";
import { usageError } from "./failure.ts";

/**
 * The broker's address: https, or http to this machine alone; a base path is allowed. No fault is
 * told with the address itself, which may hold a password (C-03).
 */
export function parseBrokerUrl(text: string): URL {
  // The URL parser would take line ends and blanks off, and read `https:x` and `\` as it likes.
  if (!/^https?:\/\/[^\s\\]+$/i.test(text) || !URL.canParse(text)) {
    throw usageError(
      "the broker's address must be like https://broker.example.com (--url or ACTIONS2AWS_URL)",
    );
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || /^https?:\/\/[^/?#]*@/i.test(text)) {
    throw usageError(
      "the broker's address must not hold a user or password: take them out of --url",
    );
  }
  if (/[?#]/.test(text)) {
    throw usageError(
      "the broker's address must not hold a query or fragment: take away what follows ? or # in --url",
    );
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw usageError(
      "the broker's address must be https: http is only for loopback (127.0.0.1, ::1, localhost)",
    );
  }
  url.pathname = url.pathname.replace(/\/+$/, "");
  return url;
}

/** @param path like `/v1/challenges`; a base path stays before it. */
export function addressOf(broker: URL, path: string): URL {
  const url = new URL(broker);
  url.pathname = url.pathname.replace(/\/$/, "") + path;
  return url;
}
