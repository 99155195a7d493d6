import { describe, expect, test } from "@jest/globals";
import { placeOf } from "../../sidecar/net/place.js";
import type { FetchConfig } from "../../sidecar/identify/token/types.js";

/** A URL, written by the operator or not, the configuration, and which addresses it may have; or what is wrong. */
const cases: readonly (readonly [
  url: string,
  by: "operator" | "document",
  config: FetchConfig,
  expected: RegExp | readonly [allowed: string, refused: string],
])[] = [
  ["https://idp.test/keys", "operator", {}, ["8.8.8.8", "10.0.0.1"]],
  ["https://idp.test/keys", "document", {}, ["8.8.8.8", "127.0.0.1"]],
  ["https://idp.test/keys", "operator", { addresses: "private" }, ["10.0.0.1", "8.8.8.8"]],
  ["https://idp.test/keys", "operator", { addresses: "private+public" }, ["8.8.8.8", "169.254.169.254"]],
  ["https://idp.test/keys", "operator", { addresses: "192.0.2.0/24" }, ["192.0.2.7", "192.0.3.7"]],
  ["https://10.0.0.1/keys", "operator", {}, ["10.0.0.1", "10.0.0.2"]],
  ["https://10.0.0.1/keys", "document", {}, ["8.8.8.8", "10.0.0.1"]],
  ["http://127.0.0.1:9/keys", "operator", {}, ["127.0.0.1", "127.0.0.2"]],
  ["http://[::1]:9/keys", "operator", {}, ["::1", "127.0.0.1"]],
  ["http://localhost/keys", "operator", {}, ["127.0.0.1", "10.0.0.1"]],
  ["http://127.0.0.1:9/keys", "document", {}, /must be https/],
  ["http://127.0.0.1:9/keys", "document", { addresses: "loopback" }, /must be https/],
  ["http://127.0.0.1:9/keys", "document", { addresses: "loopback", http: true }, ["127.0.0.1", "8.8.8.8"]],
  ["http://localhost/keys", "document", { addresses: "loopback" }, /must be https/],
  ["http://idp.test/keys", "operator", {}, /must be https/],
  ["http://idp.test/keys", "operator", { http: true }, ["8.8.8.8", "10.0.0.1"]],
  ["http://127.0.0.1.evil.test/", "operator", {}, /must be https/],
  ["http://localhost.evil.test/", "operator", {}, /must be https/],
  ["https://localhost./", "operator", {}, ["8.8.8.8", "127.0.0.1"]],
  ["ftp://idp.test/", "operator", { http: true }, /must be https/],
  ["file:///etc/passwd", "operator", { http: true }, /must be https/],
  ["data:application/json,{}", "document", { http: true }, /must be https/],
  ["https://a:b@idp.test/", "operator", {}, /must not hold credentials/],
  ["https://idp.test\\@evil.test/", "operator", {}, /must be a URL/],
  ["https://idp.test/a b", "operator", {}, /must be a URL/],
  ["https://idp.test/\n", "operator", {}, /must be a URL/],
  ["idp.test", "operator", {}, /must be a URL/],
];

describe("a place to fetch from", () => {
  test.each(cases)("%s, written by the %s, with %j", (url, by, config, expected) => {
    const place = placeOf(url, config, by === "operator" ? [url] : ["https://other.test"]);
    if (expected instanceof RegExp) expect(place).toMatch(expected);
    else if (typeof place === "string") expect(place).toBe("a place");
    else {
      const [allowed, refused] = expected;
      expect([place.allows(allowed), place.allows(refused)]).toEqual([true, false]);
      expect(place.named).toBe(by === "operator");
    }
  });
});
