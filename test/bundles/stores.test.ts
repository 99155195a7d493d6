/** Bundles of OCI registries and of S3: against small ones of these tests; with STORES=1 against real ones too. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { freePort } from "../free-port.js";
import { createHttpSource } from "../../sidecar/bundles/sources/http.js";
import { createOciSource } from "../../sidecar/bundles/sources/oci.js";
import { parseReference } from "../../sidecar/bundles/sources/reference.js";
import { explainS3 } from "../../sidecar/bundles/sources/s3.js";
import type { Downloaded, Source } from "../../sidecar/bundles/sources/source.js";
import { parseSidecarConfig } from "../../sidecar/config.js";
import { ConfigRefused } from "../../sidecar/config/config-refused.js";
import { readDiscovered } from "../../sidecar/config/read-discovered.js";
import type { Json } from "../../sidecar/contract.js";
import type { Credentials, ServiceConfig } from "../../sidecar/net/service/config.js";
import { createElsewhere } from "../../sidecar/net/service/elsewhere.js";
import { readChallenge } from "../../sidecar/net/service/registry-tokens.js";
import { createService } from "../../sidecar/net/service/service.js";
import { signS3 } from "../../sidecar/net/service/sign-s3.js";
import { tarGz } from "../rego/tar.js";
import { root } from "../world.js";
import type { Listening, Registry } from "./registry.js";
import {
  digestOf,
  faultOfS3,
  indexType,
  layerType,
  listenOn,
  manifestOf,
  manifestType,
  push,
  startRegistry,
} from "./registry.js";

const bundle = (text: string): Buffer => tarGz([{ name: "data.json", body: `{"text":"${text}"}` }]);
const [one, two] = [bundle("one"), bundle("two")];
const repository = "acme/policies";
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const live = (): AbortSignal => new AbortController().signal;
const closed = <T extends Listening>(one: T): T => {
  closing.push(one.close);
  return one;
};

interface More {
  readonly credentials?: Credentials;
  readonly sizeLimitBytes?: number;
  readonly resource?: string;
  readonly lookup?: (name: string) => Promise<readonly string[]>;
}

function ociAt(url: string, more: More = {}): Source {
  const { credentials = { kind: "none" }, sizeLimitBytes = 1_000_000, lookup } = more;
  const config: ServiceConfig = {
    ...{ name: "ghcr", url, type: "oci", headers: { "x-own": "secret" }, credentials },
    responseHeaderTimeoutMs: 2_000,
  };
  const service = createService(config, lookup === undefined ? {} : { lookup });
  closing.push(service.close);
  const host = new URL(url).host;
  const reference = parseReference(more.resource ?? `${host}/${repository}:v1`, url);
  if (typeof reference === "string") throw new Error(reference);
  return createOciSource({ service, reference, sizeLimitBytes, now: () => 0 });
}

async function registryWith(bytes: Uint8Array, manifest?: unknown, type?: string): Promise<Registry> {
  const registry = closed(await startRegistry());
  await push(registry.url, bytes, {
    ...{ repository, tag: "v1", ...(manifest === undefined ? {} : { manifest }) },
    ...(type === undefined ? {} : { type }),
  });
  registry.seen.length = 0;
  return registry;
}

const asked = ({ seen }: Listening): string[] =>
  seen.map(({ method, path }) => `${method} ${path.replace(/sha256:(.{4})\w+/, "$1")}`);
const problemsOf = (config: Json, environment?: Record<string, string>): string => {
  try {
    parseSidecarConfig(config, undefined, environment);
    return "";
  } catch (error) {
    return error instanceof ConfigRefused ? error.problems.join("\n") : String(error);
  }
};
const failureOf = (answer: Downloaded): string =>
  answer.kind === "failed" ? `${answer.code}: ${answer.message}` : answer.kind;

describe("a registry", () => {
  test("gives a bundle by its tag, and by HEAD alone while that stands for the same", async () => {
    const registry = await registryWith(one);
    const source = ociAt(registry.url);
    const etag = digestOf(one);
    const got = { kind: "bundle", etag, longPoll: false, httpCode: 200 };
    expect(await source.download(undefined, live())).toEqual({ ...got, bytes: one });
    const unchanged = { kind: "unchanged", longPoll: false, httpCode: 200 };
    expect(await source.download(etag, live())).toEqual(unchanged);
    const first = digestOf(registry.content.get(`${repository}:v1`)?.bytes ?? one).slice(7, 11);
    expect(asked(registry)).toEqual([
      `HEAD /v2/${repository}/manifests/v1`,
      `GET /v2/${repository}/manifests/${first}`,
      `GET /v2/${repository}/blobs/${etag.slice(7, 11)}`,
      `HEAD /v2/${repository}/manifests/v1`,
    ]);
    // another manifest of the same layer is no other bundle, nor is a restart
    await push(registry.url, one, {
      repository,
      tag: "v1",
      manifest: { ...manifestOf(one), annotations: {} },
    });
    expect(await source.download(etag, live())).toEqual(unchanged);
    expect(await ociAt(registry.url).download(etag, live())).toEqual(unchanged);
    await push(registry.url, two, { repository, tag: "v1" });
    expect(await source.download(etag, live())).toMatchObject({ bytes: two, etag: digestOf(two) });
    expect(registry.seen[0]?.headers.accept).toContain("vnd.docker.distribution.manifest.v2+json");
  });

  test("gives a bundle by its manifest's digest, of either length, and through an index", async () => {
    const registry = await registryWith(one);
    const { host } = new URL(registry.url);
    const digest = digestOf(registry.content.get(`${repository}:v1`)?.bytes ?? one);
    await push(registry.url, two, { repository, tag: "v1" });
    const pinned = ociAt(registry.url, { resource: `${host}/${repository}:v1@${digest}` });
    expect(await pinned.download(undefined, live())).toMatchObject({ bytes: one });
    const long = digestOf(two, "sha512");
    registry.content.set(long, { bytes: two, type: "x" });
    const manifest = manifestOf(two, { digest: long });
    const inner = await push(registry.url, two, { repository, tag: "long", manifest });
    expect(
      await ociAt(registry.url, { resource: `${host}/${repository}:long` }).download(undefined, live()),
    ).toMatchObject({ etag: long });
    const proof = { mediaType: manifestType, digest: digestOf(one), size: 9 };
    const manifests = [
      { ...proof, platform: { os: "unknown", architecture: "unknown" } },
      { mediaType: manifestType, digest: inner, size: 9, platform: { os: "linux", architecture: "arm64" } },
    ];
    await push(registry.url, one, { repository, tag: "v1", type: indexType, manifest: { manifests } });
    const source = ociAt(registry.url);
    expect(await source.download(undefined, live())).toMatchObject({ bytes: two });
    registry.seen.length = 0;
    expect(await source.download(long, live())).toMatchObject({ kind: "unchanged" });
    expect(registry.seen.length).toBe(1);
  });

  test("is asked for the manifest itself where it says no digest, or knows no HEAD", async () => {
    const registry = await registryWith(one);
    const { bytes = one } = registry.content.get(`${repository}:v1`) ?? {};
    for (const status of [200, 405]) {
      registry.before = ({ method, url = "" }, response) => {
        const isOurs = url.endsWith("/manifests/v1");
        if (isOurs) response.writeHead(method === "HEAD" ? status : 200).end(method === "HEAD" ? "" : bytes);
        return isOurs;
      };
      const source = ociAt(registry.url);
      expect(await source.download(undefined, live())).toMatchObject({ bytes: one });
      expect(await source.download(digestOf(one), live())).toMatchObject({ kind: "unchanged" });
    }
  });

  const layer = (more: object): object => manifestOf(one, more);
  const image = layer({}) as { layers: object[] };
  const index = (count: number): object => ({
    manifests: Array.from({ length: count }, (_, i) => ({
      digest: digestOf(Buffer.from(`${i}`)),
      size: 1,
    })),
  });
  test.each<[string, RegExp, unknown, More?]>([
    [
      "two archives",
      /^source_answer: .*has 2 layers of/,
      { ...image, layers: [...image.layers, ...image.layers] },
    ],
    ["no archive", /^source_answer: .*has no layer of/, layer({ mediaType: "application/vnd.x+rego" })],
    ["no layers", /^source_answer: .*no layers/, {}],
    ["a list", /^source_answer: .*no object/, []],
    ["two kinds at once", /^source_answer: .*index as well/, { ...image, manifests: [] }],
    ["Docker's first version", /^source_answer: .*first version/, { schemaVersion: 1, fsLayers: [] }],
    ["no digest", /^source_answer: .*no digest and size/, layer({ digest: "md5:00" })],
    [
      "a digest that leads elsewhere",
      /^source_answer: .*no digest/,
      layer({ digest: "sha256:../../../v2/x" }),
    ],
    ["a size of no number", /^source_answer: .*no digest and size/, layer({ size: "9" })],
    ["a size below nothing", /^source_answer: .*no digest and size/, layer({ size: -1 })],
    [
      "a size that is too large",
      /^source_too_large: .*1000000000000 bytes of 1000000 at most/,
      layer({ size: 1e12 }),
    ],
    ["a size that is too small", /^source_digest: /, layer({ size: 20 })],
    ["a size that isn't reached", /^source_digest: /, layer({ size: one.length + 1 })],
    ["another's digest", /^source_not_found: /, layer({ digest: digestOf(Buffer.from("x")) })],
    ["an index of nothing", /^source_answer: .*names no manifest/, index(0)],
    ["an index of what isn't there", /^source_not_found: /, index(1_000)],
    ["an index without digests", /^source_answer: .*without digest/, { manifests: [{ size: 1 }] }],
  ])("names what is wrong: %s", async (_name, message, manifest, more = {}) => {
    const registry = await registryWith(one, manifest);
    const answer = await ociAt(registry.url, more).download(undefined, live());
    expect(failureOf(answer)).toMatch(message);
    expect(failureOf(answer)).toContain(`ghcr: ${repository}:v1: `);
    expect(registry.seen.length).toBeLessThanOrEqual(3);
  });

  test("whose content isn't what its digest says is refused, manifest and layer, and once packed twice", async () => {
    const registry = await registryWith(one);
    const digest = digestOf(registry.content.get(`${repository}:v1`)?.bytes ?? one);
    const other = Buffer.from(JSON.stringify(manifestOf(two)));
    for (const [key, bytes] of [
      [digest, other],
      [digestOf(one), two],
    ] as const) {
      const before = registry.content.get(key);
      registry.content.set(key, { bytes, type: manifestType });
      expect(failureOf(await ociAt(registry.url).download(undefined, live()))).toMatch(/^source_digest: /);
      if (before !== undefined) registry.content.set(key, before);
    }
    expect(await ociAt(registry.url).download(undefined, live())).toMatchObject({ bytes: one });
    registry.before = ({ url = "" }, response) => {
      if (url.includes("/blobs/")) response.writeHead(200, { "content-encoding": "gzip" }).end(one);
      return url.includes("/blobs/");
    };
    expect(failureOf(await ociAt(registry.url).download(undefined, live()))).toMatch(/^source_digest: /);
  });

  test("that moves a tag in the middle gives the one or the other, never both", async () => {
    const registry = await registryWith(one);
    let moved = false;
    registry.before = ({ method, url = "" }) => {
      if (method === "GET" && url.includes("/manifests/") && !moved) {
        moved = true;
        const bytes = Buffer.from(JSON.stringify(manifestOf(two)));
        registry.content.set(`${repository}:v1`, { bytes, type: manifestType });
        registry.content.set(digestOf(bytes), { bytes, type: manifestType });
        registry.content.set(digestOf(two), { bytes: two, type: layerType });
      }
      return false;
    };
    const source = ociAt(registry.url);
    expect(await source.download(undefined, live())).toMatchObject({ bytes: one });
    expect(await source.download(digestOf(one), live())).toMatchObject({ bytes: two });
  });

  test("can't make it read without end: endless manifests, indexes within indexes, redirects in a ring", async () => {
    const registry = await registryWith(one);
    const gives = (isOurs: (url: string) => boolean, answer: Registry["before"]): void => {
      registry.before = (request, response) => isOurs(request.url ?? "") && answer(request, response);
    };
    gives(
      (url) => url.includes("/manifests/"),
      ({ method }, response) => {
        response.writeHead(200);
        if (method === "HEAD") response.end();
        else {
          const more = (): void => {
            while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
          };
          response.on("drain", more);
          more();
        }
        return true;
      },
    );
    const message = /^source_too_large: .*4194304 bytes/;
    expect(failureOf(await ociAt(registry.url).download(undefined, live()))).toMatch(message);
    gives(
      () => false,
      () => false,
    );
    // each names the next, and many more beside it
    let next = digestOf(Buffer.from(JSON.stringify(manifestOf(one))));
    for (let depth = 0; depth < 6; depth++) {
      const manifest = { manifests: [{ digest: next, size: 1 }], annotations: { depth: `${depth}` } };
      next = await push(registry.url, one, { repository, tag: "v1", manifest, type: indexType });
    }
    const nested = /^source_answer: .*nested more than 4 deep/;
    expect(failureOf(await ociAt(registry.url).download(undefined, live()))).toMatch(nested);
    const digests: string[] = [];
    for (let i = 0; i < 30; i++)
      digests.push(await push(registry.url, one, { repository, tag: `n${i}`, manifest: { layers: [], i } }));
    const manifest = { manifests: digests.map((digest) => ({ digest, size: 1 })) };
    await push(registry.url, one, { repository, tag: "v1", manifest, type: indexType });
    registry.seen.length = 0;
    const wide = /^source_answer: /;
    expect(failureOf(await ociAt(registry.url).download(undefined, live()))).toMatch(wide);
    expect(registry.seen.length).toBeLessThanOrEqual(17);
    await push(registry.url, one, { repository, tag: "v1" });
    gives(
      (url) => url.includes("/blobs/"),
      ({ url = "" }, response) => {
        response.writeHead(307, { location: url }).end();
        return true;
      },
    );
    const ring = /^source_address: .*redirects more than 3 times/;
    expect(failureOf(await ociAt(registry.url).download(undefined, live()))).toMatch(ring);
  });

  const token: Credentials = { kind: "bearer", scheme: "Basic", token: "user:password" };
  const basic = `Basic ${Buffer.from("user:password").toString("base64")}`;

  test("may keep layers elsewhere: they come without credentials, and no manifest does", async () => {
    const registry = await registryWith(one);
    const store = closed(await listenOn((_request, response) => void response.end(one)));
    let what = "/blobs/";
    registry.before = ({ url = "" }, response) => {
      const isOurs = url.includes(what);
      if (isOurs) response.writeHead(307, { location: `${store.url}/store?signature=x` }).end();
      return isOurs;
    };
    expect(await ociAt(registry.url, { credentials: token }).download(undefined, live())).toMatchObject({
      bytes: one,
    });
    expect(registry.seen.every(({ headers }) => headers.authorization === basic)).toBe(true);
    expect(store.seen.map(({ path }) => path)).toEqual(["/store?signature=x"]);
    expect(Object.keys(store.seen[0]?.headers ?? {}).sort()).toEqual([
      ...["accept-encoding", "connection", "host", "user-agent"],
    ]);
    what = "/manifests/";
    const refused = /^source_address: .*another origin/;
    expect(failureOf(await ociAt(registry.url).download(undefined, live()))).toMatch(refused);
  });

  test.each([
    ["http://169.254.169.254/latest/meta-data/", "10.0.0.1"],
    ["http://[fd00:ec2::254]/latest", "10.0.0.1"],
    ["http://[::ffff:169.254.169.254]/latest", "10.0.0.1"],
    ["http://2852039166/latest", "10.0.0.1"],
    ["http://metadata.internal/latest", "10.0.0.1"],
    ["http://127.0.0.1:6379/", "10.0.0.1"],
    ["http://localhost:6379/", "10.0.0.1"],
    ["http://10.0.0.2/", "93.184.216.34"],
    ["http://user:secret@example.com/", "93.184.216.34"],
    ["file:///etc/passwd", "10.0.0.1"],
  ])("can't lead to %s while it is at %s itself", async (location, own) => {
    const registry = await registryWith(one);
    registry.before = ({ url = "" }, response) => {
      if (url.includes("/blobs/")) response.writeHead(302, { location }).end();
      return url.includes("/blobs/");
    };
    const lookup = (name: string): Promise<string[]> =>
      Promise.resolve([{ registry: own, localhost: "127.0.0.1" }[name] ?? "169.254.169.254"]);
    const elsewhere = createElsewhere({ base: new URL("http://registry/"), lookup });
    const wanted = { method: "GET", headers: {}, maxBytes: 1, timeoutMs: 500, headerTimeoutMs: 500 } as const;
    await expect(elsewhere({ ...wanted, url: new URL(location), idleTimeoutMs: 500 })).rejects.toMatchObject({
      fault: expect.stringMatching(/^(?:address|redirect)$/) as unknown,
    });
    // one on this machine may lead to this machine, and still not there
    if (
      !location.includes("127.0.0.1") &&
      !location.includes("localhost") &&
      !location.includes("10.0.0.2")
    ) {
      const answer = await ociAt(registry.url, { lookup }).download(undefined, live());
      expect(failureOf(answer)).toMatch(/^source_address: /);
    }
  });

  test("over TLS leads nowhere without it", async () => {
    const base = new URL("https://93.184.216.34/");
    const elsewhere = createElsewhere({ base, lookup: () => Promise.resolve([]) });
    const limits = { maxBytes: 1, timeoutMs: 500, headerTimeoutMs: 500, idleTimeoutMs: 500 };
    await expect(
      elsewhere({ ...limits, method: "GET", headers: {}, url: new URL("http://93.184.216.34/") }),
    ).rejects.toMatchObject({ fault: "redirect", message: "it leads elsewhere without TLS" });
  });

  test.each<[string, string]>([
    ["resource: acme/app:v1", "bundles.b.resource: must begin with the registry of services.url: ghcr.io/"],
    ["resource: ghcr.io/acme/app", "bundles.b.resource: must end with :tag or @sha256:…"],
    ["persist: false", "bundles.b.resource: must begin with"],
    [
      "{resource: ghcr.io/a:v1, polling: {long_polling_timeout_seconds: 5}}",
      "bundles.b.polling.long_polling_timeout_seconds: isn't supported by registries",
    ],
  ])("is refused at the start with what it can't do: %s", (text, problem) => {
    const bundles = { b: yaml.load(text) as Json };
    const services = { ghcr: { url: "https://ghcr.io", type: "oci" } };
    expect(problemsOf({ services, bundles })).toContain(problem);
    const signing = { s3_signing: { environment_credentials: {} } };
    const wrong = { ghcr: { url: "https://ghcr.io/v2", type: "oci", credentials: signing } };
    expect(problemsOf({ services: wrong })).toMatch(
      /ghcr\.url: must be .* origin[^]*isn't supported for oci/,
    );
  });

  /** A registry that asks for tokens of another place. */
  async function guarded(
    lifeSeconds?: number,
    scheme = "Bearer",
  ): Promise<{ registry: Registry; realm: Listening }> {
    const registry = await registryWith(one);
    let count = 0;
    const realm = closed(
      await listenOn((request, response) => {
        if (request.headers.authorization !== basic) response.writeHead(401).end("{}");
        else response.end(JSON.stringify({ token: `token-${++count}`, expires_in: lifeSeconds }));
      }),
    );
    registry.before = ({ headers }, response) => {
      const good = headers.authorization === `Bearer token-${count}`;
      const challenge = `${scheme} realm="${realm.url}/token?x=1",service="registry.acme",scope="repository:${repository}:pull"`;
      if (!good) response.writeHead(401, { "www-authenticate": challenge }).end();
      return !good;
    };
    return { registry, realm };
  }

  test("may ask for a token, which is had once while it counts", async () => {
    const { registry, realm } = await guarded(300);
    const source = ociAt(registry.url, { credentials: token });
    expect(await source.download(undefined, live())).toMatchObject({ bytes: one });
    expect(await source.download(digestOf(one), live())).toMatchObject({ kind: "unchanged" });
    expect(realm.seen.map(({ path }) => path)).toEqual([
      `/token?x=1&service=registry.acme&scope=${encodeURIComponent(`repository:${repository}:pull`)}`,
    ]);
    expect(realm.seen[0]?.headers).not.toHaveProperty("x-own");
    expect(registry.seen.filter(({ headers }) => headers.authorization === basic).length).toBe(1);
    const without = await ociAt(registry.url).download(undefined, live());
    expect(failureOf(without)).toMatch(/^source_unauthorized: .*answers 401: check services\.credentials/);
    const short = await guarded(0.001);
    expect(await ociAt(short.registry.url, { credentials: token }).download(undefined, live())).toMatchObject(
      { bytes: one },
    );
    // who is elsewhere leads nobody to this machine, and nobody to a cloud's metadata
    for (const place of [
      "https://169.254.169.254/token",
      "https://[fd00:ec2::254]/token",
      "https://metadata/",
    ]) {
      const { url } = closed(
        await listenOn((_request, response) => {
          response.writeHead(401, { "www-authenticate": `Bearer realm="${place}"` }).end();
        }),
      );
      const lookup = (): Promise<string[]> => Promise.resolve(["169.254.169.254"]);
      expect(failureOf(await ociAt(url, { lookup, credentials: token }).download(undefined, live()))).toMatch(
        /^source_unauthorized: .*where it gives its tokens: .* address that may not be asked/,
      );
    }
    const other = await guarded(300, "Basic");
    expect(failureOf(await ociAt(other.registry.url).download(undefined, live()))).toMatch(
      /^source_unauthorized: .*answers 401/,
    );
    expect(other.realm.seen).toEqual([]);
  });

  test.each<[string, string, string | undefined]>([
    [
      "https://registry",
      'Bearer realm="https://auth.example/token",service="s"',
      "https://auth.example/token",
    ],
    ["https://registry", 'Basic realm="x", Bearer realm="https://a/"', "https://a/"],
    ["https://registry", 'Bearer realm="http://auth.example/token"', undefined],
    ["https://registry", 'Bearer realm="http://127.0.0.1/token"', undefined],
    ["http://127.0.0.1:5000", 'Bearer realm="http://127.0.0.1:5001/token"', "http://127.0.0.1:5001/token"],
    ["http://127.0.0.1:5000", 'Bearer realm="http://10.0.0.1/token"', undefined],
    ["https://registry", 'Bearer realm="https://user:secret@a/"', undefined],
    ["https://registry", 'Bearer realm="https://a/",realm="https://b/"', undefined],
    ["https://registry", 'Bearer realm="file:///etc/passwd"', undefined],
    ["https://registry", 'Bearer realm="https://a/\r\nx: y"', undefined],
    ["https://registry", `Bearer realm="https://a/",${'a="",'.repeat(10_000)}`, undefined],
    ["https://registry", "Bearer", undefined],
    ["https://registry", 'NotBearer realm="https://a/"', undefined],
  ])("at %s names a place of tokens, or none that may be asked (%#)", (base, text, realm) => {
    const challenge = readChallenge(text, { base: new URL(base), allowPlaintext: false });
    expect(challenge?.realm.href).toBe(realm);
  });

  test.each([
    ["ghcr.io/acme/policies:v1", "acme/policies v1"],
    [`ghcr.io/acme/policies@sha256:${"0".repeat(64)}`, `acme/policies sha256:${"0".repeat(64)}`],
    ["ghcr.io/acme/policies", "must end with"],
    ["acme/policies:v1", "must begin with the registry of services.url: ghcr.io/repository:tag"],
    ["ghcr.io.evil.example/acme:v1", "must begin"],
    ["ghcr.io/../admin:v1", "must name a repository"],
    ["ghcr.io/acme/%2e%2e/x:v1", "must name a repository"],
    ["ghcr.io/Acme:v1", "must name a repository"],
    ["ghcr.io/acme//x:v1", "must name a repository"],
    [`ghcr.io/${"a".repeat(256)}:v1`, "must name a repository"],
    ["ghcr.io/acme:../../x", "must have a tag"],
    ["ghcr.io/acme:v1?x=1", "must have a tag"],
    ["ghcr.io/acme:v1@sha256:00", "must have a digest"],
    ["ghcr.io/acme@sha256:../x", "must have a digest"],
  ])("is asked for by %s: %s", (resource, expected) => {
    const reference = parseReference(resource, "https://ghcr.io");
    const text = typeof reference === "string" ? reference : `${reference.repository} ${reference.reference}`;
    expect(text).toContain(expected);
  });
});

/** AWS's own. Sources: AWS, "Signature Version 4 test suite"; of S3, "Examples: Signature calculations". */
describe("a request to S3 is signed as AWS says", () => {
  const suite = {
    ...{ service: "service", region: "us-east-1", accessKeyId: "AKIDEXAMPLE" },
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  };
  const s3 = {
    ...{ service: "s3", region: "us-east-1", accessKeyId: "AKIAIOSFODNN7EXAMPLE" },
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  };
  const sessionToken =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
  const at = { suite: Date.UTC(2015, 7, 30, 12, 36), s3: Date.UTC(2013, 4, 24) };
  const bucket = "https://examplebucket.s3.amazonaws.com";
  test.each([
    [
      "get-vanilla",
      "GET",
      "https://example.amazonaws.com/",
      suite,
      {},
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ],
    [
      "get-vanilla-query-order-key-case",
      "GET",
      "https://example.amazonaws.com/?Param2=value2&Param1=value1",
      suite,
      {},
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ],
    [
      "post-vanilla",
      "POST",
      "https://example.amazonaws.com/",
      suite,
      {},
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ],
    [
      "post-sts-header-before",
      "POST",
      "https://example.amazonaws.com/",
      { ...suite, sessionToken },
      {},
      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ],
    [
      "an object's range",
      "GET",
      `${bucket}/test.txt`,
      s3,
      { range: "bytes=0-9" },
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "an object that is put",
      "PUT",
      `${bucket}/test$file.text`,
      s3,
      { "x-amz-storage-class": "REDUCED_REDUNDANCY", date: "Fri, 24 May 2013 00:00:00 GMT" },
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ],
    [
      "a bucket's lifecycle",
      "GET",
      `${bucket}/?lifecycle`,
      s3,
      {},
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "a bucket's objects",
      "GET",
      `${bucket}/?max-keys=2&prefix=J`,
      s3,
      {},
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ] as const)("%s", (_name, method, url, key, headers, signature) => {
    const body = method === "PUT" ? { body: Buffer.from("Welcome to Amazon S3.") } : {};
    const signed = signS3(
      { method, url: new URL(url), headers, ...body },
      key,
      key.service === "s3" ? at.s3 : at.suite,
    );
    expect(signed["authorization"]).toMatch(new RegExp(`Signature=${signature}$`));
  });
});

const key = { id: "AKID", secret: "s3cret/+", region: "eu-central-1" };
const signing = (more: object = {}): Credentials => ({
  ...{ kind: "s3_signing", service: "s3", region: key.region },
  ...{ accessKeyId: key.id, secretAccessKey: key.secret, ...more },
});

function s3At(url: string, credentials: Credentials, resource: string, now = Date.now): Source {
  const config: ServiceConfig = {
    ...{ name: "minio", url, type: "http", headers: {}, credentials },
    responseHeaderTimeoutMs: 5_000,
  };
  const service = createService(config, { now });
  closing.push(service.close);
  return createHttpSource({ service, resource, sizeLimitBytes: 1_000_000, explain: explainS3, now });
}

describe("S3", () => {
  const now = Date.UTC(2026, 0, 1);
  const store = async (): Promise<Listening> =>
    closed(
      await listenOn((request, response) => {
        const fault = faultOfS3(request, { ...key, now });
        const status = fault === "AuthorizationHeaderMalformed" ? 400 : 403;
        if (fault !== undefined) response.writeHead(status).end(`<Error><Code>${fault}</Code></Error>`);
        else if (request.headers["if-none-match"] === '"1"') response.writeHead(304).end();
        else response.writeHead(200, { etag: '"1"' }).end(one);
      }),
    );

  test.each([
    "bucket/one.tar.gz",
    "bucket/a b+c=d&e!'(*)~$@,;é.tar.gz",
    "bucket/one.tar.gz?versionId=a/b c&x",
  ])("gives %s to who signs, and answers an ETag that is known", async (resource) => {
    const { url } = await store();
    const source = s3At(url, signing(), resource, () => now);
    expect(await source.download(undefined, live())).toMatchObject({ bytes: one, etag: '"1"' });
    expect(await source.download('"1"', live())).toMatchObject({ kind: "unchanged" });
    const token = signing({ sessionToken: "token" });
    expect(await s3At(url, token, resource, () => now).download(undefined, live())).toMatchObject({
      bytes: one,
    });
  });

  test.each<[string, object, number, RegExp]>([
    [
      "another secret",
      { secretAccessKey: "x" },
      0,
      /answers 403 \(SignatureDoesNotMatch\): check AWS_ACCESS_KEY_ID/,
    ],
    ["another key", { accessKeyId: "x" }, 0, /\(InvalidAccessKeyId\)/],
    [
      "another region",
      { region: "us-east-1" },
      0,
      /answers 400 \(AuthorizationHeaderMalformed\): check AWS_REGION/,
    ],
    [
      "a clock that is wrong",
      {},
      3_600_000,
      /\(RequestTimeTooSkewed\): this machine's clock is wrong by minutes; set it/,
    ],
  ])("tells of %s what to do", async (_name, more, skew, message) => {
    const { url } = await store();
    const answer = await s3At(url, signing(more), "bucket/one", () => now + skew).download(undefined, live());
    expect(failureOf(answer)).toMatch(/^source_unauthorized: minio: \/bucket\/one: /);
    expect(failureOf(answer)).toMatch(message);
    expect(failureOf(answer)).not.toMatch(/s3cret|AKID|Signature=/);
  });

  test("needs a key in the environment", () => {
    const services = {
      s: { url: "https://h", credentials: { s3_signing: { environment_credentials: {} } } },
    };
    const place = "services.s.credentials.s3_signing.environment_credentials: ";
    const good = { AWS_REGION: "eu-1", AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "s3cret" };
    expect(problemsOf({ services }, good)).toBe("");
    expect(problemsOf({ services }, {}).split("\n")).toEqual(
      Object.keys(good).map((name) => `${place}needs ${name} in the environment`),
    );
    const odd = problemsOf({ services }, { ...good, AWS_SECRET_ACCESS_KEY: "s3cret\n" });
    expect(odd).toBe(`${place}needs visible characters in AWS_SECRET_ACCESS_KEY`);
    expect(odd).not.toContain("s3cret");
    // what was discovered doesn't sign by this machine's key
    const own = parseSidecarConfig({}, undefined, good);
    const discover = (): unknown => readDiscovered({ value: { services }, own, taken: new Set() });
    expect(discover).toThrow(/environment_credentials: is this machine's, which only the sidecar's own/);
  });

  test("says nothing that a store says but by its table", async () => {
    const { url } = closed(
      await listenOn((_request, response) => {
        response.writeHead(403).end("<Error><Code>constructor</Code><Message>s3cret</Message></Error>");
      }),
    );
    expect(failureOf(await s3At(url, signing(), "b/o").download(undefined, live()))).toBe(
      "source_unauthorized: minio: /b/o: it answers 403: its credentials mustn't read it; grant that at the service",
    );
  });
});

const real = process.env["STORES"] === undefined ? describe.skip : describe;
real("real ones (STORES=1)", () => {
  const start = (name: string, args: string[], environment: Record<string, string> = {}): ChildProcess => {
    const child = spawn(join(root, ".cache/stores", name), args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    closing.push(async () => {
      child.kill();
      await once(child, "exit");
    });
    return child;
  };

  test("a registry gives what was pushed to it, and says what isn't there", async () => {
    const child = start("registry", ["-port", "0"]);
    let port = "";
    for await (const line of createInterface({ input: child.stderr ?? process.stdin })) {
      port = /port (\d+)/.exec(line)?.[1] ?? "";
      if (port !== "") break;
    }
    const url = `http://127.0.0.1:${port}`;
    const source = ociAt(url);
    expect(failureOf(await source.download(undefined, live()))).toMatch(/^source_not_found: .*answers 404/);
    const digest = await push(url, one, { repository, tag: "v1" });
    const etag = digestOf(one);
    expect(await source.download(undefined, live())).toMatchObject({ kind: "bundle", etag, bytes: one });
    expect(await source.download(etag, live())).toMatchObject({ kind: "unchanged" });
    await push(url, two, { repository, tag: "v1" });
    expect(await source.download(etag, live())).toMatchObject({ bytes: two });
    const resource = `127.0.0.1:${port}/${repository}@${digest}`;
    expect(await ociAt(url, { resource }).download(undefined, live())).toMatchObject({ bytes: one });
  });

  test("an S3-compatible store verifies what it is sent, and gives it back", async () => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-s3-"));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, "objects"));
    mkdirSync(join(folder, "facts"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    start(
      "versitygw",
      [
        ...["--port", `127.0.0.1:${port}`, "--region", key.region, "--quiet"],
        ...["posix", "--sidecar", join(folder, "facts"), join(folder, "objects")],
      ],
      { ROOT_ACCESS_KEY: key.id, ROOT_SECRET_KEY: key.secret },
    );
    const config: ServiceConfig = {
      ...{ name: "minio", url, type: "http", headers: {}, credentials: signing() },
      responseHeaderTimeoutMs: 5_000,
    };
    const service = createService(config);
    closing.push(service.close);
    const put = (path: string, body?: Uint8Array) =>
      service.request({
        ...{ method: "PUT", path, maxBytes: 10_000, timeoutMs: 5_000 },
        ...(body === undefined ? {} : { body }),
      });
    let made = await put("bundles");
    while (made.kind === "failed") {
      await new Promise((resolve) => setTimeout(resolve, 20));
      made = await put("bundles");
    }
    expect(made).toMatchObject({ status: 200 });
    for (const resource of ["bundles/one.tar.gz", "bundles/a b+c=d&e!'(*)~$@,;é.tar.gz"]) {
      expect(failureOf(await s3At(url, signing(), resource).download(undefined, live()))).toMatch(
        /^source_not_found: .*\(NoSuchKey\)/,
      );
      expect(await put(resource, one)).toMatchObject({ status: 200 });
      const got = await s3At(url, signing(), resource).download(undefined, live());
      expect(got).toMatchObject({ kind: "bundle", bytes: one });
      const etag = got.kind === "bundle" ? got.etag : undefined;
      expect(etag).toBeDefined();
      expect(await s3At(url, signing(), resource).download(etag, live())).toMatchObject({
        kind: "unchanged",
      });
    }
    const skewed = (): number => Date.now() - 3_600_000;
    for (const [credentials, now, message] of [
      [signing({ secretAccessKey: "other" }), Date.now, /\(SignatureDoesNotMatch\)/],
      [signing(), skewed, /\(RequestTimeTooSkewed\): this machine's clock/],
      [signing({ region: "us-east-1" }), Date.now, /\(AuthorizationHeaderMalformed\)/],
    ] as const)
      expect(
        failureOf(await s3At(url, credentials, "bundles/one.tar.gz", now).download(undefined, live())),
      ).toMatch(message);
  });
});
