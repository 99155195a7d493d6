/** docs/identity-assertions.md is held to the source. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { parseGatewayConfig } from "../../gateway/config.js";
import { parseSidecarConfig } from "../../sidecar/config.js";
import type { Json } from "../../sidecar/contract.js";
import { claimSources } from "../../sidecar/contract.js";
import { root } from "../world.js";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const docs = read("docs/identity-assertions.md");
const [signing = "", wanting = "", pomerium = "", metadata = ""] = [
  ...docs.matchAll(/```yaml\n([\s\S]*?)```/g),
].map(([, text]) => text);
const load = (text: string): Record<string, Json> => yaml.load(text) as Record<string, Json>;
const gateway = (more: Record<string, Json>) => parseGatewayConfig({ sidecar: { socket: "/s" }, ...more });

describe("docs/identity-assertions.md", () => {
  test("names every key and every source", () => {
    const source = read("sidecar/assert/config.ts") + read("gateway/forward/assertion.ts");
    const keys = [...source.matchAll(/fields\.(?:string|strings|integer|oneOf|required)\("(\w+)"/g)].map(
      ([, key = ""]) => key,
    );
    expect(keys.length).toBeGreaterThan(7);
    expect(
      keys.filter((key) => !docs.includes(`assertion.${key}\``) && !docs.includes(`| \`${key}\``)),
    ).toEqual([]);
    expect(claimSources.filter((name) => !docs.includes(`\`${name}\``))).toEqual([]);
    const more = [...read("gateway/resource-metadata.ts").matchAll(/"(\w+_\w+)"/g)].map(
      ([, key = ""]) => key,
    );
    expect(more.length).toBeGreaterThan(3);
    expect(more.filter((key) => !docs.includes(key))).toEqual([]);
  });

  test("its examples are valid, and mean what is said", () => {
    expect(parseSidecarConfig(load(signing)).assertion).toEqual({
      issuer: "https://countersign.example.com",
      algorithm: "ES256",
      lifetimeSeconds: 60,
      rotateHours: 24,
    });
    expect(gateway(load(wanting)).servers.get("files")?.upstream?.assertion?.header).toBe(
      "x-countersign-assertion",
    );
    const fed = gateway({ servers: { app: { url: "http://a", ...load(pomerium) } } }).servers.get("app");
    expect(fed?.upstream?.assertion?.header).toBe("x-pomerium-jwt-assertion");
    expect(gateway(load(metadata)).resourceMetadata.scopes).toEqual(["models:use", "tools:call"]);
  });
});

describe("the sidecar's configuration", () => {
  const parse =
    (assertion: Json, more: Record<string, Json> = {}) =>
    () =>
      parseSidecarConfig({ assertion, ...more }).assertion;
  const issuer = "i";
  const redis_url = "redis://r";
  const secret = "x".repeat(32);
  test.each<readonly [string, Json, RegExp]>([
    ["no issuer", {}, /assertion\.issuer: is required/],
    ["an issuer with a blank", { issuer: "a b" }, /assertion\.issuer/],
    ["a symmetric algorithm", { issuer, algorithm: "HS256" }, /assertion\.algorithm/],
    ["a long life", { issuer, lifetime_seconds: 61 }, /assertion\.lifetime_seconds/],
    ["no rotation", { issuer, rotate_hours: 0 }, /assertion\.rotate_hours/],
    ["Redis without a secret", { issuer, redis_url }, /assertion\.secret/],
    ["Redis with a short secret", { issuer, redis_url, secret: "short" }, /at least 32/],
    ["two secrets", { issuer, redis_url, secret, secret_file: "/f" }, /give one of/],
    ["a secret without Redis", { issuer, secret }, /give redis_url/],
    ["another kind of store", { issuer, redis_url: "http://r", secret }, /redis:\/\//],
    ["an unknown key", { issuer, key: "k" }, /unknown field/],
  ])("refuses %s", (_name, assertion, problem) => {
    expect(parse(assertion)).toThrow(problem);
  });
  test("shares keys where decisions are shared, and then wants a secret of its own", () => {
    const cache = { redis_url, secret: "another secret, for decisions" };
    expect(parse({ issuer }, { cache })).toThrow(/assertion\.secret/);
    expect(parse({ issuer, secret }, { cache })()).toMatchObject({ shared: { redisAt: redis_url, secret } });
  });
});
