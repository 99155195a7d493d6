import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identities, identityNames } from "../../demo/identities.js";
import { createDemoIssuer, openDemoIssuer, saveDemoIssuer } from "../../demo/issuer.js";
import { createIdentifier } from "../../sidecar/identify/identify.js";
import { createFetchDocument } from "../../sidecar/net/fetch.js";
import { createTokens } from "../../sidecar/identify/token/tokens.js";
import { start } from "./world.js";

const now = (): number => start;
const identifierFor = (issuer: Awaited<ReturnType<typeof createDemoIssuer>>) =>
  createIdentifier({
    methods: {
      token: createTokens({ issuers: [issuer.issuerConfig()], now, fetchDocument: createFetchDocument() })
        .verify,
    },
  });
const message = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: { message: string }) => error.message,
  );

describe("the demo's issuer", () => {
  test.each(identityNames.map((name) => [name]))("lets %s be identified", async (name) => {
    const issuer = await createDemoIssuer({ now });
    const outcome = await identifierFor(issuer).identify({ bearer: await issuer.token(name) });
    const { act, sub, tenant, groups, device } = identities[name];
    expect(outcome).toMatchObject({
      kind: "identified",
      identity: { id: act?.sub ?? sub, tenant, groups, expiresAt: start + 3_600_000 },
    });
    if (outcome.kind === "identified") {
      expect(outcome.identity.chain.map((link) => link.id)).toEqual(act ? [sub, act.sub] : [sub]);
      expect(outcome.identity.device).toEqual(device);
    }
  });

  test("has a key of its own per run, and shows only its public half", async () => {
    const [one, two] = [await createDemoIssuer({ now }), await createDemoIssuer({ now })];
    expect(await identifierFor(one).identify({ bearer: await two.token("ci") })).toMatchObject({
      code: "token_key_unknown",
    });
    expect(JSON.stringify(one.issuerConfig())).not.toContain('"d"');
    expect(Object.values(one).every((member) => typeof member === "function")).toBe(true);
  });

  test("lays overrides over the claims", async () => {
    const issuer = await createDemoIssuer({ now });
    const identifier = identifierFor(issuer);
    const expired = await issuer.token("ci", { iat: start / 1000 - 20, exp: start / 1000 - 10 });
    expect(await identifier.identify({ bearer: expired })).toMatchObject({ code: "token_expired" });
    const nobody = await issuer.token("ci", { sub: undefined });
    expect(await identifier.identify({ bearer: nobody })).toMatchObject({ code: "token_claims" });
  });
});

describe("a saved issuer", () => {
  let base: string;
  let dir: string;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "issuer-"));
    dir = join(base, "run");
  });
  afterEach(() => rm(base, { recursive: true }));

  test("issues tokens that the first one's sidecar takes; its key is for its owner only", async () => {
    const issuer = await createDemoIssuer({ now });
    await saveDemoIssuer(issuer, dir);
    const opened = await openDemoIssuer(dir, { now });
    expect(opened.issuerConfig()).toEqual(issuer.issuerConfig());
    expect((await identifierFor(issuer).identify({ bearer: await opened.token("senior") })).kind).toBe(
      "identified",
    );
    const [file = "", ...more] = await readdir(dir);
    expect(more).toEqual([]);
    expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
  });

  test("isn't opened where others could have read or replaced the key", async () => {
    expect(await message(openDemoIssuer(dir, { now }))).toMatch(/is the demo running/);
    await saveDemoIssuer(await createDemoIssuer({ now }), dir);
    const file = join(dir, (await readdir(dir))[0] ?? "");
    for (const mode of [0o604, 0o640, 0o660]) {
      await chmod(file, mode);
      expect(await message(openDemoIssuer(dir, { now }))).toMatch(/open to others/);
    }
    await chmod(file, 0o600);
    for (const mode of [0o701, 0o750, 0o777]) {
      await chmod(dir, mode);
      expect(await message(openDemoIssuer(dir, { now }))).toMatch(/open to others/);
    }
    await chmod(dir, 0o700);
    expect(await message(openDemoIssuer(dir, { now }))).toBe("done");
    await rename(file, join(base, "key"));
    await symlink(join(base, "key"), file);
    expect(await message(openDemoIssuer(dir, { now }))).toMatch(/is not a file/);
  });

  test("isn't saved where others could read it", async () => {
    await mkdir(dir);
    await chmod(dir, 0o755);
    expect(await message(saveDemoIssuer(await createDemoIssuer({ now }), dir))).toMatch(/open to others/);
    expect(await readdir(dir)).toEqual([]);
  });
});
