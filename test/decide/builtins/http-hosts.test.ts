import { describe, expect, test } from "@jest/globals";
import { parseAddresses, plainAddress } from "../../../sidecar/net/addresses.js";
import { parseHosts, parseTarget } from "../../../sidecar/decide/builtins/network/http-hosts.js";

describe("a list of hosts", () => {
  test.each<[entry: string, url: string, found: boolean]>([
    ["api.example.com", "https://api.example.com/x", true],
    ["api.example.com", "http://api.example.com/", true],
    ["api.example.com", "https://API.example.COM./x", true],
    ["API.Example.com", "https://api.example.com/", true],
    ["api.example.com", "https://api.example.com:8443/", false],
    ["api.example.com:8443", "https://api.example.com:8443/", true],
    ["api.example.com:8443", "https://api.example.com/", false],
    ["api.example.com", "https://evil.api.example.com/", false],
    ["api.example.com", "https://api.example.com.evil.com/", false],
    ["api.example.com", "https://apixexample.com/", false],
    ["*.example.com", "https://a.example.com/", true],
    ["*.example.com", "https://a.b.example.com/", true],
    ["*.example.com", "https://example.com/", false],
    ["*.example.com", "https://evilexample.com/", false],
    ["*.example.com:444", "https://a.example.com:444/", true],
    ["bücher.example", "https://xn--bcher-kva.example/", true],
    ["xn--bcher-kva.example", "https://BÜCHER.example/", true],
    ["127.0.0.1", "http://127.0.0.1/", true],
    // one spelling of an address is as good as another in a URL
    ["127.0.0.1", "http://0x7f.1/", true],
    ["127.0.0.1", "http://[::ffff:127.0.0.1]/", true],
    ["*.0.0.1.example", "http://127.0.0.1/", false],
    ["localhost", "http://127.0.0.1/", false],
    ["[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/", true],
    ["::1", "http://[::1]/", true],
  ])("%s and %s: %s", (entry, url, found) => {
    const target = parseTarget(url);
    if (typeof target === "string") throw new Error(target);
    expect(parseHosts([entry]).find(target.host, target.port) !== undefined).toBe(found);
  });

  test.each([
    ...["", "*", "*.", "a b", "http://a.com", "a.com/x", "user@a.com", "a.com:0", "a.com:99999", "a.com:x"],
    ...["0x7f.1", "2130706433", "*.127.0.0.1", "a.com=", "a.com=10.0.0.0", "a.com=10.0.0.0/33", "a.com=a=b"],
    ...[
      "a..com",
      ".a.com",
      "a.com=private+",
      "127.0.0.1=public",
      "a%2ecom",
      "fe80::1%eth0",
      "a.*.com",
      "a\n.com",
    ],
  ])("doesn't take %j for a host", (entry) => {
    expect(() => parseHosts(["good.com", entry])).toThrow(
      `hosts that can't be read: ${JSON.stringify(entry)}`,
    );
  });
});

describe("a URL", () => {
  test.each<[url: string, reason: string]>([
    ["https://user@api.example.com/", "user or password"],
    ["https://user:pass@api.example.com/", "user or password"],
    ["https://api.example.com@evil.com/", "user or password"],
    ["https://good.com\\@evil.com/", "control character"],
    ["https://good.com\t.evil.com/", "control character"],
    ["https://a.com/\r\nX: y", "control character"],
    [" https://a.com/", "invalid character"],
    ["ftp://a.com/", 'unsupported protocol scheme "ftp"'],
    ["unix://localhost/end?socket=%2Ftmp%2Fs", 'unsupported protocol scheme "unix"'],
    ["file:///etc/passwd", 'unsupported protocol scheme "file"'],
    ["a.com/x", 'unsupported protocol scheme ""'],
    ["//a.com/x", 'unsupported protocol scheme ""'],
    ["https:a.com", "no Host"],
    ["http:///x", "no Host"],
    ["https://a..com/", "invalid host"],
    ["https://a.com:99999/", "invalid URL"],
    ["http://[fe80::1%25eth0]/", "invalid URL"],
    ["http://a%00b/", "invalid URL"],
    ["", 'unsupported protocol scheme ""'],
  ])("%j is refused: %s", (url, reason) => {
    expect(parseTarget(url)).toEqual(expect.stringContaining(reason));
  });

  test.each<[location: string, host: string]>([
    ["/x", "a.com"],
    ["//b.com/x", "b.com"],
    ["https:\u002f\u002fb.com:444/", "b.com"],
  ])("%s of a redirect is taken with its base", (location, host) => {
    expect(parseTarget(location, new URL("https://a.com/y"))).toMatchObject({ host });
  });
});

describe("addresses", () => {
  test.each<[address: string, ranges: readonly string[]]>([
    ["93.184.216.34", ["public"]],
    ["2606:2800:220:1::1", ["public"]],
    ["127.0.0.1", ["loopback"]],
    ["127.9.9.9", ["loopback"]],
    ["::1", ["loopback"]],
    ["::ffff:127.0.0.1", ["loopback"]],
    ["::ffff:7f00:1", ["loopback"]],
    ["10.1.2.3", ["private"]],
    ["172.31.0.1", ["private"]],
    ["172.32.0.1", ["public"]],
    ["192.168.1.1", ["private"]],
    ["100.64.0.1", ["private"]],
    ["fd12::1", ["private"]],
    ["::ffff:10.0.0.1", ["private"]],
    // metadata services, in whatever range
    ...[
      "169.254.169.254",
      "169.254.170.2",
      "fd00:ec2::254",
      "100.100.100.200",
      "168.63.129.16",
      "fe80::1",
    ].map((address): [string, string[]] => [address, []]),
    ["::ffff:169.254.169.254", []],
    // what leads to IPv4 by another name, and what nobody routes
    ...[
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
      "2001:0:1::1",
      "::127.0.0.1",
      "::",
      "0.0.0.0",
      "255.255.255.255",
    ].map((address): [string, string[]] => [address, []]),
    ...["224.0.0.1", "ff02::1", "192.0.0.192", "198.18.0.1", "2001:db8::1"].map(
      (address): [string, string[]] => [address, []],
    ),
  ])("%s is in %j", (address, ranges) => {
    const plain = plainAddress(address) ?? "";
    const found = ["public", "private", "loopback"].filter((name) => parseAddresses(name)?.(plain) === true);
    expect(found).toEqual(ranges);
  });

  test("may be listed by range", () => {
    const allows = parseAddresses("10.1.0.0/16+fd12::/16+169.254.169.254/32");
    expect(["10.1.9.9", "10.2.0.1", "fd12::5", "fd13::5", "169.254.169.254"].map((a) => allows?.(a))).toEqual(
      [...[true, false, true, false, true]],
    );
  });

  test.each(["fe80::1%eth0", "0x7f.1", "localhost", "1.2.3", "", "127.0.0.1 "])("%j is none", (text) => {
    expect(plainAddress(text)).toBeUndefined();
  });
});
