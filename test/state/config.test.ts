import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import type { Json } from "../../sidecar/contract.js";
import { Fields, Problems } from "../../sidecar/contract.js";
import { readState } from "../../sidecar/state/config.js";
import { readStateSecret } from "../../sidecar/state/secret.js";

const long = "a secret of the whole fleet, long enough";
const read = (value: Json, cache = {}) => {
  const problems = new Problems();
  const config = readState(new Fields(value, "state", problems), problems, cache);
  return { config, problems: problems.list };
};

test("nothing is needed", () => {
  const { config, problems } = read({});
  expect(problems).toEqual([]);
  expect(config).toMatchObject({ waitMs: 250, onUnavailable: "deny", graceMs: 3_000, leaseMs: 30_000 });
  expect(readStateSecret(config)).toBeUndefined();
});

test("the decision cache's Redis and secret are taken where no others are named", () => {
  const { config, problems } = read({}, { redisAt: "redis://a", secret: "sixteen letters!" });
  expect(problems).toEqual([]);
  expect(config).toMatchObject({ redisAt: "redis://a", secret: { text: "sixteen letters!" } });
});

test.each<[string, Json, string]>([
  [
    "another scheme",
    { redis_url: "http://a", secret: long },
    "state.redis_url: must begin with redis:// or rediss://",
  ],
  ["no secret", { redis_url: "redis://a" }, "state.secret: with Redis, give one of secret and secret_file"],
  [
    "a short secret",
    { redis_url: "redis://a", secret: "short" },
    "state.secret: must have at least 32 characters",
  ],
  ["two secrets", { redis_url: "redis://a", secret: long, secret_file: "f" }, "state.secret: give one of"],
  ["a secret for nothing", { secret: long }, "state.secret: seals what lies in Redis: give redis_url, too"],
  ["another word", { on_unavailable: "allow" }, "state.on_unavailable: must be one of deny, local"],
  ["what nobody knows", { retries: 3 }, "state.retries"],
])("%s is refused", (_name, value, problem) => {
  expect(read(value).problems.join("\n")).toContain(problem);
});

test("a secret's file is read, and must hold enough", () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-state-"));
  const file = join(folder, "secret");
  writeFileSync(file, `${long}\n`);
  expect(readStateSecret({ secret: { file } })).toBe(long);
  writeFileSync(file, "short\n");
  expect(() => readStateSecret({ secret: { file } })).toThrow("at least 32 characters");
  rmSync(folder, { recursive: true });
});
