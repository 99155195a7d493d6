/** A transmitter with real keys and servers, and what receives from it: real HTTP, real JWKS, real fences. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "../../sidecar/contract.js";
import { Fields, Problems } from "../../sidecar/contract.js";
import { decodeToken, verifySignature } from "../../sidecar/identify/token/jwt.js";
import { createKeys } from "../../sidecar/identify/token/keys.js";
import type { Issuer } from "../../sidecar/identify/token/types.js";
import { defaultLimits } from "../../sidecar/identify/token/types.js";
import { createFetchDocument } from "../../sidecar/net/fetch.js";
import { readSignals } from "../../sidecar/signals/config.js";
import type { Signals, SignalsParts } from "../../sidecar/signals/open.js";
import { openSignals } from "../../sidecar/signals/open.js";
import type { SignalEvent } from "../../sidecar/signals/told.js";
import type { JwksServer, KeyPair, Members, Signer } from "../identify/world.js";
import { ec, es256, jwk, startJwksServer, token } from "../identify/world.js";
import type { Opened } from "../state/fences/world.js";
import { open as openFences, quietLog } from "../state/fences/world.js";

export const issuer = "https://idp.test/acme";
export const audience = "https://countersign.test/signals";
export const bearer = "a-bearer-token-of-the-transmitter-0123456789";
const caep = "https://schemas.openid.net/secevent/caep/event-type/";
const risc = "https://schemas.openid.net/secevent/risc/event-type/";
const ssf = "https://schemas.openid.net/secevent/ssf/event-type/";
export const uris = { caep, risc, ssf };

export interface Transmitter {
  readonly key: KeyPair;
  readonly jwks: JwksServer;
  readonly folder: string;
  readonly tokenFile: string;
  /** Claims of a SET about one event. */
  claims(uri: string, subject: unknown, body?: Members, more?: Members): Members;
  sign(claims: Members, header?: Members, signer?: Signer): string;
  close(): Promise<void>;
}

let count = 0;

export async function startTransmitter(): Promise<Transmitter> {
  const key = ec();
  const jwks = await startJwksServer();
  jwks.serve([jwk(key, { kid: "t1" })]);
  const folder = await mkdtemp(join(tmpdir(), "countersign-signals-"));
  const tokenFile = join(folder, "token");
  await writeFile(tokenFile, `${bearer}\n`);
  return {
    ...{ key, jwks, folder, tokenFile },
    claims: (uri, subject, body = {}, more = {}) => ({
      iss: issuer,
      aud: audience,
      jti: `set-${++count}`,
      iat: Math.floor(Date.now() / 1000) - 1,
      ...(subject === undefined ? {} : { sub_id: subject }),
      events: { [uri]: body },
      ...more,
    }),
    sign: (claims, header = {}, signer = es256(key)) =>
      token({ alg: "ES256", kid: "t1", typ: "secevent+jwt", ...header }, claims, signer),
    async close() {
      await jwks.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Receiver {
  readonly url: string;
  readonly signals: Signals;
  readonly fences: Opened;
  readonly told: SignalEvent[];
  readonly bumped: string[];
  /** What fences name, sorted: `kind:value` joined by spaces. */
  inForce(): string[];
  push(body: string, more?: { bearer?: string | null; type?: string; name?: string }): Promise<Pushed>;
  close(): Promise<void>;
}

export interface Pushed {
  readonly status: number;
  readonly err: string | undefined;
}

export interface ReceiverOptions {
  /** Laid over the transmitter's configuration; `undefined` members are left out. */
  readonly transmitter?: Members;
  /** The whole section, instead. */
  readonly section?: Members;
  readonly parts?: Partial<SignalsParts>;
  readonly fences?: Opened;
}

export function transmitterConfig(from: Transmitter, more: Members = {}): Members {
  const config = {
    ...{ name: "idp", issuer, audience, tenants: ["acme"], algorithms: ["ES256"] },
    jwks: { url: from.jwks.url },
    push: { token_file: from.tokenFile },
    ...more,
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

/** Reads a section. @throws Error with its problems */
export function readSection(section: Members) {
  const problems = new Problems();
  const config = readSignals(new Fields(section as Json, "signals", problems), problems);
  if (problems.list.length > 0) throw new Error(problems.list.join("\n"));
  return config;
}

export async function startReceiver(from: Transmitter, options: ReceiverOptions = {}): Promise<Receiver> {
  const { section = { transmitters: [transmitterConfig(from, options.transmitter)] } } = options;
  const fences = options.fences ?? (await openFences());
  const told: SignalEvent[] = [];
  const bumped: string[] = [];
  const fetchDocument = createFetchDocument();
  const closing = new AbortController();
  const signals = openSignals({
    config: readSection(section),
    ...{ fences, fetchDocument, decode: decodeToken, verifySignature, log: quietLog, now: Date.now },
    bump: (kind, id, tenant) => void bumped.push(`${kind}:${id}@${tenant ?? "*"}`),
    keysOf: ({ keys, ...one }) =>
      createKeys({ ...one, ...keys } as unknown as Issuer, {
        ...{ now: Date.now, fetchDocument, limits: defaultLimits, closed: closing.signal },
        onEvent: () => undefined,
      }),
    tell: (event) => void told.push(event),
    ...options.parts,
  });
  const server = await serve((req, res) => {
    if (!signals.handle(req, res)) res.writeHead(404).end();
  });
  return {
    ...{ url: server.url, signals, fences, told, bumped },
    inForce: () =>
      fences
        .list()
        .map(({ match }) =>
          Object.entries(match)
            .map(([kind, value]) => `${kind}:${value}`)
            .sort()
            .join(" "),
        )
        .sort(),
    push: (body, { bearer: given = bearer, type = "application/secevent+jwt", name = "idp" } = {}) =>
      pushTo(`${server.url}/v1/signals/${name}`, body, given, type),
    async close() {
      closing.abort();
      await signals.close();
      await server.close();
      if (options.fences === undefined) await fences.close();
    },
  };
}

export async function pushTo(url: string, body: string, given: string | null, type: string): Promise<Pushed> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": type, ...(given === null ? {} : { authorization: `Bearer ${given}` }) },
    body,
  });
  const text = await response.text();
  return {
    status: response.status,
    err: text === "" ? undefined : (JSON.parse(text) as { err?: string }).err,
  };
}

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

export async function serve(listener: (req: IncomingMessage, res: ServerResponse) => void): Promise<Served> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
