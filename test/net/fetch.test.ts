import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseAddresses, type AllowAddress } from "../../sidecar/net/addresses.js";
import { createFetchDocument, type FetchRequest } from "../../sidecar/net/fetch.js";

const [open, inside, outside] = ["loopback", "private", "public"].map(
  (name) => parseAddresses(name) as AllowAddress,
);
let server: Server;
let port = 0;
let answer: RequestListener = () => undefined;
const seen: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(`${request.method ?? ""} ${request.headers.host ?? ""}${request.url ?? ""}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const get = (more: Partial<FetchRequest> = {}, addresses: readonly string[] = ["127.0.0.1"]) =>
  createFetchDocument({ lookup: () => Promise.resolve(addresses) })({
    url: `http://idp.test:${port}/x?y=1`,
    allows: open as AllowAddress,
    maxBytes: 64,
    timeoutMs: 20_000,
    ...more,
  });
const json: RequestListener = (_, response) => {
  response.setHeader("content-type", "application/json").end("{}");
};

/** Fetches in a process whose environment says not to check certificates. */
async function inAnotherProcess(at: number): Promise<string> {
  const { href } = new URL("../../sidecar/net/fetch.js", import.meta.url);
  const script = `
    const { createFetchDocument } = await import(${JSON.stringify(href)});
    const fetchDocument = createFetchDocument({ lookup: () => Promise.resolve(["127.0.0.1"]) });
    const url = "https://idp.test:${at}/";
    const fetched = await fetchDocument({ url, allows: () => true, maxBytes: 64, timeoutMs: 20_000 });
    process.stdout.write(JSON.stringify(fetched));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--no-warnings", "--input-type=module", "-e", script],
    { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } },
  );
  return stdout;
}

describe("a fetch", () => {
  test("gives the bytes of a JSON document", async () => {
    answer = json;
    seen.length = 0;
    const fetched = await get();
    expect(fetched.kind === "fetched" && Buffer.from(fetched.bytes).toString()).toBe("{}");
    expect(seen).toEqual([`GET idp.test:${port}/x?y=1`]);
  });

  test.each<[string, readonly string[], AllowAddress | undefined]>([
    ["this machine", ["127.0.0.1"], outside],
    ["this machine by IPv6", ["::1"], outside],
    ["this machine as IPv4 in IPv6", ["::ffff:127.0.0.1"], outside],
    ["a private network", ["10.0.0.1"], outside],
    ["a link", ["169.254.1.1"], outside],
    ["a cloud's metadata", ["169.254.169.254"], outside],
    ["a cloud's metadata by IPv6", ["fd00:ec2::254"], outside],
    ["another cloud's metadata, from a private network", ["100.100.100.200"], inside],
    ["nowhere", ["0.0.0.0"], outside],
    ["a translated address", ["64:ff9b::7f00:1"], outside],
    ["carrier-grade NAT", ["100.64.0.1"], outside],
    ["this machine, among private ones", ["127.0.0.1"], inside],
  ])("doesn't connect to a name that leads to %s", async (_, addresses, allows) => {
    answer = json;
    seen.length = 0;
    expect(await get({ allows: allows as AllowAddress }, addresses)).toEqual({
      kind: "fault",
      fault: "address",
    });
    expect(seen).toEqual([]);
  });

  test("connects to the allowed ones among a name's addresses only", async () => {
    answer = json;
    expect(await get({}, ["10.0.0.1", "127.0.0.1", "169.254.169.254"])).toMatchObject({ kind: "fetched" });
  });

  test.each([["127.0.0.1"], ["127.1"], ["0x7f000001"], ["2130706433"], ["[::1]"], ["[::ffff:127.0.0.1]"]])(
    "asks about an address that stands in the URL: %s",
    async (host) => {
      const asked: string[] = [];
      const allows = (address: string) => (asked.push(address), false);
      const fetched = await get({ url: `http://${host}:${port}/`, allows });
      expect(fetched).toEqual({ kind: "fault", fault: "address" });
      expect(asked).toEqual([host === "[::1]" ? "::1" : "127.0.0.1"]);
    },
  );

  test.each<[string, string, number | undefined, RequestListener]>([
    [
      "a redirect",
      "status",
      302,
      (_, response) => response.writeHead(302, { location: `http://127.0.0.1:${port}/else` }).end(),
    ],
    ["another status", "status", 404, (_, response) => response.writeHead(404).end("{}")],
    ["a part", "status", 206, (_, response) => response.writeHead(206).end("{}")],
    [
      "HTML",
      "content_type",
      200,
      (_, response) => void response.setHeader("content-type", "text/html").end("{}"),
    ],
    ["no type", "content_type", 200, (_, response) => void response.end("{}")],
    [
      "a look-alike of a type",
      "content_type",
      200,
      (_, response) => void response.setHeader("content-type", "application/jsonp").end("{}"),
    ],
    [
      "compressed bytes",
      "content_type",
      200,
      (_, response) =>
        void response
          .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
          .end("{}"),
    ],
    [
      "too much",
      "too_large",
      200,
      (_, response) => void response.setHeader("content-type", "application/json").end("x".repeat(65)),
    ],
    ["nothing at all", "timeout", undefined, () => undefined],
    [
      "a body that doesn't end",
      "timeout",
      undefined,
      (_, response) => void response.setHeader("content-type", "application/json").write("{"),
    ],
    [
      "a body that is cut off",
      "network",
      200,
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "9" }).write("{");
        setTimeout(() => response.destroy(), 20);
      },
    ],
    [
      "headers without end",
      "network",
      undefined,
      (_, response) =>
        void response
          .writeHead(200, { "content-type": "application/json", "x-filler": "f".repeat(20_000) })
          .end("{}"),
    ],
  ])("refuses %s", async (_, fault, status, listener) => {
    answer = listener;
    seen.length = 0;
    const fetched = await get(fault === "timeout" ? { timeoutMs: 300 } : {});
    expect(fetched).toMatchObject({ kind: "fault", fault });
    if (status !== undefined && fault !== "network") expect(fetched).toMatchObject({ status });
    expect(seen.length).toBe(1);
  });

  test("asks for a name once at a time", async () => {
    answer = json;
    let asked = 0;
    const fetchDocument = createFetchDocument({
      lookup: async () => {
        asked += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return ["127.0.0.1"];
      },
    });
    const one = {
      url: `http://idp.test:${port}/`,
      allows: open as AllowAddress,
      maxBytes: 64,
      timeoutMs: 20_000,
    };
    await Promise.all(Array.from({ length: 10 }, () => fetchDocument(one)));
    expect(asked).toBe(1);
    await fetchDocument(one);
    expect(asked).toBe(2);
  });

  test("speaks TLS with the configured authorities only, and checks the name", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fetch-"));
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    execFileSync(
      "openssl",
      [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" "),
        ...["-subj", "/CN=x", "-addext", "subjectAltName=DNS:idp.test", "-keyout", key, "-out", cert],
      ],
      { stdio: "ignore" },
    );
    const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, json);
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    const at = (tls.address() as AddressInfo).port;
    const ca = readFileSync(cert, "utf8");
    const url = `https://idp.test:${at}/`;
    expect(await get({ url, ca })).toMatchObject({ kind: "fetched" });
    expect(await get({ url })).toEqual({ kind: "fault", fault: "network" });
    expect(await inAnotherProcess(at)).toBe('{"kind":"fault","fault":"network"}');
    expect(await get({ url: `https://other.test:${at}/`, ca })).toEqual({ kind: "fault", fault: "network" });
    tls.closeAllConnections();
    tls.close();
    rmSync(folder, { recursive: true });
  });
});
