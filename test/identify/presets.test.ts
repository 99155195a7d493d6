import { describe, expect, test } from "@jest/globals";
import { sign } from "node:crypto";
import { readFileSync } from "node:fs";
import yaml from "js-yaml";
import { parseSidecarConfig } from "../../sidecar/config.js";
import type { Json } from "../../sidecar/contract.js";
import { presets } from "../../sidecar/identify/token/presets.js";
import { presetCases, type PresetCase } from "./presets.cases.js";
import { createWorld, ec, jwk, rs256, rsa, token, type Members, type Signer, type World } from "./world.js";

const r1 = rsa();
const e1 = ec("P-384");
const keys = [jwk(r1, { kid: "k1", alg: "RS256", use: "sig" }), jwk(e1, { kid: "k1", use: "sig" })];
const signers: Record<string, Signer> = {
  RS256: rs256(r1),
  ES384: (data) => sign("sha384", Buffer.from(data), { key: e1.privateKey, dsaEncoding: "ieee-p1363" }),
};

/** A world that trusts the case's issuer by the preset; the keys are ours, since the IdP's aren't. */
function open({ preset, config }: PresetCase): World {
  const { discovery, ...rest } = config;
  expect(discovery === undefined || discovery === true || typeof discovery === "string").toBe(true);
  return createWorld([{ name: "idp", preset, ...rest, jwks: { keys } } as never]);
}
const tokenOf = (one: PresetCase, over: Members = {}, header: Members = {}): string => {
  const head = { ...one.header, ...header };
  return token(head, { ...one.payload, ...over }, signers[String(head["alg"])] ?? rs256(r1));
};

test("each preset has a case", () => {
  expect([...presets.keys()].filter((name) => !presetCases.some(([, one]) => one.preset === name))).toEqual(
    [],
  );
});

describe.each(presetCases)("%s", (_name, one) => {
  test("is identified", async () => {
    const world = open(one);
    const outcome = await world.identify({ bearer: tokenOf(one) });
    expect(outcome).toMatchObject({ kind: "identified" });
    expect(outcome.kind === "identified" ? outcome.identity : undefined).toMatchObject(one.identity);
  });

  test("its configuration starts with discovery, too", () => {
    const world = createWorld([{ name: "idp", preset: one.preset, ...one.config } as never]);
    world.close();
  });

  const more: PresetCase["refused"] = [
    ["another audience", { aud: "somebody-else" }, "token_audience"],
    ["another issuer", { iss: "https://evil.test" }, "token_issuer"],
    ["an ID-JAG", {}, "token_type", { typ: "oauth-id-jag+jwt" }],
    ["another algorithm", {}, "token_algorithm", { alg: "RS512" }],
    ["no algorithm", {}, "token_algorithm", { alg: "none" }],
  ];
  test.each([...one.refused, ...more].map((item) => [item[0], item] as const))(
    "refuses %s",
    async (_, [, over, code, header]) => {
      expect(await open(one).identify({ bearer: tokenOf(one, over, header) })).toMatchObject({ code });
    },
  );
});

describe("docs/identity-tokens.md", () => {
  const text = readFileSync("docs/identity-tokens.md", "utf8");
  const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, example = ""]) => example);

  test("shows valid configurations, one for each preset at least", () => {
    const used = examples.flatMap((example) => {
      const config = parseSidecarConfig(yaml.load(example) as Json);
      expect(config.identity.issuers.length + (config.identity.introspection?.length ?? 0)).toBe(1);
      return [...example.matchAll(/preset: ([\w-]+)/g)].map(([, name]) => name);
    });
    expect(new Set(used)).toEqual(new Set(presets.keys()));
  });

  test("tells every key", () => {
    for (const file of ["parse-issuers.ts", "parse-rules.ts"].map((name) => `token/${name}`)) {
      const source = readFileSync(`sidecar/identify/${file}`, "utf8");
      const list = /const (?:f|ruleF)ields = \[([\s\S]*?)\]/.exec(source)?.[1] ?? "";
      const keys = [...list.matchAll(/"(\w+)"/g)].map(([, key = ""]) => key);
      expect(keys.length).toBeGreaterThan(8);
      expect(keys.filter((key) => !text.includes(`\`${key}`))).toEqual([]);
    }
  });
});
