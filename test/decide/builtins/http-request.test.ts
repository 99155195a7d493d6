import { expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import type { Json } from "../../../sidecar/contract.js";
import { JsonNumber } from "../../../sidecar/contract.js";
import { parseDuration } from "../../../sidecar/decide/builtins/network/http-duration.js";
import { HttpFault } from "../../../sidecar/decide/builtins/network/http-fault.js";
import { keyOf, openRequest, readRequest } from "../../../sidecar/decide/builtins/network/http-request.js";
import type { HttpRequest } from "../../../sidecar/decide/builtins/network/http-request.js";
import { parseTarget } from "../../../sidecar/decide/builtins/network/http-hosts.js";
import { rego } from "./http-world.js";

test.each<[text: string, nanoseconds: number | undefined]>([
  ["0", 0],
  ["5", 5],
  ["-5", -5],
  ["1ns", 1],
  ["1.5s", 1.5e9],
  [".5s", 0.5e9],
  ["1.s", 1e9],
  ["1h2m3s", 3_723e9],
  ["+1ms", 1e6],
  ["-1µs", -1e3],
  ["1μs", 1e3],
  ["", undefined],
  ["s", undefined],
  [".s", undefined],
  ["1", 1],
  ["1.5", undefined],
  ["1s 2s", undefined],
  ["1d", undefined],
  ["1S", undefined],
  ["-", undefined],
  ["--1s", undefined],
  ["9999999999999h", undefined],
  ["1".repeat(400), undefined],
])("%j is a duration of %p ns", (text, nanoseconds) => {
  expect(parseDuration(text)).toBe(nanoseconds);
});

const base = { method: "GET", url: "http://a.test/" };
const read = (extra: Json): HttpRequest =>
  readRequest(openRequest(rego({ ...base, ...(extra as object) })).request);

test.each<[timeout: Json, milliseconds: number]>([
  [1, 1],
  [1_000_001, 2],
  ["2s", 2_000],
  [0, 0],
  [-1, 0],
  ["-5s", 0],
])("a timeout of %j is %d ms", (timeout, milliseconds) => {
  expect(read({ timeout }).timeoutMs).toBe(milliseconds);
});

test("quotes around a text are dropped, as in OPA", () => {
  expect(read({ url: '"http://b.test/"', raw_body: '""x"' })).toMatchObject({
    url: "http://b.test/",
    body: Buffer.from("x"),
  });
});

test("whatever a policy writes, it is a request or a fault in words", () => {
  const names = [
    ...["method", "url", "body", "raw_body", "headers", "timeout", "enable_redirect", "cache", "force_cache"],
    ...["force_cache_duration_seconds", "caching_mode", "max_retry_attempts", "cache_ignored_headers"],
    ...[
      "tls_ca_cert",
      "tls_client_cert",
      "tls_client_key",
      "tls_server_name",
      "tls_insecure_skip_verify",
      "x",
    ],
  ];
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
    fc.constantFrom<Json>(
      new JsonNumber("1e400"),
      new JsonNumber("9007199254740993"),
      "1s",
      "serialized",
      {},
      [],
    ),
    fc.dictionary(fc.string(), fc.string()),
  );
  const request = fc
    .array(fc.tuple(fc.constantFrom(...names), value))
    .map((entries) => ({ ...base, ...Object.fromEntries(entries) }));
  fc.assert(
    fc.property(request, (written) => {
      try {
        const opened = openRequest(rego(written)).request;
        expect(typeof keyOf(opened)).toBe("string");
        const { method, headers, url } = readRequest(opened);
        expect(method).toMatch(/^[!-~]+$/);
        for (const [name, text] of headers) expect(name + text).not.toMatch(/[\0\r\n]/);
        const target = parseTarget(url);
        if (typeof target !== "string") expect(target.url.username + target.url.password).toBe("");
      } catch (error) {
        if (!(error instanceof HttpFault)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});
