/**
 * Whether a host, as a URL spells it (IPv6 in brackets), is this machine: 127.0.0.0/8, ::1 or
 * `localhost`. Plain http, and GitHubs and issuers that are simulated, are for these alone.
 */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || loopbackAddress.test(hostname);
}

const loopbackAddress = /^127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;
