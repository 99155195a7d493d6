/** What a token is bound to, before a request's proofs are looked at. */
import { describe, expect, test } from "@jest/globals";
import { createTokens } from "../../sidecar/identify/token/tokens.js";
import { checkKind } from "../../sidecar/identify/token/check-token.js";
import { parseIssuers } from "../../sidecar/identify/token/parse-issuers.js";
import { forbiddenTypes } from "../../sidecar/identify/token/token-types.js";
import type { Json } from "../../sidecar/contract.js";
import { ec, es256, header, issuerConfig, jwk, payload, start, token } from "./world.js";

const k1 = ec();
const config = issuerConfig({ keys: [jwk(k1, { kid: "k1" })] } as never);
const tokens = createTokens({
  issuers: [config],
  now: () => start,
  fetchDocument: () => Promise.resolve({ kind: "fault", fault: "network" }),
});
const thumb = Buffer.alloc(32, 1).toString("base64url");
const other = Buffer.alloc(32, 2).toString("base64url");

describe("a token's confirmation", () => {
  test.each<[name: string, cnf: unknown, boundTo: unknown]>([
    ["none", undefined, undefined],
    ["a certificate", { "x5t#S256": thumb }, { x5t: thumb }],
    ["a DPoP key", { jkt: thumb }, { jkt: thumb }],
    ["both", { jkt: thumb, "x5t#S256": other }, { jkt: thumb, x5t: other }],
  ])("%s is told", async (_, cnf, boundTo) => {
    const verified = await tokens.verify(token(header, { ...payload, cnf }, es256(k1)));
    expect(verified.kind).toBe("verified");
    expect(verified.kind === "verified" && verified.boundTo).toEqual(boundTo);
    const again = await tokens.verify(token(header, { ...payload, cnf }, es256(k1)));
    expect(again.kind === "verified" && again.boundTo).toEqual(boundTo);
  });

  test.each<[name: string, cnf: unknown]>([
    ["null", null],
    ["text", thumb],
    ["a list", [{ jkt: thumb }]],
    ["nothing", {}],
    ["a key by its id", { kid: "k" }],
    ["a key itself", { jwk: jwk(k1) }],
    ["an encrypted key", { jwe: "e30" }],
    ["a key's URL", { jku: "https://evil.test", kid: "k" }],
    ["a SHA-1 thumbprint", { x5t: "B2bCqWjOzwDHGUiQi4cJ1xCFtoo" }],
    ["a DPoP key and what isn't understood", { jkt: thumb, kid: "k" }],
    ["a DPoP key and nothing", { jkt: thumb, "x5t#S256": null }],
    ["a short thumbprint", { jkt: thumb.slice(1) }],
    ["a long thumbprint", { jkt: `${thumb}A` }],
    ["a thumbprint with padding", { jkt: `${thumb}=` }],
    ["a thumbprint in base64", { jkt: Buffer.alloc(32, 255).toString("base64").slice(0, 43) }],
    ["a thumbprint in another spelling", { jkt: `${thumb.slice(0, -1)}F` }],
    ["an empty thumbprint", { jkt: "" }],
  ])("%s is refused", async (_, cnf) => {
    expect(await tokens.verify(token(header, { ...payload, cnf }, es256(k1)))).toMatchObject({
      code: "token_binding",
    });
  });
});

describe("a type that is never an access token's", () => {
  const [issuer] = parseIssuers([config] as unknown as Json);
  test.each([...forbiddenTypes].map((type) => [type]))("%s is refused, even if it were listed", (type) => {
    expect(issuer).toBeDefined();
    if (issuer !== undefined) {
      expect(checkKind(type, {}, { ...issuer, types: [type] })).toMatchObject({ code: "token_type" });
    }
  });
});
