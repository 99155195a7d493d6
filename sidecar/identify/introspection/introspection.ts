/** Opaque access tokens, by asking the authorization server that issued them. Source: RFC 7662. */
import { LRUCache } from "lru-cache";
import { refuse, type EpochMatch, type Json } from "../../contract.js";
import { digestToken } from "../token/cache.js";
import { LoadFailed } from "../token/load-failed.js";
import { defaultLimits, type IdentifyEvent } from "../token/types.js";
import { speaksOf } from "../speaks-of.js";
import type { VerifyOutcome } from "../verified.js";
import { askServer } from "./ask-server.js";
import { parseIntrospection } from "./parse-introspection.js";
import { readAnswer } from "./read-answer.js";
import type { IntrospectionParts, IntrospectionServer } from "./types.js";

export interface Introspection {
  /** Tells whether a server is configured for a token like this. */
  takes(token: string): boolean;
  /** Verifies a token. Rejects on bugs only. */
  verify(token: string): Promise<VerifyOutcome>;
  /** Forgets all answers, or those that may speak of somebody: each is asked for anew, and what was under way isn't kept. */
  forget(about?: EpochMatch): void;
  /** Stops questions under way and forgets all answers. */
  close(): void;
}

interface Kept {
  readonly outcome: VerifyOutcome;
  /** Epoch milliseconds. */
  readonly until: number;
}

/** Questions at once: tokens that anyone can make up must not flood the server, nor us. */
const mostAtOnce = 64;
/** RFC 6750 section 2.1. */
const form = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Tells whether a token can only be a signed JWT: such are read here, not sent elsewhere. */
export function isSignedJwt(token: string): boolean {
  return token.startsWith("ey") && token.split(".", 4).length === 3;
}

/**
 * Creates the method for opaque tokens. Answers are kept by the token's digest, never past its end.
 * @throws IssuersInvalid with every problem of the configuration
 */
export function createIntrospection(parts: IntrospectionParts): Introspection {
  const limits = { ...defaultLimits, ...parts.limits };
  const closing = new AbortController();
  const servers = parseIntrospection(parts.servers as unknown as Json);
  const kept = new LRUCache<string, Kept>({ max: limits.cacheEntries });
  const running = new Map<string, Promise<VerifyOutcome>>();
  let epoch = 0;

  /** The server with the longest prefix that fits: no other ever sees the token. */
  function serverFor(token: string): IntrospectionServer | undefined {
    const fitting = servers.filter(({ prefix }) => token.startsWith(prefix));
    return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0];
  }

  async function ask(server: IntrospectionServer, token: string, digest: string): Promise<VerifyOutcome> {
    const begun = epoch;
    try {
      const given = { fetchDocument: parts.fetchDocument, closed: closing.signal, limits };
      const answer = await askServer(server, token, given);
      const now = parts.now();
      const outcome = answer.active ? readAnswer(answer, server, now, digest) : refuse("token_inactive");
      const short = now + server.cache_seconds * 1000;
      if (epoch !== begun) return outcome;
      if (outcome.kind === "refusal") kept.set(digest, { outcome, until: short });
      else {
        const until = Math.min(short, outcome.expiresAt);
        kept.set(digest, { outcome: { ...outcome, cached: true }, until });
      }
      return outcome;
    } catch (error) {
      if (!(error instanceof LoadFailed)) throw error;
      tell(parts.onEvent, { kind: "introspection_failed", issuer: server.name, fault: error.fault });
      return refuse("issuer_unavailable");
    } finally {
      running.delete(digest);
    }
  }

  return {
    takes(token) {
      return !isSignedJwt(token) && serverFor(token) !== undefined;
    },
    async verify(token) {
      if (token.length > limits.tokenBytes || !form.test(token)) return refuse("token_malformed");
      const server = serverFor(token);
      if (server === undefined) return refuse("token_issuer");
      const digest = digestToken(token);
      const known = kept.get(digest);
      if (known !== undefined && parts.now() < known.until) return known.outcome;
      const under = running.get(digest);
      if (under !== undefined) return await under;
      if (running.size >= mostAtOnce) {
        tell(parts.onEvent, { kind: "introspection_failed", issuer: server.name, fault: "overload" });
        return refuse("issuer_unavailable");
      }
      const asked = ask(server, token, digest);
      running.set(digest, asked);
      return await asked;
    },
    forget(about) {
      epoch++;
      running.clear();
      if (about === undefined) {
        kept.clear();
        return;
      }
      // of whom a refusal would be isn't known
      for (const [digest, { outcome }] of [...kept.entries()])
        if (outcome.kind === "refusal" || speaksOf(outcome, about)) kept.delete(digest);
    },
    close() {
      closing.abort();
      kept.clear();
    },
  };
}

/** INVARIANT: a listener that throws can't change who someone is. */
function tell(listener: IntrospectionParts["onEvent"], event: IdentifyEvent): void {
  try {
    listener?.(event);
  } catch {
    // the listener's own fault, and its own to report
  }
}
