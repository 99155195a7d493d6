/** Discovery: a bundle says which bundles count, and status says how that went; what is wrong changes nothing. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parseSidecarConfig } from "../../sidecar/config.js";
import { ConfigRefused } from "../../sidecar/config/config-refused.js";
import type { Discovered } from "../../sidecar/config/read-discovered.js";
import { readDiscovered } from "../../sidecar/config/read-discovered.js";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import type { BundleServer } from "../bundles/server.js";
import { startBundleServer } from "../bundles/server.js";
import { tarGz } from "../rego/tar.js";
import type { Plane } from "../status/plane.js";
import { startPlane } from "../status/plane.js";

const folder = mkdtempSync(join(tmpdir(), "countersign-discovery-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const policy = (name: string): Buffer =>
  tarGz([
    { name: ".manifest", body: JSON.stringify({ revision: name, roots: [name] }) },
    {
      name: `${name}.rego`,
      body: `package ${name}\n\n# METADATA\n# entrypoint: true\nanswer := "${name}"\n`,
    },
  ]);
const discovery = (revision: string, rego: string): Buffer =>
  tarGz([
    { name: ".manifest", body: JSON.stringify({ revision }) },
    { name: "discovery.rego", body: `package example\n\n${rego}\n` },
  ]);

describe("a sidecar that discovers", () => {
  let server: BundleServer;
  let plane: Plane;
  let sidecar: Sidecar | undefined;
  let directory: string;
  const polling = { min_delay_seconds: 1, max_delay_seconds: 2, long_polling_timeout_seconds: 10 };

  beforeEach(async () => {
    server = await startBundleServer({ longPollMs: 10_000 });
    plane = await startPlane();
    directory = mkdtempSync(join(folder, "kept-"));
    for (const name of ["eu", "us", "extra"]) server.put(`bundles/${name}`, policy(name));
  });
  afterEach(async () => {
    await sidecar?.close();
    sidecar = undefined;
    await plane.close();
    await server.close();
  });

  const start = async (more: JsonObject = {}): Promise<string> => {
    sidecar = await startSidecar({
      ...{ bundles: [], addresses: ["localhost:0"], diagnosticAddresses: [], sets: [], watch: false },
      config: {
        services: { control: { url: server.url }, plane: { url: plane.url } },
        labels: { region: "eu" },
        discovery: {
          service: "control",
          resource: "discovery",
          decision: "example/config",
          persist: true,
          polling,
        },
        status: { service: "plane", partition_name: "fleet" },
        decision_logs: { console: false },
        persistence_directory: directory,
        ...more,
      },
      cacheDir: join(folder, "cache"),
      log: { level: "error", format: "json" },
      version: "test",
    });
    return sidecar.addresses[0] ?? "";
  };
  const ask = async (url: string, name: string): Promise<unknown> =>
    (
      (await (
        await fetch(`${url}/v1/data/${name}/answer`, { method: "POST", body: "{}" })
      ).json()) as JsonObject
    )["result"];
  const told = async (holds: (document: JsonObject) => boolean): Promise<JsonObject> => {
    for (;;) {
      const { path, body } = await plane.next();
      expect(path).toBe("/v1/status/fleet");
      if (holds(body)) return body;
    }
  };
  const at = (document: Json | undefined, ...path: string[]): Json | undefined => {
    let value: Json | undefined = document;
    for (const name of path) value = (value as JsonObject | undefined)?.[name];
    return value;
  };
  const inForce = (name: string) => (document: JsonObject) =>
    at(document, "bundles", name, "active_revision") === name;

  const byRegion = `config := {"bundles": {opa.runtime().config.labels.region: {"service": "control", "polling": {"min_delay_seconds": 1, "max_delay_seconds": 2, "long_polling_timeout_seconds": 10}}}}`;

  test("gets bundles by its labels, then others, keeps what it has over what is wrong, and starts without the source", async () => {
    server.put("discovery", discovery("d1", byRegion));
    const url = await start();
    const first = await told(inForce("eu"));
    expect(at(first, "discovery")).toMatchObject({
      name: "discovery",
      active_revision: "d1",
      type: "snapshot",
    });
    expect(at(first, "labels")).toMatchObject({ region: "eu", version: "test" });
    expect(await ask(url, "eu")).toBe("eu");
    // its own rules and data are nobody's to ask
    expect(await ask(url, "example")).toBeUndefined();

    const wrong: [string, string, string, RegExp][] = [
      ["w1", `config := {"bundels": {}}`, "discovery_invalid", /unknown field; did you mean bundles/],
      ["w3", `other := 1`, "discovery_undefined", /its decision is undefined/],
    ];
    for (const [revision, rego, code, reason] of wrong) {
      server.put("discovery", discovery(revision, rego));
      const document = await told(
        (one) =>
          at(one, "discovery", "code") !== undefined && reason.test(String(at(one, "discovery", "message"))),
      );
      expect(at(document, "discovery")).toMatchObject({ active_revision: "d1", code });
      expect(at(document, "plugins", "discovery", "state")).toBe("WARN");
      expect(await ask(url, "eu")).toBe("eu");
    }

    server.put(
      "discovery",
      discovery(
        "d2",
        `config := {"bundles": {"us": {"service": "control"}, "extra": {"service": "control"}}}`,
      ),
    );
    const second = await told((one) => inForce("us")(one) && inForce("extra")(one));
    expect(Object.keys(at(second, "bundles") as JsonObject).sort()).toEqual(["extra", "us"]);
    expect(at(second, "discovery", "code")).toBeUndefined();
    expect(await ask(url, "us")).toBe("us");
    expect(await ask(url, "eu")).toBeUndefined();

    const shown = (await (await fetch(`${url}/v1/config`)).json()) as JsonObject;
    expect(at(shown, "result", "bundles")).toMatchObject({ us: { service: "control" } });
    await sidecar?.close();

    server.fail({ kind: "status", status: 503 });
    const again = await start();
    const kept = (await (await fetch(`${again}/v1/status`)).json()) as JsonObject;
    expect(at(kept, "result", "discovery")).toMatchObject({ active_revision: "d2", origin: "persisted" });
    expect(Object.keys(at(kept, "result", "bundles") as JsonObject).sort()).toEqual(["extra", "us"]);
  });

  test("takes data without Rego, all of it where no decision is named", async () => {
    server.put("discovery", tarGz([{ name: "data.json", body: '{"bundles":{"us":{"service":"control"}}}' }]));
    const url = await start({ discovery: { service: "control", resource: "discovery", polling } });
    await told(inForce("us"));
    expect(await ask(url, "us")).toBe("us");
  });

  test("takes only what is signed where that is asked for", async () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = publicKey.export({ type: "spki", format: "pem" }).toString();
    server.put("discovery", discovery("d1", byRegion));
    await start({
      keys: { fleet: { algorithm: "ES256", key } },
      discovery: { service: "control", resource: "discovery", polling, signing: { keyid: "fleet" } },
    });
    const document = await told((one) => at(one, "discovery", "code") !== undefined);
    expect(at(document, "discovery", "code")).toBe("signature_missing");
    expect(at(document, "bundles")).toEqual({});
    expect(at(document, "plugins", "discovery", "state")).toBe("NOT_READY");
  });
});

describe("what may be discovered", () => {
  const key = (letter: string) => ({ algorithm: "HS256", key: letter.repeat(32) });
  const own = parseSidecarConfig({
    services: { control: { url: "https://control" }, own: { url: "https://own" } },
    keys: { mine: key("m") },
    bundles: { base: { service: "own", signing: { keyid: "mine" } } },
    discovery: { service: "control", resource: "d" },
  });
  const read = (value: Json, boot = own): Discovered =>
    readDiscovered({ value, own: boot, taken: new Set(["api", "base"]) });
  const problemsOf = (value: Json, boot = own): readonly string[] => {
    try {
      read(value, boot);
      return [];
    } catch (error) {
      if (error instanceof ConfigRefused) return error.problems;
      throw error;
    }
  };

  test("comes beside the sidecar's own, which counts where both say something", () => {
    const discovered = read({
      services: { own: { url: "https://other" }, more: { url: "https://more" } },
      keys: { theirs: key("t") },
      bundles: {
        base: { service: "more" },
        more: { service: "more", signing: { keyid: "theirs" }, verify: { version: true } },
      },
      decision_logs: { service: "more" },
      status: { service: "more", partition_name: "p" },
    });
    const { bundles, overridden, status, decisionLogs } = discovered;
    expect(overridden).toEqual(["services.own", "bundles.base"]);
    expect(bundles.services.get("own")?.url).toBe("https://own");
    expect(bundles.bundles.map(({ name, from }) => [name, from])).toEqual([
      ["base", { kind: "service", service: "own", resource: "bundles/base" }],
      ["more", { kind: "service", service: "more", resource: "bundles/more" }],
    ]);
    expect(status).toEqual({ service: "more", resource: "status/p", console: false });
    expect(decisionLogs.upload).toMatchObject({ service: "more", resource: "logs" });
  });

  test("leaves the sidecar's own logs and status where it has some", () => {
    const boot = parseSidecarConfig({
      services: { control: { url: "https://control" } },
      discovery: { resource: "d" },
      decision_logs: { console: true },
      status: { console: true },
    });
    const discovered = read({ decision_logs: {}, status: {} }, boot);
    expect(discovered.overridden).toEqual(["decision_logs", "status"]);
    expect(discovered.decisionLogs.console).toBe(true);
    expect(discovered.status).toEqual({ resource: "status", console: true });
  });

  test.each<[Json, string]>([
    [[], "(top): must be an object"],
    ["text", "(top): must be an object"],
    [
      { services: { control: { url: "https://elsewhere" } } },
      "services.control: is where this comes from, and can't be another",
    ],
    [{ keys: { mine: key("x") } }, "keys.mine: is one of the sidecar's own, and can't be another"],
    [{ bundles: { api: { service: "own" } } }, "bundles.api: is the name of a bundle of the sidecar's own"],
    [
      { bundles: { x: { resource: "file:///etc" } } },
      "bundles.x.resource: names a file, which only the sidecar's own configuration may",
    ],
    [
      { services: { x: { url: "https://x", credentials: { bearer: { token_path: "/etc/passwd" } } } } },
      "services.x.credentials.bearer.token_path: names a file, which only the sidecar's own configuration may",
    ],
    [
      {
        services: { x: { url: "https://x", credentials: { client_tls: { cert: "/a", private_key: "/b" } } } },
      },
      "services.x.credentials.client_tls.cert: names a file, which only the sidecar's own configuration may",
    ],
    [
      { services: { x: { url: "https://x", tls: { ca_cert: "/a" } } } },
      "services.x.tls.ca_cert: names a file, which only the sidecar's own configuration may",
    ],
    [
      { keys: { x: { key_file: "/a" } } },
      "keys.x.key_file: names a file, which only the sidecar's own configuration may",
    ],
    [
      { decision_logs: { file: "/etc/cron.d/x" } },
      "decision_logs.file: names a file, which only the sidecar's own configuration may",
    ],
    [
      { decision_logs: { service: "own", spill: { directory: "/" } } },
      "decision_logs.spill.directory: names a file, which only the sidecar's own configuration may",
    ],
    [
      { bundles: { x: { service: "own", verify: { canary: "/a" } } } },
      "bundles.x.verify.canary: names a file, which only the sidecar's own configuration may",
    ],
    [{ discovery: {} }, "discovery: isn't supported: it is for the sidecar's own configuration"],
    [{ operator: {} }, "operator: isn't supported: it is for the sidecar's own configuration"],
    [{ labels: {} }, "labels: isn't supported: it is for the sidecar's own configuration"],
  ])("refuses %j", (value, problem) => {
    expect(problemsOf(value)).toContain(problem);
  });

  test("refuses keys that could verify a bundle of the sidecar's own", () => {
    const boot = parseSidecarConfig({
      services: { control: { url: "https://control" } },
      keys: { mine: key("m") },
      bundles: { base: { signing: {} } },
      discovery: { resource: "d" },
    });
    expect(problemsOf({ keys: { mine: key("m") } }, boot)).toEqual([]);
    expect(problemsOf({ keys: { theirs: key("t") } }, boot)).toEqual([
      "keys: could verify the bundle base: give it a signing.keyid in the sidecar's own configuration",
    ]);
  });
});
