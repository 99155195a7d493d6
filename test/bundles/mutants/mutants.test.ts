/**
 * Mutated bundles for a sidecar that runs, by pushes and from a service: none replaces a good one, none ends it, and each has
 * its code in status, log and metric. `BUNDLE_MUTANTS=1000` sends as many; a seed chooses them, keys are new each time.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Sidecar } from "../../../sidecar/main.js";
import { startSidecar } from "../../../sidecar/main.js";
import { createToolchain } from "../../../sidecar/rego/toolchain.js";
import type { Replica } from "../../push/world.js";
import { connect, keys, writeKeys } from "../../push/world.js";
import { bundleCache } from "../../world.js";
import type { BundleServer } from "../server.js";
import { startBundleServer } from "../server.js";
import type { Good, Name } from "./goods.js";
import { author, compiledFiles, regoFiles, scope, sign } from "./goods.js";
import type { Mutant } from "./mutate.js";
import { eachOnce, mutantsOf } from "./mutate.js";
import type { Goods } from "./mutation.js";
import { createRandom } from "./random.js";

const count = Number(process.env["BUNDLE_MUTANTS"] ?? eachOnce);
const names: readonly Name[] = ["raw", "made", "tested", "web"];
const folder = mkdtempSync(join(tmpdir(), "countersign-mutants-"));
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
const logged: string[] = [];

let sidecar: Sidecar;
let replica: Replica;
let server: BundleServer;
let goods: Goods;

async function goodsOf(revision: string, version: number): Promise<Goods> {
  const toolchain = createToolchain({});
  try {
    const all: Partial<Record<Name, Good>> = {};
    for (const name of names) {
      const files =
        name === "made"
          ? await compiledFiles(toolchain, revision)
          : regoFiles(name, revision, name === "raw" ? version : undefined);
      all[name] = { name, files, bytes: await sign(files) };
    }
    return all as Goods;
  } finally {
    await toolchain.close();
  }
}

async function send({ name, bytes }: Pick<Good, "name" | "bytes">): Promise<unknown> {
  if (name === "web") {
    server.put("web", bytes);
    return (await replica.ask("POST", "/v1/bundles/web/refresh", keys.lead)).body;
  }
  return (await replica.ask("PUT", `/v1/bundles/${name}`, keys.lead, bytes)).body;
}

const inForce = async (): Promise<unknown[]> =>
  Promise.all(
    names.flatMap((name) => [
      replica.ask("POST", `/v1/data/${name}/answer`, undefined, { input: {} }),
      replica.ask("POST", `/v1/data/${name}/allow`, undefined, { input: { user: "ann" } }),
    ]),
  ).then((answers) => answers.map(({ body }) => body["result"]));
const answersOf = (revision: string): unknown[] =>
  names.flatMap(() => [{ rule: revision, data: revision, yaml: revision }, true]);

beforeAll(async () => {
  process.on("unhandledRejection", note);
  jest.spyOn(process.stderr, "write").mockImplementation((text) => {
    logged.push(String(text));
    return true;
  });
  server = await startBundleServer();
  await writeKeys(folder);
  const canary = join(folder, "canary.yaml");
  writeFileSync(canary, "- {name: eve may, entrypoint: tested/allow, input: {user: eve}, expect: true}");
  const pushed = { push: true, signing: { keyid: "author", scope }, size_limit_bytes: 2 ** 21 };
  const operator = {
    name: "lead",
    token_file: join(folder, "lead"),
    roles: ["bundle-operator"],
    person: "lead",
  };
  sidecar = await startSidecar({
    ...{ bundles: [], addresses: ["127.0.0.1:0"], diagnosticAddresses: [] },
    cacheDir: bundleCache,
    config: {
      decision_logs: { console: false },
      persistence_directory: join(folder, "kept"),
      keys: { author: { algorithm: "ES256", key: author.publicKey } },
      services: { acme: { url: server.url } },
      bundles: {
        raw: { ...pushed, verify: { version: true } },
        made: pushed,
        tested: { ...pushed, verify: { tests: true, expires: true, canary } },
        web: {
          ...{ service: "acme", resource: "web", trigger: "manual", persist: true },
          ...{ signing: { scope }, size_limit_bytes: 2 ** 21 },
        },
      },
      operator: { keys: [operator] },
    } as never,
    ...{ sets: [], watch: false, log: { level: "error", format: "json" }, version: "test" },
  });
  replica = connect(sidecar.addresses[0] ?? "", folder, sidecar);
  goods = await goodsOf("good", 5);
  for (const name of names) await send(goods[name]);
}, 60_000);
afterAll(async () => {
  await sidecar.close();
  await server.close();
  process.off("unhandledRejection", note);
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const statusOf = (name: Name) => sidecar.bundles.status().find((one) => one.name === name);
const total = (rejections: Readonly<Record<string, number>> = {}): number =>
  Object.values(rejections).reduce((sum, one) => sum + one, 0);

/** Sends it, while decisions are asked for; gives its code, or `same`. */
async function sent({ kind, to, bytes, codes, maySaySame }: Mutant): Promise<string> {
  const before = statusOf(to);
  const from = logged.length;
  const [answer, during] = await Promise.all([send({ name: to, bytes }), inForce()]);
  expect({ kind, during, after: await inForce() }).toEqual({
    ...{ kind, during: answersOf("good"), after: answersOf("good") },
  });
  const status = statusOf(to);
  if (total(status?.rejections) === total(before?.rejections) && status?.code === undefined && maySaySame) {
    expect({ kind, digest: status?.digest }).toEqual({ kind, digest: before?.digest });
    return "same";
  }
  const { code = "none" } = status ?? {};
  expect({ kind, to, code: codes.includes(code as never) ? codes : code, message: status?.message }).toEqual({
    ...{ kind, to, code: codes, message: expect.stringMatching(/^.{8,1000}$/s) },
  });
  expect(status?.rejections?.[code]).toBe((before?.rejections?.[code] ?? 0) + 1);
  if (to !== "web") expect(answer).toMatchObject({ code: "bundle_rejected", bundle_code: code });
  const lines = logged.slice(from).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toContainEqual(expect.objectContaining({ message: "bundle rejected", bundle: to, code }));
  return code;
}

test(
  `of ${count} mutants none replaces a good bundle, each is refused by its own code, and a good one still comes`,
  async () => {
    expect(await inForce()).toEqual(answersOf("good"));
    const found = new Map<string, number>();
    const start = process.memoryUsage();
    for await (const mutant of mutantsOf(goods, createRandom(20_261_122), count)) {
      const code = await sent(mutant);
      found.set(code, (found.get(code) ?? 0) + 1);
    }
    const end = process.memoryUsage();
    expect(end.external + end.arrayBuffers - start.external - start.arrayBuffers).toBeLessThan(256 * 2 ** 20);
    expect(unhandled).toEqual([]);

    const metrics = await (await fetch(`${replica.url}/metrics`)).text();
    for (const name of names) {
      const { rejections = {} } = statusOf(name) ?? {};
      for (const [code, times] of Object.entries(rejections))
        expect(metrics).toContain(
          `countersign_bundle_rejected_total{bundle="${name}",code="${code}"} ${times}\n`,
        );
    }
    // nothing is told of what they hold
    expect(logged.join("")).not.toMatch(/eyJ|PRIVATE KEY|passwd|"bad"/);
    if (process.env["BUNDLE_MUTANTS"] !== undefined) {
      const sorted = [...found].sort(([, a], [, b]) => b - a);
      process.stdout.write(`${sorted.map(([code, times]) => `${code} ${times}`).join(", ")}\n`);
    }

    const next = await goodsOf("next", 7);
    for (const name of names) await send(next[name]);
    expect(await inForce()).toEqual(answersOf("next"));
    for (const name of names) expect(statusOf(name)).not.toHaveProperty("code");
  },
  20 * 60_000,
);
