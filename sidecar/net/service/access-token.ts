/** Access tokens by OAuth 2.0 client credentials (RFC 6749 §4.4), kept until shortly before they expire. */
import { Buffer } from "node:buffer";
import type { JsonObject } from "../../contract.js";
import { isObject, JsonNumber, parseJson } from "../../contract.js";
import type { Credentials } from "./config.js";
import type { Answer, Exchange } from "./exchange.js";
import { Fault } from "./fault.js";

export interface AccessToken {
  /** Gives a token that is valid for a while. @throws Fault */
  current(): Promise<string>;
  /** Forgets a token that was refused. */
  refused(token: string): void;
}

export interface AccessTokenParts {
  readonly credentials: Extract<Credentials, { readonly kind: "oauth2" }>;
  /** @throws Fault */
  readonly exchange: (wanted: Pick<Exchange, "url" | "method" | "headers" | "body">) => Promise<Answer>;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

/** A token isn't used in its last moments, milliseconds. */
const marginMs = 30_000;
/** The longest that an answer is believed to be valid, and how long one is that doesn't say; milliseconds. */
const longestMs = 24 * 3_600_000;
const unsaidMs = 60_000;
const tokenPattern = /^[\x21-\x7e]{1,16384}$/;

export function createAccessToken({ credentials, exchange, clock }: AccessTokenParts): AccessToken {
  let held: { readonly token: string; readonly until: number } | undefined;
  let asking: Promise<string> | undefined;

  const ask = async (): Promise<string> => {
    const from = clock();
    const { tokenUrl, clientId, clientSecret, scopes } = credentials;
    const form = new URLSearchParams({
      ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
      grant_type: "client_credentials",
    });
    const answer = await exchange({
      url: new URL(tokenUrl),
      method: "POST",
      headers: {
        accept: "application/json",
        // RFC 6749 §2.3.1: both parts are written as in a form
        authorization: `Basic ${Buffer.from([clientId, clientSecret].map(encodeURIComponent).join(":")).toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: Buffer.from(form.toString()),
    }).catch((error: unknown) => {
      // whatever it is, it isn't the service's own fault
      throw new Fault("credentials", `token_url: ${error instanceof Fault ? error.message : "no answer"}`);
    });
    const { token, lifeMs } = read(answer);
    // what lives shorter than the margin is used for half of its life
    held = { token, until: from + Math.max(lifeMs - marginMs, lifeMs / 2) };
    return token;
  };

  return {
    async current() {
      if (held !== undefined && clock() < held.until) return held.token;
      // INVARIANT: it is asked for once, however many wait for it; nobody's going away ends it
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
    refused(token) {
      if (held?.token === token) held = undefined;
    },
  };
}

/** @throws Fault that names OAuth's error code, and nothing else of what was said */
function read({ status, bytes }: Answer): { token: string; lifeMs: number } {
  const said = objectOf(bytes);
  if (status !== 200) {
    const error = said["error"];
    const why = typeof error === "string" && /^[a-z_]{1,40}$/.test(error) ? ` ${error}` : "";
    throw new Fault(
      "credentials",
      `token_url answers ${status}${why}: check client_id, client_secret and scopes`,
    );
  }
  const { access_token: token, token_type: type, expires_in: seconds } = said;
  if (typeof token !== "string" || !tokenPattern.test(token))
    throw new Fault("credentials", "token_url answers without an access token");
  if (typeof type !== "string" || type.toLowerCase() !== "bearer")
    throw new Fault("credentials", "token_url answers with a token that is no bearer token");
  const isNumber = ["number", "string"].includes(typeof seconds) || seconds instanceof JsonNumber;
  const lifeMs = isNumber ? Number(seconds) * 1_000 : 0;
  return { token, lifeMs: lifeMs > 0 ? Math.min(lifeMs, longestMs) : unsaidMs };
}

function objectOf(bytes: Uint8Array): JsonObject {
  try {
    const value = parseJson(bytes);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
