import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWorld, ec, es256, header, issuerConfig, jwk, payload, token, type World } from "./world.js";

const [k1, k2] = [ec(), ec()];
const life = { exp: Number(payload["iat"]) + 3600 };
const first = token(header, { ...payload, ...life }, es256(k1));
const second = token({ ...header, kid: "k2" }, { ...payload, ...life }, es256(k2));
let dir: string;
let file: string;
let world: World;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "keys-"));
  file = join(dir, "jwks.json");
  world = createWorld([issuerConfig({ file })]);
});
afterEach(() => rm(dir, { recursive: true }));

async function save(...keys: unknown[]): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify({ keys }));
  await rename(`${file}.new`, file);
}
const ask = async (bearer: string): Promise<string> => {
  const outcome = await world.identify({ bearer });
  return outcome.kind === "refusal" ? outcome.code : outcome.cached ? "cached" : outcome.kind;
};

test("a changed file is read again, a second after the last look, and not before", async () => {
  await save(jwk(k1, { kid: "k1" }));
  expect(await ask(first)).toBe("identified");
  await save(jwk(k2, { kid: "k2" }));
  world.pass(999);
  expect(await ask(first)).toBe("cached");
  expect(await ask(second)).toBe("token_key_unknown");
  world.pass(1);
  expect(await ask(first)).toBe("token_key_unknown");
  expect(await ask(second)).toBe("identified");
});

test("an unchanged file isn't read again", async () => {
  await save(jwk(k1, { kid: "k1" }));
  for (let i = 0; i < 5; i++, world.pass(2_000)) await ask(first);
  expect(world.events.length).toBe(1);
});

test("a missing, broken or oversized file refuses at first, and later leaves the last good keys", async () => {
  const broken = [() => rm(file), () => writeFile(file, "{"), () => writeFile(file, " ".repeat(300_000))];
  expect(await ask(first)).toBe("issuer_unavailable");
  await save(jwk(k1, { kid: "k1" }));
  world.pass(1_000);
  expect(await ask(first)).toBe("identified");
  for (const breakIt of broken) {
    await breakIt();
    world.pass(1_000);
    expect(await ask(first)).toBe("cached");
  }
  expect(world.events.flatMap((event) => (event.kind === "keys_failed" ? [event.fault] : []))).toEqual([
    "unreadable",
    "unreadable",
    "invalid",
    "too_large",
  ]);
  await save(jwk(k2, { kid: "k2" }));
  world.pass(1_000);
  expect(await ask(first)).toBe("token_key_unknown");
});
