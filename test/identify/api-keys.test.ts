import { createHash } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { keysCommand } from "../../cli/keys.js";
import { main } from "../../cli/main.js";
import { changeKeyFile } from "../../sidecar/identify/api-keys/change-file.js";
import { parseKeyList, type ApiKey } from "../../sidecar/identify/api-keys/key-list.js";
import { apiKeyCases, checksum } from "./api-keys.cases.js";
import { createProofWorld, type ProofWorld } from "./proof-world.js";

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-keys-"));
  file = join(directory, "keys.json");
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
/** Runs the command as a shell would. */
async function run(...args: string[]): Promise<Ran> {
  let [out, err] = ["", ""];
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) };
  const code = await main(["keys", ...args], io);
  return { code, out, err };
}
const facts = ["-f", "", "-n", "nightly", "-t", "acme", "-s", "workload:job:nightly", "--group", "ci"];
async function create(...more: string[]): Promise<string> {
  facts[1] = file;
  const { code, out, err } = await run(
    "create",
    ...facts,
    ...(more.length > 0 ? more : ["--scope", "model.invoke"]),
  );
  expect([code, err]).toEqual([0, expect.stringContaining("the only time")]);
  return out.trim();
}
const idOf = (key: string): string => key.split("_").at(-2) ?? "";
const world = (at = Date.now()): ProofWorld => createProofWorld({ api_keys: { file } }, at);
const show = (here: ProofWorld, key: string): Promise<string> => here.outcome({ api_key: key });

describe("an API key", () => {
  test.each(apiKeyCases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const key = await create();
    const here = world();
    const presented = one.present(key);
    const outcome = await here.identify({ api_key: presented });
    expect(outcome.kind === "refusal" ? outcome.code : outcome.kind).toBe(one.expect);
    if (outcome.kind === "refusal" && presented !== "")
      expect(JSON.stringify([outcome, here.events])).not.toContain(presented);
  });

  test("has 256 random bits, a checksum, and a form that scanners can know", async () => {
    const [one, two] = [await create(), await create()];
    expect(one).toMatch(/^cs_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
    expect(one.slice(-6)).toBe(checksum(one.slice(0, -6)));
    expect(one.slice(0, 40)).not.toBe(two.slice(0, 40));
  });

  test("with any one character changed, is found out by its checksum", async () => {
    const key = await create();
    const here = world();
    for (let i = 0; i < key.length; i++) {
      const changed = key.slice(0, i) + (key[i] === "a" ? "b" : "a") + key.slice(i + 1);
      expect(await show(here, changed)).toBe("api_key_malformed");
    }
    // without a look at the file
    expect(here.events).toEqual([]);
    expect(await show(here, key)).toBe("identified");
  });

  test("speaks for its subject, weakly", async () => {
    const key = await create("--scope", "model.invoke", "--scope", "tool.call", "--role", "evaluator");
    const outcome = await world().identify({ api_key: key });
    expect(outcome).toMatchObject({
      identity: {
        type: "workload",
        id: "job:nightly",
        tenant: "acme",
        method: "api_key",
        assurance: "api_key",
        groups: ["ci"],
        roles: ["evaluator"],
        scopes: ["model.invoke", "tool.call"],
        credentials: [{ method: "api_key", id: idOf(key) }],
      },
    });
  });

  test("is scoped unless it is said that it isn't", async () => {
    facts[1] = file;
    expect(await run("create", ...facts)).toMatchObject({ code: 2, out: "" });
    expect(await run("create", ...facts, "--unscoped", "--scope", "a")).toMatchObject({ code: 2, out: "" });
    const outcome = await world().identify({ api_key: await create("--unscoped") });
    expect(outcome.kind === "identified" && "scopes" in outcome.identity).toBe(false);
  });

  test("beside another credential that names a subject", async () => {
    const key = await create();
    expect(await world().outcome({ api_key: key, bearer: "x" })).toBe("token_malformed");
    expect(await createProofWorld({}).outcome({ api_key: key })).toBe("credential_unsupported");
  });
});

describe("in time", () => {
  test("it expires", async () => {
    const key = await create("--unscoped", "--expires", "12h");
    const here = world();
    expect(await show(here, key)).toBe("identified");
    here.pass(12 * 3_600_000);
    expect(await show(here, key)).toBe("api_key_expired");
  });

  test("it is revoked, at once and with no restart", async () => {
    const key = await create();
    const here = world();
    expect(await show(here, key)).toBe("identified");
    expect(await run("revoke", "-f", file, idOf(key))).toMatchObject({ code: 0, out: "" });
    here.pass(250);
    expect(await show(here, key)).toBe("api_key_revoked");
    // for good: rotating doesn't bring it back, revoking again changes nothing
    expect(await run("rotate", "-f", file, idOf(key))).toMatchObject({ code: 1, out: "" });
    const before = await readFile(file, "utf8");
    expect(await run("revoke", "-f", file, idOf(key))).toMatchObject({ code: 0 });
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(before));
  });

  test("it is rotated with an overlap", async () => {
    const old = await create();
    const here = world();
    const { code, out, err } = await run("rotate", "-f", file, idOf(old), "--overlap", "2h");
    expect([code, err]).toEqual([0, expect.stringContaining("holds until")]);
    const fresh = out.trim();
    here.pass(250);
    expect([await show(here, old), await show(here, fresh)]).toEqual(["identified", "identified"]);
    expect(await run("rotate", "-f", file, idOf(old))).toMatchObject({ code: 1, out: "" });
    here.pass(2 * 3_600_000);
    expect([await show(here, old), await show(here, fresh)]).toEqual(["api_key_expired", "identified"]);
  });

  test("it is rotated without one", async () => {
    const old = await create();
    const { out } = await run("rotate", "-f", file, idOf(old), "--overlap", "0h");
    const here = world(Date.now() + 10);
    expect([await show(here, old), await show(here, out.trim())]).toEqual(["api_key_expired", "identified"]);
  });

  test("an overlap doesn't lengthen a life", async () => {
    const old = await create("--unscoped", "--expires", "1h");
    await run("rotate", "-f", file, idOf(old), "--overlap", "48h");
    const here = world();
    here.pass(3_600_000);
    expect(await show(here, old)).toBe("api_key_expired");
  });
});

describe("the file", () => {
  test("holds no key, is for its owner only, and is replaced whole", async () => {
    const key = await create();
    const before = await stat(file);
    expect(before.mode & 0o777).toBe(0o600);
    const text = await readFile(file, "utf8");
    expect(text).not.toContain(key);
    expect(text).not.toContain(key.split("_").at(-1));
    expect(text).toContain(createHash("sha256").update(key).digest("base64url"));
    await create();
    expect((await stat(file)).ino).not.toBe(before.ino);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  const broken: [string, (text: string) => Promise<void>][] = [
    ["gone", () => unlink(file)],
    ["empty", () => writeFile(file, "")],
    ["cut off", (text) => writeFile(file, text.slice(0, -4))],
    ["of another version", (text) => writeFile(file, text.replace('"version": 1', '"version": 2'))],
    ["with an unknown field", (text) => writeFile(file, text.replace('"name"', '"nickname"'))],
    ["with a field twice", (text) => writeFile(file, text.replace('"id":', '"id":"x","id":'))],
    [
      "with a time that isn't one",
      (text) => writeFile(file, text.replace(/"expires":"[^"]+"/, '"expires":"never"')),
    ],
    ["without an end", (text) => writeFile(file, text.replace(/"expires":"[^"]+",/, ""))],
    ["writable by others", () => chmod(file, 0o622)],
    [
      "a directory",
      async () => {
        await unlink(file);
        await symlink(directory, file);
      },
    ],
  ];
  test.each(broken)("%s: no key holds, and it says so once", async (_, breakIt) => {
    const key = await create();
    const here = world();
    expect(await show(here, key)).toBe("identified");
    await breakIt(await readFile(file, "utf8"));
    for (let i = 0; i < 3; i++) {
      here.pass(250);
      expect(await show(here, key)).toBe("api_keys_unavailable");
    }
    expect(here.events.map(({ kind }) => kind)).toEqual(["api_keys_read", "api_keys_failed"]);
    // repaired, it serves again
    await rm(file, { force: true });
    const next = await create();
    here.pass(250);
    expect([await show(here, key), await show(here, next)]).toEqual(["api_key_unknown", "identified"]);
  });

  test("changed by many at once loses nothing, and a lock that was left behind is named", async () => {
    const made = await Promise.all(Array.from({ length: 12 }, () => create()));
    const kept = parseKeyList(await readFile(file)).map(({ id }) => id);
    expect(kept.sort()).toEqual(made.map(idOf).sort());
    await expect(readFile(`${file}.lock`)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a change that fails leaves it as it was, and no lock", async () => {
    const key = await create();
    const before = await readFile(file, "utf8");
    const failing = (): ApiKey[] => {
      throw new Error("no");
    };
    await expect(changeKeyFile(file, failing)).rejects.toThrow("no");
    expect(await readFile(file, "utf8")).toBe(before);
    expect(await run("revoke", "-f", file, "nobody")).toMatchObject({ code: 1 });
    expect(await run("revoke", "-f", file, idOf(key))).toMatchObject({ code: 0 });
  });

  test("a link to it stays a link", async () => {
    await create();
    const link = join(directory, "link.json");
    await symlink(file, link);
    const { code } = await run("create", "-f", link, ...facts.slice(2), "--unscoped");
    expect([code, (await stat(file)).isFile()]).toEqual([0, true]);
    expect(parseKeyList(await readFile(file))).toHaveLength(2);
  });
});

describe("countersign keys", () => {
  test("lists keys without what proves them", async () => {
    const key = await create();
    const { out } = await run("list", "-f", file);
    expect(out).toMatch(/^ID +STATE +EXPIRES +TENANT +SUBJECT +SCOPES +NAME\n/);
    expect(out).toContain(`${idOf(key)}  active`);
    const json = await run("list", "-f", file, "--format", "json");
    expect(JSON.parse(json.out)).toMatchObject({
      keys: [{ id: idOf(key), state: "active", name: "nightly" }],
    });
    expect(out + json.out).not.toMatch(/sha256|_[0-9A-Za-z]{49}/);
  });

  test("prints json, for programs", async () => {
    facts[1] = file;
    const { out } = await run("create", ...facts, "--unscoped", "--format", "json");
    expect(JSON.parse(out)).toMatchObject({
      key: expect.stringMatching(/^cs_live_/) as unknown,
      tenant: "acme",
    });
  });

  test.each([
    ["nothing to do", []],
    ["an unknown action", ["frob"]],
    ["no file", ["list"]],
    ["two ids", ["revoke", "-f", "x", "a", "b"]],
    ["a flag of another action", ["revoke", "-f", "x", "--group", "g", "a"]],
    ["an unknown flag", ["list", "--frob"]],
    ["no subject type", ["create", "-f", "x", "-n", "n", "-t", "t", "-s", "job", "--unscoped"]],
    [
      "a life without end",
      ["create", "-f", "x", "-n", "n", "-t", "t", "-s", "user:a", "--unscoped", "-e", "400d"],
    ],
    ["no life", ["create", "-f", "x", "-n", "n", "-t", "t", "-s", "user:a", "--unscoped", "-e", "0h"]],
    [
      "a wrong prefix",
      ["create", "-f", "x", "-n", "n", "-t", "t", "-s", "user:a", "--unscoped", "--prefix", "CS-"],
    ],
    [
      "a wrong format",
      ["create", "-f", "x", "-n", "n", "-t", "t", "-s", "user:a", "--unscoped", "--format", "xml"],
    ],
  ])("%s is a wrong usage, and changes nothing", async (_, args) => {
    const ran = await run(...args.map((one) => (one === "x" ? file : one)));
    expect([ran.code, ran.out]).toEqual([2, ""]);
    await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("explains itself", async () => {
    const { out } = await run("--help");
    expect(out).toBe(keysCommand.help);
    expect(out).toContain("Examples:");
  });
});
