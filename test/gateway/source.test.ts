/** Where a request really comes from, whatever it says. */
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { createSourceFinder } from "../../gateway/source.js";

const find = createSourceFinder(["10.0.0.0/8", "fd00::/8"]);
const request = (peer: string | undefined, forwarded?: string): IncomingMessage =>
  ({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as IncomingMessage;

const cases: readonly (readonly [
  name: string,
  peer: string | undefined,
  forwarded: string | undefined,
  ip: string | undefined,
])[] = [
  ["a peer that says nothing", "203.0.113.9", undefined, "203.0.113.9"],
  ["a peer that claims an address", "203.0.113.9", "10.1.1.1", "203.0.113.9"],
  ["a peer in IPv6's clothes that claims an address", "::ffff:203.0.113.9", "10.1.1.1", "203.0.113.9"],
  ["a client behind the proxy", "10.0.0.1", "198.51.100.7", "198.51.100.7"],
  [
    "a client behind the proxy that claims to be inside",
    "10.0.0.1",
    "10.9.9.9, 198.51.100.7",
    "198.51.100.7",
  ],
  ["a client behind two proxies", "10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"],
  [
    "a client behind two proxies that claims another's address",
    "10.0.0.1",
    "192.0.2.1, 198.51.100.7, 10.0.0.2",
    "198.51.100.7",
  ],
  ["a client in IPv6", "fd00::1", "2001:db8::7", "2001:db8::7"],
  ["a mapped client", "10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"],
  ["a mapped proxy in the chain", "10.0.0.1", "198.51.100.7, ::ffff:10.0.0.2", "198.51.100.7"],
  ["the proxy itself", "10.0.0.1", undefined, "10.0.0.1"],
  ["proxies only", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1"],
  ["a name instead of an address", "10.0.0.1", "localhost", undefined],
  ["an address with a port", "10.0.0.1", "198.51.100.7:4711", undefined],
  ["`unknown`", "10.0.0.1", "unknown", undefined],
  ["an empty place", "10.0.0.1", "10.9.9.9,", undefined],
  ["a zone", "10.0.0.1", "fe80::1%eth0", "fe80::1%eth0"],
  ["a chain without end", "10.0.0.1", Array.from({ length: 40 }, () => "10.0.0.2").join(","), undefined],
  ["a socket that is gone", undefined, "10.0.0.1", undefined],
];

describe("the source of a request", () => {
  test.each(cases)("of %s", (_name, peer, forwarded, ip) => {
    expect(find(request(peer, forwarded))).toBe(ip);
  });

  test("on a local proxy's own socket is what the proxy says, and none where it says nothing", () => {
    expect(find(request(undefined, "198.51.100.7"), true)).toBe("198.51.100.7");
    expect(find(request(undefined), true)).toBeUndefined();
  });

  test("is never believed where no proxy is trusted", () => {
    expect(createSourceFinder([])(request("127.0.0.1", "10.0.0.1"))).toBe("127.0.0.1");
  });
});
