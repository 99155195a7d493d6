/** A vault that credentials are read from: one connection, one token, kept alive or had anew. */
import { readFile } from "node:fs/promises";
import { Pool } from "undici";
import type { Environment } from "../read-plain.js";
import { readPlain } from "../read-plain.js";
import type { SecretRead } from "../secret.js";
import type { VaultAnswer, VaultQuestion } from "./ask-vault.js";
import { askVault } from "./ask-vault.js";
import type { VaultPlace, VaultServer } from "./config.js";
import type { LogInParts, Token, TokenRead } from "./log-in.js";
import { logIn, renew } from "./log-in.js";
import { kvPath, readKv } from "./read-kv.js";

export interface Vault {
  /** Reads one field; never rejects. */
  read(place: VaultPlace): Promise<SecretRead>;
  close(): void;
}

export interface VaultParts {
  readonly server: VaultServer;
  readonly environment: Environment;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

/** How much of a lease passes before it is renewed. */
const renewAfter = 2 / 3;
/** Timers hold no more, milliseconds. */
const longestTimer = 2 ** 31 - 1;
/** After a renewal that failed for another reason than the token, milliseconds. */
const renewAgainMs = 5_000;

export function createVault({ server, environment, clock }: VaultParts): Vault {
  const { auth, caFile, timeoutMs } = server;
  let pool: { readonly pool: Pool; readonly ca: string | undefined } | undefined;
  let held: { readonly token: Token; readonly until: number } | undefined;
  let gettingIn: Promise<TokenRead> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** The CAs may be replaced, as other certificates are. */
  const poolNow = async (): Promise<Pool> => {
    const ca = caFile === undefined ? undefined : await readFile(caFile, "utf8");
    if (pool !== undefined && pool.ca === ca) return pool.pool;
    pool?.pool.close().catch(() => undefined);
    const connect = { timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) };
    const made = new Pool(server.address, { connect, connections: 2, pipelining: 1 });
    pool = { pool: made, ca };
    return made;
  };
  const ask = async (
    question: Pick<VaultQuestion, "method" | "path" | "token" | "body">,
  ): Promise<VaultAnswer> => {
    let dispatcher: Pool;
    try {
      dispatcher = await poolNow();
    } catch {
      return { kind: "failed", code: "unreadable" };
    }
    const { address: origin, namespace } = server;
    return askVault({ dispatcher, origin, namespace, timeoutMs, ...question });
  };
  const parts: LogInParts = { ask, read: (source) => readPlain(source, environment) };

  const keep = (token: Token): Token => {
    held = { token, until: token.leaseMs === 0 ? Infinity : clock() + token.leaseMs };
    clearTimeout(timer);
    if (token.renewable && token.leaseMs > 0) later(token.leaseMs * renewAfter);
    return token;
  };
  const later = (ms: number): void => {
    if (!closed) timer = setTimeout(() => void extend(), Math.min(ms, longestTimer)).unref();
  };
  const extend = async (): Promise<void> => {
    const token = held?.token;
    if (token === undefined) return;
    const read = await renew(token, parts);
    if (held?.token !== token || closed) return;
    if (read.kind === "token") keep(read.token);
    // it is used to its end, and then another is had
    else if (read.code !== "vault_denied") later(renewAgainMs);
  };
  const getIn = (): Promise<TokenRead> => {
    gettingIn ??= logIn(auth, parts).finally(() => {
      gettingIn = undefined;
    });
    return gettingIn;
  };
  /** The token in use, or a new one where `not` is the one that was refused. */
  const tokenNow = async (not?: string): Promise<TokenRead> => {
    const given = auth.kind === "token" ? await parts.read(auth.token) : undefined;
    if (given?.kind === "failed") return given;
    const current = held !== undefined && clock() < held.until ? held.token : undefined;
    // a file of a token is written by who renews it
    const stale = current === undefined || (given !== undefined && given.value !== current.value);
    if (!stale && current.value !== not) return { kind: "token", token: current };
    const read = await getIn();
    if (read.kind === "token" && held?.token !== read.token) keep(read.token);
    return read;
  };

  return {
    async read(place) {
      let entered = await tokenNow();
      for (let again = true; ; again = false) {
        if (entered.kind === "failed") return entered;
        const { value } = entered.token;
        const answer = await ask({ method: "GET", path: kvPath(place), token: value });
        if (answer.kind === "answered") return readKv(answer.value, place);
        // the token may have been revoked before its time
        if (answer.code !== "vault_denied" || !again) return answer;
        entered = await tokenNow(value);
        if (entered.kind === "token" && entered.token.value === value) return answer;
      }
    },
    close() {
      closed = true;
      clearTimeout(timer);
      pool?.pool.destroy().catch(() => undefined);
    },
  };
}
