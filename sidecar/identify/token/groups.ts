import { LRUCache } from "lru-cache";
import { isObject, parseJson, refuse, type JsonObject, type Refusal } from "../../contract.js";
import { isNames } from "./authentication.js";
import { fetchIssuer, type FetchParts } from "./fetch-issuer.js";
import { LoadFailed } from "./load-failed.js";
import { readSmallFile } from "./read-small-file.js";
import type { IdentifyEvent, OverageConfig } from "./types.js";

export interface GroupsParts extends FetchParts {
  readonly now: () => number;
  readonly onEvent: (event: IdentifyEvent) => void;
  readonly limits: FetchParts["limits"] & { readonly answerBytes: number };
}

export interface Groups {
  /** Finds the groups that a verified token of Entra ID left out. */
  resolve(payload: JsonObject): Promise<readonly string[] | Refusal>;
  /** Forgets all: each is asked about anew, and what was under way isn't kept. */
  forget(): void;
}

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const mostAtOnce = 32;
const mostKept = { entries: 10_000, groups: 1_000_000 };

/**
 * Creates what asks Microsoft Graph for the groups of a subject (`getMemberObjects`), with credentials of our own.
 * INVARIANT: the token says who is asked about, never where; all groups or a refusal, never fewer.
 */
export function createGroups(config: OverageConfig, issuer: string, parts: GroupsParts): Groups {
  const graph = (config.graph_url ?? "https://graph.microsoft.com").replace(/\/$/, "");
  const kept = new LRUCache<string, readonly string[]>({
    max: mostKept.entries,
    maxSize: mostKept.groups,
    sizeCalculation: (groups) => groups.length + 1,
  });
  const running = new Map<string, Promise<readonly string[] | Refusal>>();
  let epoch = 0;
  const own = new Map<string, { readonly token: Promise<string>; readonly until: number }>();

  async function fetchJson(
    url: string,
    named: string,
    request: { headers: Record<string, string>; body: string },
  ): Promise<JsonObject> {
    const ask = { config: config.fetch ?? {}, named: [named], maxBytes: parts.limits.answerBytes };
    const bytes = await fetchIssuer(url, { ...ask, request: { ...request, method: "POST" } }, parts);
    const value = parseAnswer(bytes);
    if (value === undefined) throw new LoadFailed("invalid");
    return value;
  }

  /** Our own token for Graph, until a minute before its end; asked for once by all who need it. */
  function ownToken(tid: string): Promise<string> {
    const known = own.get(tid);
    if (known !== undefined && parts.now() < known.until) return known.token;
    const token = fetchOwnToken(tid).then(({ token, until }) => {
      own.set(tid, { token: Promise.resolve(token), until });
      return token;
    });
    // while it is under way, all wait for it; a failure is forgotten
    own.set(tid, { token, until: Infinity });
    token.catch(() => own.delete(tid));
    return token;
  }

  /** Source: RFC 6749 section 4.4. */
  async function fetchOwnToken(tid: string): Promise<{ token: string; until: number }> {
    const url = config.token_url ?? `https://login.microsoftonline.com/${tid}/oauth2/v2.0/token`;
    const body = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: config.client_id,
      client_secret: (await readSmallFile(config.client_secret_file)).trim(),
      scope: `${graph}/.default`,
    }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await fetchJson(url, url, { headers, body });
    const { access_token: token, expires_in: seconds } = answer;
    if (typeof token !== "string" || !/^[\x21-\x7e]{1,16384}$/.test(token)) throw new LoadFailed("invalid");
    if (typeof seconds !== "number") throw new LoadFailed("invalid");
    return { token, until: parts.now() + (seconds - 60) * 1000 };
  }

  async function members(kind: "users" | "servicePrincipals", oid: string, tid: string, again = true) {
    const authorization = `Bearer ${await ownToken(tid)}`;
    const headers = { authorization, "content-type": "application/json" };
    const body = JSON.stringify({ securityEnabledOnly: config.security_groups_only !== false });
    try {
      const answer = await fetchJson(`${graph}/v1.0/${kind}/${oid}/getMemberObjects`, graph, {
        headers,
        body,
      });
      const { value } = answer;
      // more than one page would be fewer groups
      if (value === undefined || !isNames(value) || Object.hasOwn(answer, "@odata.nextLink")) {
        throw new LoadFailed("invalid");
      }
      return Object.freeze([...value]);
    } catch (error) {
      if (!(error instanceof LoadFailed) || error.status !== 401 || !again) throw error;
      own.delete(tid);
      return await members(kind, oid, tid, false);
    }
  }

  async function ask(
    kind: "users" | "servicePrincipals",
    oid: string,
    tid: string,
    key: string,
  ): Promise<readonly string[] | Refusal> {
    const begun = epoch;
    try {
      const groups = await members(kind, oid, tid);
      if (epoch === begun) kept.set(key, groups);
      return groups;
    } catch (error) {
      if (!(error instanceof LoadFailed)) throw error;
      parts.onEvent({ kind: "groups_failed", issuer, fault: error.fault });
      return refuse("groups_unavailable");
    } finally {
      running.delete(key);
    }
  }

  return {
    forget() {
      epoch++;
      kept.clear();
      running.clear();
    },
    resolve(payload) {
      const { oid, tid, iat, idtyp } = payload;
      if (typeof oid !== "string" || !guid.test(oid) || typeof tid !== "string" || !guid.test(tid)) {
        return Promise.resolve(refuse("token_claims", "oid"));
      }
      const kind = idtyp === "app" ? "servicePrincipals" : "users";
      // a token that is issued anew is asked about anew
      const key = JSON.stringify([kind, tid, oid, iat === undefined ? null : Number(iat)]);
      const known = kept.get(key);
      if (known !== undefined && iat !== undefined) return Promise.resolve(known);
      const under = running.get(key);
      if (under !== undefined) return under;
      if (running.size >= mostAtOnce) {
        parts.onEvent({ kind: "groups_failed", issuer, fault: "overload" });
        return Promise.resolve(refuse("groups_unavailable"));
      }
      const asked = ask(kind, oid, tid, key);
      running.set(key, asked);
      return asked;
    },
  };
}

function parseAnswer(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(bytes, { depth: 8 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
