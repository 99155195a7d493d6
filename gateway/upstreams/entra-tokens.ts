/** Access tokens of Microsoft Entra ID, kept until shortly before they expire. */
import type { Dispatcher } from "undici";
import { isObject, parseJson } from "../../sidecar/contract.js";
import { collect, mediaType } from "../forward/forward.js";
import type { SecretConfig } from "../secrets/read-config.js";
import { noToken } from "./prove.js";
import type { EntraConfig } from "./upstream.js";

export interface EntraTokens {
  /** Gives a token that is valid for a while. @throws NoToken */
  token(config: EntraConfig): Promise<string>;
  /** Forgets a token that was refused. */
  refused(config: EntraConfig, token: string): void;
}

export interface EntraParts {
  readonly dispatcher: Dispatcher;
  /** Reads a secret as it is now. @throws Error where it can't be had */
  readonly read: (source: SecretConfig) => string;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Told why there is no token. INVARIANT: a code, never what was said. */
  readonly failed: (config: EntraConfig, why: string) => void;
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
/** The longest that an answer is believed to be valid, milliseconds. */
const longestMs = 24 * 3_600_000;
const largest = 65_536;

interface Kept {
  readonly token: string;
  readonly refreshAt: number;
  readonly until: number;
}

export function createEntraTokens(parts: EntraParts): EntraTokens {
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<Kept>>();
  /** Asks once, however many wait for it; nobody's going away ends it. */
  const renew = (config: EntraConfig, key: string): Promise<Kept> => {
    const under = asking.get(key);
    if (under !== undefined) return under;
    const asked = ask(config, parts)
      .then((fresh) => {
        kept.set(key, fresh);
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
    async token(config) {
      const key = keyOf(config);
      const known = kept.get(key);
      const now = parts.clock();
      if (known === undefined || now >= known.until) return (await renew(config, key)).token;
      // the one there is does until the new one has come
      if (now >= known.refreshAt) renew(config, key).catch(() => undefined);
      return known.token;
    },
    refused(config, token) {
      const key = keyOf(config);
      if (kept.get(key)?.token === token) kept.delete(key);
    },
  };
}

/** What a token is for, and for whom: another configuration gets its own. */
function keyOf({ tokenUrl, clientId, scope, proof }: EntraConfig): string {
  return JSON.stringify([tokenUrl.href, clientId, scope, proof]);
}

async function ask(config: EntraConfig, parts: EntraParts): Promise<Kept> {
  const { tokenUrl, clientId, scope, proof, timeoutMs } = config;
  const from = parts.clock();
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: clientId, scope });
  const secret = parts.read(proof.source);
  if (proof.kind === "secret") body.set("client_secret", secret);
  else {
    body.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    body.set("client_assertion", secret);
  }
  const signal = AbortSignal.timeout(timeoutMs);
  // INVARIANT: a redirect isn't followed: the secret goes to the configured address and nowhere else
  const answer = await parts.dispatcher
    .request({
      origin: tokenUrl.origin,
      path: tokenUrl.pathname,
      method: "POST",
      headers: {
        accept: "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
      },
      body: body.toString(),
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
  const { access_token: token, token_type: type, expires_in: seconds } = said ?? {};
  if (typeof token !== "string" || !/^[\x21-\x7e]{1,16384}$/.test(token)) throw new NoToken("malformed");
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") throw new NoToken("malformed");
  // as a number or, by some authorities, as text
  const lifeMs = Math.min(Number(seconds ?? Number.NaN) * 1_000, longestMs);
  if (!(lifeMs > 0)) throw new NoToken("malformed");
  const until = from + lifeMs - Math.min(marginMs, lifeMs / 2);
  return { token, until, refreshAt: Math.max(from, until - Math.min(earlyMs, lifeMs / 5)) };
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
