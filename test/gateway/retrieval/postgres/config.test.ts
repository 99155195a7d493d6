import { expect, test } from "@jest/globals";
import { parseGatewayConfig } from "../../../../gateway/config.js";
import type { Json } from "../../../../sidecar/contract.js";

const parse = (url: string, more: object = {}): unknown => {
  const db = { kind: "postgres", url, user: "gateway", region: "eu", environment: "prod", ...more };
  return parseGatewayConfig({ sidecar: { socket: "/run/pdp.sock" }, stores: { db } } as unknown as Json);
};

test.each([
  ["on another machine without TLS", "postgres://db.example:5432/app", {}, "stores.db.tls: is required"],
  ["at an address without TLS", "postgres://10.0.0.5/app", {}, "stores.db.tls: is required"],
  ["that only looks like this machine", "postgres://localhost.example/app", {}, "stores.db.tls: is required"],
  ["by another protocol", "https://db.example/app", {}, "stores.db.url: "],
])("a database %s is refused", (_name, url, more, problem) => {
  expect(() => parse(url, more)).toThrow(problem);
});

test.each([
  ["on this machine", "postgres://localhost:5432/app", {}],
  ["on this machine, by its address", "postgres://[::1]/app", {}],
  ["on another, with TLS", "postgresql://db.example/app", { tls: { ca_file: "/etc/ssl/db.pem" } }],
])("a database %s is taken", (_name, url, more) => {
  expect(() => parse(url, more)).not.toThrow();
});
