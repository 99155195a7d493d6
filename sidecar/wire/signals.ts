/** Wires shared signals: what is received becomes fences, and what is fenced is told. */
import type { OpenedRing } from "../assert/open-ring.js";
import { createSignToken } from "../assert/sign.js";
import type { SidecarConfig } from "../config.js";
import type { EpochMatch } from "../contract.js";
import { decodeToken, verifySignature } from "../identify/token/jwt.js";
import { createKeys } from "../identify/token/keys.js";
import type { Issuer } from "../identify/token/types.js";
import { defaultLimits } from "../identify/token/types.js";
import { createFetchDocument } from "../net/fetch.js";
import type { Log } from "../record/log.js";
import type { TransmitterConfig } from "../signals/config.js";
import type { Signals, SignalsParts } from "../signals/open.js";
import { openSignals } from "../signals/open.js";
import type { Epochs } from "../state/epochs/epochs.js";
import { readStateSecret } from "../state/secret.js";

export interface WireSignalsParts {
  readonly config: Pick<SidecarConfig, "signals" | "state" | "publicUrl">;
  readonly fences: SignalsParts["fences"];
  /** Who is to forget what counts no more. */
  readonly epochs: Pick<Epochs, "bump">;
  /** The ring that assertions are signed with, where there is one. */
  readonly ring: OpenedRing | undefined;
  readonly record: SignalsParts["tell"];
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Opens shared signals, where they are configured.
 * @throws Error where something is to be told and nothing signs, or the fleet's secret can't be read
 */
export function wireSignals(parts: WireSignalsParts): Signals | undefined {
  const { config, ring, epochs, record, log, now, fences } = parts;
  if (config.signals === undefined) return undefined;
  const closing = new AbortController();
  const fetchDocument = createFetchDocument();
  const keyParts = {
    ...{ now, fetchDocument, limits: defaultLimits, closed: closing.signal },
    onEvent({ kind, ...event }: { readonly kind: string }) {
      log[kind === "keys_refreshed" ? "info" : "warn"](kind, { ...event, of: "signals" });
    },
  };
  const secret = readStateSecret(config.state);
  const { redisAt, waitMs } = config.state;
  const sign = ring === undefined ? undefined : createSignToken(ring.signer);
  const signals = openSignals({
    ...{ config: config.signals, fences, fetchDocument, log, now, tell: record },
    ...{ decode: decodeToken, verifySignature },
    keysOf: (one) => createKeys(issuerOf(one), keyParts),
    bump: async (kind, id, tenant, { by, reason }) => {
      // who is in a chain is the subject of what is done for them
      const about: EpochMatch = { [kind === "chain" ? "subject" : kind]: id };
      const within = kind === "tenant" || tenant === undefined ? about : { ...about, tenant };
      const bumped = await epochs.bump(within, reason, by);
      if (bumped.kind !== "done") throw new Error("an epoch could not be written");
    },
    ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
    ...(redisAt === undefined || secret === undefined ? {} : { shared: { redisAt, secret, waitMs } }),
    ...(sign === undefined ? {} : { sign: (claims) => sign("secevent+jwt", claims)?.token }),
  });
  return {
    handle: signals.handle,
    async close() {
      closing.abort();
      await signals.close();
    },
  };
}

/** Gives a transmitter as keys know an issuer: of it, only where its keys are counts. */
function issuerOf(transmitter: TransmitterConfig): Issuer {
  const { name, issuer, audience, keys, fetch, algorithms, tenants } = transmitter;
  return {
    ...{ name, issuer, audience, fetch, algorithms, tenants, ...keys },
    ...{ types: [], require: [], id_tokens: false, trust_domains: [], claims: {}, expose: [] },
    ...{ subject_type: "user", subject_types: [], actor_issuers: [], actor_depth: 0 },
    ...{ max_lifetime_seconds: 0, clock_skew_seconds: 0 },
  };
}
