import { BlockList, isIP } from "node:net";

/**
 * Whose request it is: the socket's peer, unless that is a proxy that the operator trusts; then the
 * last address of X-Forwarded-For that is not one. What stands before it anybody can write (H-10).
 */
export class ClientAddresses {
  readonly #trusted = new BlockList();

  /** @param networks addresses or CIDR networks */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = "", prefix] = network.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      this.#trusted.addSubnet(address, Number(prefix ?? (family === "ipv6" ? 128 : 32)), family);
    }
  }

  of(peer: string, forwardedFor: string | undefined): string {
    const hops = [...(forwardedFor ?? "").split(",").map((hop) => hop.trim()), peer].map(plain);
    for (const hop of hops.toReversed()) {
      if (isIP(hop) === 0) break;
      if (!this.#trusted.check(hop, isIP(hop) === 6 ? "ipv6" : "ipv4")) return hop;
    }
    return plain(peer);
  }
}

/** IPv4 as a dual-stack socket shows it. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

/** The key of an address's rate limit: an IPv6 client can have all of its /64 (H-10). */
export function limitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  // Proxies differ in how they spell an address; it is one all the same.
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}
