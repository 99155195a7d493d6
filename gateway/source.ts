import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/** Most addresses in a chain of proxies that are looked at. */
const longestChain = 32;

/**
 * Creates the finder of a request's source: the socket's peer; behind trusted proxies, the last address of
 * `X-Forwarded-For` that none of them vouches for. Undefined where a trusted proxy names none that can be read.
 * INVARIANT: nobody but a trusted proxy is believed, however many addresses a client puts in front.
 * @param trusted CIDRs of the proxies
 */
export function createSourceFinder(
  trusted: readonly string[],
): (req: IncomingMessage, viaProxy?: boolean) => string | undefined {
  const proxies = new BlockList();
  for (const cidr of trusted) {
    const [address = "", bits = ""] = cidr.split("/");
    proxies.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  const isProxy = (ip: string): boolean =>
    trusted.length > 0 && isIP(ip) !== 0 && proxies.check(ip, isIP(ip) === 6 ? "ipv6" : "ipv4");
  return (req, viaProxy = false) => {
    const peer = viaProxy ? undefined : plain(req.socket.remoteAddress);
    if (!viaProxy && (peer === undefined || !isProxy(peer))) return peer;
    const hops = String(req.headers["x-forwarded-for"] ?? "").split(",");
    if (hops.length > longestChain) return undefined;
    for (const hop of hops.reverse()) {
      const ip = plain(hop.trim());
      if (ip === undefined || isIP(ip) === 0)
        return hop.trim() === "" && hops.length === 1 ? peer : undefined;
      if (!isProxy(ip)) return ip;
    }
    return peer;
  };
}

/** IPv4 in IPv6's clothes is IPv4. */
function plain(ip: string | undefined): string | undefined {
  return ip?.replace(/^::ffff:(?=\d+\.)/i, "");
}
