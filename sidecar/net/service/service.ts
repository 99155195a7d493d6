/** A service of the configuration, as it is asked: for bundles, and to take decisions and status. */
import { Agent as HttpAgent, validateHeaderName, validateHeaderValue } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { parseAddresses, type AllowAddress } from "../addresses.js";
import { guardedLookup, onceAtATime, systemAddresses, type Lookup } from "../lookup.js";
import { isHere, plaintextFault, type ServiceConfig } from "./config.js";
import { createProver, type Proof, type Prover, type ProverParts } from "./credentials.js";
import { createElsewhere } from "./elsewhere.js";
import { exchange, type Answer, type Exchange, type Method } from "./exchange.js";
import { Fault, faultOf, type ServiceFault } from "./fault.js";
import { createRegistryProver } from "./registry-tokens.js";

export interface ServiceRequest {
  /** `GET` unless given. */
  readonly method?: Method;
  /** Below the service's URL, with a query where there is one. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Most bytes of an answer's body; one that is no success is cut off at 64 KiB. */
  readonly maxBytes: number;
  /** For all of it, milliseconds. */
  readonly timeoutMs: number;
  /** Until an answer begins, milliseconds; the configuration's unless given. */
  readonly headerTimeoutMs?: number;
  /** How long the service was asked to wait for news before it answers, milliseconds; the times above begin after it. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  /**
   * `answer`: gives a redirect as the answer that it is. Otherwise a GET follows it within the service's own origin;
   * `anywhere`: and to others, without credentials and configured headers.
   */
  readonly redirects?: "answer" | "anywhere";
}

/** INVARIANT: a failure's message holds no token, no header's value and nothing of a body. */
export type ServiceAnswer =
  | ({ readonly kind: "answered" } & Answer)
  | { readonly kind: "failed"; readonly fault: ServiceFault; readonly message: string };

export interface Service {
  readonly name: string;
  /** Never rejects. */
  request(request: ServiceRequest): Promise<ServiceAnswer>;
  /** Ends what is under way. */
  close(): void;
}

export interface ServiceParts {
  readonly lookup?: Lookup;
  /** Milliseconds of a monotonic clock. */
  readonly clock?: () => number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

const mostRedirects = 3;
const mostOfToken = 64 * 1024;
const tokenTimeoutMs = 10_000;
/** Between two pieces of a body, milliseconds. */
const idleTimeoutMs = 30_000;
/** How long a connection is kept that nobody uses, milliseconds. */
const keptMs = 60_000;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const ours: ReadonlySet<string> = new Set([
  ...["connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "expect", "accept-encoding"],
]);

/** Without TLS nothing proves who answers: a name may not lead to a cloud's metadata. */
const plaintextAddresses = parseAddresses("public+private+loopback");

/**
 * Creates the client of a service.
 * INVARIANT: credentials and configured headers go to the service's own origin only.
 * @throws Error where the configuration can't be carried out; the message names the service
 */
export function createService(config: ServiceConfig, parts: ServiceParts = {}): Service {
  const { name, ca } = config;
  const { clock = () => performance.now(), now = Date.now } = parts;
  const base = new URL(config.url);
  const fault = plaintextFault(config) ?? faultOfHeaders(config.headers);
  if (fault !== undefined) throw new Error(`services.${name}: ${fault}`);
  const lookup = onceAtATime(parts.lookup ?? systemAddresses);
  const secure = base.protocol === "https:";
  const agent = new (secure ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    maxFreeSockets: 4,
    timeout: keptMs,
  });
  const closed = new AbortController();
  /** Over TLS the certificate proves who answers, whatever the address; an address in a URL isn't looked up. */
  const lookupFor = (url: URL) =>
    guardedLookup(lookup, url.protocol === "https:" || isHere(url.hostname) ? () => true : allowsPlaintext);
  const elsewhere = createElsewhere({ base, ca, lookup });
  const ofTokens = {
    ...{ maxBytes: mostOfToken, signals: [closed.signal] },
    ...{ timeoutMs: tokenTimeoutMs, headerTimeoutMs: tokenTimeoutMs, idleTimeoutMs },
  };
  const configured = proverOf(config, {
    ...{ clock, now },
    exchange: (wanted) => exchange({ ...wanted, ...ofTokens, ca, lookup: lookupFor(wanted.url) }),
  });
  const prover =
    config.type === "oci"
      ? createRegistryProver({
          ...{ credentials: config.credentials, prover: configured, base, clock },
          allowPlaintext: config.allowPlaintext ?? false,
          ask: (url, headers) => elsewhere({ ...ofTokens, url, method: "GET", headers }),
        })
      : configured;

  /** One request, proven; again where what proved it was refused. */
  async function ask(url: URL, request: ServiceRequest, limits: LimitsOf): Promise<Answer> {
    const { method = "GET", body } = request;
    const headers = { ...lower(config.headers), ...lower(request.headers ?? {}) };
    for (let again = true; ; again = false) {
      const proof: Proof = await unless(limits.signals, prover.prove({ method, url, headers, body }));
      const answer = await exchange({
        ...{ url, method, body, agent, ca, pair: proof.pair, lookup: lookupFor(url) },
        headers: { ...headers, ...proof.headers },
        maxBytes: request.maxBytes,
        ...limits,
        timeoutMs: limits.until - clock(),
      });
      if (answer.status !== 401 || !proof.refused(answer.headers) || !again) return answer;
    }
  }

  /** INVARIANT: nothing goes there that proves or tells who asks. */
  const away = (url: URL, method: Method, { maxBytes }: ServiceRequest, limits: LimitsOf): Promise<Answer> =>
    elsewhere({ ...limits, url, method, maxBytes, headers: {}, timeoutMs: limits.until - clock() });

  async function follow(request: ServiceRequest, limits: LimitsOf): Promise<Answer> {
    const { method = "GET" } = request;
    let url = new URL(`${config.url}/${request.path.replace(/^\/+/, "")}`);
    let isAway = false;
    for (let hops = 0; ; hops++) {
      // INVARIANT: whatever a path or a redirect says, nobody else is asked; or without credentials, on the way back too
      isAway ||= url.origin !== base.origin;
      if (isAway && (request.redirects !== "anywhere" || hops === 0)) {
        throw new Fault(
          "redirect",
          "it redirects to another origin, which isn't asked: give the URL that it leads to",
        );
      }
      url.hash = "";
      const answer = await (isAway ? away(url, method, request, limits) : ask(url, request, limits));
      if (!redirects.has(answer.status) || request.redirects === "answer") return answer;
      const { location } = answer.headers;
      if (
        (method !== "GET" && method !== "HEAD") ||
        location === undefined ||
        !URL.canParse(location, url.href)
      )
        throw new Fault("redirect", `it answers ${answer.status}: give the URL that it leads to`);
      if (hops === mostRedirects)
        throw new Fault("redirect", `it redirects more than ${mostRedirects} times`);
      url = new URL(location, url);
    }
  }

  return {
    name,
    async request(request) {
      const { timeoutMs, headerTimeoutMs = config.responseHeaderTimeoutMs, waitMs = 0, signal } = request;
      const signals = [closed.signal, ...(signal === undefined ? [] : [signal])];
      const limits = {
        until: clock() + waitMs + timeoutMs,
        headerTimeoutMs: waitMs + headerTimeoutMs,
        ...{ idleTimeoutMs, signals },
      };
      try {
        return { kind: "answered", ...(await follow(request, limits)) };
      } catch (error) {
        const { fault, message } = faultOf(error);
        return { kind: "failed", fault, message };
      }
    },
    close() {
      closed.abort();
      agent.destroy();
    },
  };
}

type LimitsOf = Pick<Exchange, "headerTimeoutMs" | "idleTimeoutMs"> & {
  readonly signals: readonly AbortSignal[];
  /** On the monotonic clock, milliseconds. */
  readonly until: number;
};

/** @throws Error that names the service */
function proverOf({ name, type, credentials }: ServiceConfig, parts: ProverParts): Prover {
  if (type === "oci" && credentials.kind === "s3_signing")
    throw new Error(`services.${name}: s3_signing proves nothing to a registry: give bearer`);
  try {
    return createProver(credentials, parts);
  } catch (error) {
    throw new Error(`services.${name}: ${error instanceof Error ? error.message : "credentials"}`, {
      cause: error,
    });
  }
}

const allowsPlaintext: AllowAddress = (address) => plaintextAddresses?.(address) ?? false;

/** Waits, but no longer than until one of the signals. @throws Fault */
async function unless<T>(signals: readonly AbortSignal[], work: Promise<T>): Promise<T> {
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new Fault("stopped", "it was stopped"));
  });
  for (const signal of signals) {
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  }
  try {
    return await Promise.race([work, stopped]);
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", stop);
  }
}

function lower(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function faultOfHeaders(headers: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (ours.has(name.toLowerCase())) return `headers: ${name} is set by the connection itself; leave it out`;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      // the value may be a secret
      return "headers: must be names and values of HTTP headers";
    }
  }
  return undefined;
}
