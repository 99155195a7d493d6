import { describe, expect, test } from "@jest/globals";
import { SignJWT } from "jose";
import { algorithms } from "../../sidecar/identify/token/algorithms.js";
import { createWorld, ec, ed, issuerConfig, jwk, payload, rsa, type KeyPair } from "./world.js";

const names = [...algorithms.keys()];
const curves: Record<string, () => KeyPair> = {
  "P-256": () => ec("P-256"),
  "P-384": () => ec("P-384"),
  "P-521": () => ec("P-521"),
  Ed25519: ed,
};
/** One pair for each kind of key: RSA's take long to make. */
function newPairs(): ReadonlyMap<string, KeyPair> {
  const shared = rsa();
  return new Map(names.map((alg) => [alg, curves[algorithms.get(alg)?.crv ?? ""]?.() ?? shared]));
}
const pairs = newPairs();
const strangers = newPairs();
const keys = [...pairs].map(([kid, pair]) => jwk(pair, { kid }));
const world = createWorld([issuerConfig({ keys } as never, { algorithms: names })]);

async function ask(alg: string, by: ReadonlyMap<string, KeyPair>, kid = alg): Promise<string> {
  const key = by.get(alg)?.privateKey;
  if (key === undefined) throw new Error("no such key");
  const bearer = await new SignJWT({ ...payload }).setProtectedHeader({ alg, kid, typ: "at+jwt" }).sign(key);
  const outcome = await world.identify({ bearer });
  return outcome.kind === "refusal" ? outcome.code : outcome.kind;
}

describe("each algorithm", () => {
  test.each(names.map((name) => [name]))("%s verifies what its key signed", async (name) => {
    expect(await ask(name, pairs)).toBe("identified");
  });

  test.each(names.map((name) => [name]))("%s doesn't verify what another key signed", async (name) => {
    expect(await ask(name, strangers)).toBe("token_signature");
  });

  test("none verifies by a key of another kind", async () => {
    for (const alg of names) {
      const kind = algorithms.get(alg);
      const others = names.filter((name) => {
        const other = algorithms.get(name);
        return other?.kty !== kind?.kty || other?.crv !== kind?.crv;
      });
      for (const kid of others) {
        expect([alg, kid, await ask(alg, pairs, kid)]).toEqual([alg, kid, "token_algorithm"]);
      }
    }
  });
});
