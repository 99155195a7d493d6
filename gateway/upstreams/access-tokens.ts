/** Access tokens of authorization servers, kept until shortly before they expire: the gateway's own, and such as are given for a caller's. */
import { createHash } from "node:crypto";
import type { Dispatcher } from "undici";
import { isObject, parseJson } from "../../sidecar/contract.js";
import { collect, mediaType } from "../forward/forward.js";
import type { SecretConfig } from "../secrets/read-config.js";
import { noToken } from "./prove.js";
import { expiryOf } from "./expiry-of.js";
import type { TokenConfig } from "./upstream.js";
import { tokenForm } from "./token-form.js";

export interface AccessTokens {
  /**
   * Gives a token that is valid for a while.
   * @param subject the caller's own token, where one is given in exchange for it; it goes to the token endpoint alone
   * @throws NoToken
   */
  token(config: TokenConfig, subject?: string): Promise<string>;
  /** Forgets a token that was refused. */
  refused(config: TokenConfig, token: string, subject?: string): void;
}

export interface AccessTokenParts {
  readonly dispatcher: Dispatcher;
  /** Reads a secret as it is now. @throws Error where it can't be had */
  readonly read: (source: SecretConfig) => string;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told why there is no token. INVARIANT: a code, never what was said. */
  readonly failed: (config: TokenConfig, why: string) => void;
}

/** There is no access token; its code tells forward that nothing was sent. */
export class NoToken extends Error {
  override readonly name = "NoToken";
  readonly code = noToken;
  constructor(readonly why: string) {
    super(`no access token: ${why}`);
  }
}

/** A token isn't used for longer than this before its end, and is asked for anew this long before; milliseconds. */
const marginMs = 30_000;
const earlyMs = 300_000;
/** The longest that an answer is believed to be valid, and how long one is that doesn't say; milliseconds. */
const longestMs = 24 * 3_600_000;
const unsaidMs = 60_000;
/** How long what was given for a token is kept that doesn't show when it ends, milliseconds. */
const opaqueMs = 60_000;
const largest = 65_536;
/** The most tokens that are kept. */
const mostKept = 10_000;

interface Kept {
  readonly token: string;
  readonly refreshAt: number;
  readonly until: number;
}

export function createAccessTokens(parts: AccessTokenParts): AccessTokens {
  /** Those that were asked for last stand last. */
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<Kept>>();
  const keep = (key: string, fresh: Kept): void => {
    kept.delete(key);
    kept.set(key, fresh);
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept) break;
      kept.delete(oldest);
    }
  };
  /** Asks once, however many wait for it; nobody's going away ends it. */
  const renew = (config: TokenConfig, key: string, subject: string | undefined): Promise<Kept> => {
    const under = asking.get(key);
    if (under !== undefined) return under;
    const asked = ask(config, subject, parts)
      .then((fresh) => {
        keep(key, fresh);
        return fresh;
      })
      .catch((error: unknown) => {
        const why = error instanceof NoToken ? error.why : "unreachable";
        parts.failed(config, why);
        throw new NoToken(why);
      })
      .finally(() => asking.delete(key));
    asking.set(key, asked);
    return asked;
  };
  return {
    async token(config, subject) {
      const key = keyOf(config, subject);
      const known = kept.get(key);
      const now = parts.clock();
      if (known === undefined || now >= known.until) return (await renew(config, key, subject)).token;
      // the one there is does until the new one has come
      if (now >= known.refreshAt) renew(config, key, subject).catch(() => undefined);
      return known.token;
    },
    refused(config, token, subject) {
      const key = keyOf(config, subject);
      if (kept.get(key)?.token === token) kept.delete(key);
    },
  };
}

/** What a token is for, and for whom: another configuration gets its own, and so does another caller's token. */
function keyOf(config: TokenConfig, subject: string | undefined): string {
  const { kind, tokenUrl, clientId, scope, proof } = config;
  const wanted =
    config.kind === "entra"
      ? []
      : [config.audience, config.resources, "subjectType" in config && config.subjectType];
  const whose = subject === undefined ? "" : createHash("sha256").update(subject).digest("base64");
  return JSON.stringify([kind, tokenUrl.href, clientId, scope, proof, wanted, whose]);
}

async function ask(config: TokenConfig, subject: string | undefined, parts: AccessTokenParts): Promise<Kept> {
  const { kind, tokenUrl, timeoutMs, proof } = config;
  if (kind === "token_exchange" && subject === undefined) throw new NoToken("no_subject_token");
  const from = parts.clock();
  const mostMs = kind === "token_exchange" ? subjectMs(subject ?? "", parts.now()) : longestMs;
  if (mostMs <= 0) throw new NoToken("subject_token_expired");
  const { form, headers: proven } = tokenForm(config, parts.read(proof.source), subject);
  const signal = AbortSignal.timeout(timeoutMs);
  // INVARIANT: a redirect isn't followed: the secret goes to the configured address and nowhere else
  const answer = await parts.dispatcher
    .request({
      origin: tokenUrl.origin,
      path: `${tokenUrl.pathname}${tokenUrl.search}`,
      method: "POST",
      headers: {
        ...proven,
        accept: "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
      },
      body: form.toString(),
      signal,
    })
    .catch(() => {
      throw new NoToken(signal.aborted ? "timeout" : "unreachable");
    });
  answer.body.on("error", () => undefined);
  const { statusCode, headers } = answer;
  const text = await collect(answer.body, largest);
  if (text === undefined) throw new NoToken(signal.aborted ? "timeout" : "malformed");
  if (statusCode >= 300 && statusCode < 400) throw new NoToken("redirected");
  const said = mediaType(headers) === "application/json" ? read(text) : undefined;
  if (statusCode !== 200) throw new NoToken(errorOf(said?.["error"]) ?? `status ${statusCode}`);
  const {
    access_token: token,
    token_type: type,
    issued_token_type: issued,
    expires_in: seconds,
  } = said ?? {};
  if (typeof token !== "string" || !/^[\x21-\x7e]{1,16384}$/.test(token)) throw new NoToken("malformed");
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") throw new NoToken("malformed");
  if (kind === "token_exchange") {
    if (typeof issued !== "string" || !issuable.has(issued)) throw new NoToken("malformed");
    // INVARIANT: the caller's own token never goes to an upstream, also where it is what is given for it
    if (token === subject) throw new NoToken("same_token");
  }
  // as a number or, by some authorities, as text; only Entra must say it
  const unsaid = seconds === undefined && kind !== "entra";
  const lifeMs = Math.min(unsaid ? unsaidMs : Number(seconds ?? Number.NaN) * 1_000, longestMs, mostMs);
  if (!(lifeMs > 0)) throw new NoToken("malformed");
  const until = from + lifeMs - Math.min(marginMs, lifeMs / 2);
  return { token, until, refreshAt: Math.max(from, until - Math.min(earlyMs, lifeMs / 5)) };
}

/** What may be given in exchange: what is sent as a bearer's. Source: RFC 8693, section 3. */
const issuable: ReadonlySet<string> = new Set([
  "urn:ietf:params:oauth:token-type:access_token",
  "urn:ietf:params:oauth:token-type:jwt",
]);

/** INVARIANT: what is given for a token isn't used for longer than the token itself. */
function subjectMs(subject: string, now: number): number {
  const expiry = expiryOf(subject);
  return expiry === undefined ? opaqueMs : expiry - now;
}

function read(text: Buffer) {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 6749, section 5.2: a code of few letters; anything else isn't passed on. */
function errorOf(error: unknown): string | undefined {
  return typeof error === "string" && /^[a-z_]{1,40}$/.test(error) ? error : undefined;
}
