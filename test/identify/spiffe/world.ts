/** A world of SPIFFE: methods on real bundles, JWT-SVIDs with anything in them, a clock. */
import { createFetchDocument } from "../../../sidecar/net/fetch.js";
import { Fields, Problems, type Json } from "../../../sidecar/contract.js";
import { parseSpiffe } from "../../../sidecar/identify/spiffe/parse-spiffe.js";
import { createSpiffe, type Spiffe, type SpiffeParts } from "../../../sidecar/identify/spiffe/spiffe.js";
import type { SpiffeConfig, SpiffeEvent } from "../../../sidecar/identify/spiffe/types.js";
import { es256, token, type KeyPair, type Members } from "../world.js";
import { jwk } from "../world.js";
import type { Issued } from "./ca.js";

export interface SpiffeWorld extends Spiffe {
  readonly events: SpiffeEvent[];
  /** Moves the clock, milliseconds. */
  pass(ms: number): void;
  now(): number;
}

export function readConfig(value: unknown): SpiffeConfig {
  const problems = new Problems();
  const config = parseSpiffe(new Fields(value as Json, "identity.spiffe", problems), problems);
  if (problems.list.length > 0) throw new Error(problems.list.join("\n"));
  return config;
}

export const problemsOf = (value: unknown): string[] => {
  const problems = new Problems();
  parseSpiffe(new Fields(value as Json, "spiffe", problems), problems);
  return problems.list;
};

export function createWorld(
  config: unknown,
  limits: SpiffeParts["limits"] = {},
  clock: () => number = Date.now,
): SpiffeWorld {
  const events: SpiffeEvent[] = [];
  let ahead = 0;
  const now = (): number => clock() + ahead;
  const spiffe = createSpiffe(readConfig(config), {
    now,
    fetchDocument: createFetchDocument(),
    onEvent: (event) => events.push(event),
    // waits are longer than a busy machine's pause
    limits: {
      firstPauseMs: 20,
      mostPauseMs: 100,
      firstWaitMs: 20_000,
      fetchTimeoutMs: 20_000,
      ...limits,
    },
  });
  return {
    ...spiffe,
    events,
    now,
    pass(ms) {
      ahead += ms;
    },
  };
}

export const x509Entry = ({ der }: Pick<Issued, "der">): Members => ({
  kty: "EC",
  use: "x509-svid",
  x5c: [der.toString("base64")],
});
export const jwtEntry = (pair: KeyPair, kid: string, more: Members = {}): Members =>
  jwk(pair, { use: "jwt-svid", kid, ...more });
/** A SPIFFE bundle's document. */
export const document = (keys: readonly Members[], more: Members = {}): string =>
  JSON.stringify({ spiffe_sequence: 1, spiffe_refresh_hint: 60, keys, ...more });

export const base64 = (...chain: readonly Pick<Issued, "der">[]): string[] =>
  chain.map(({ der }) => der.toString("base64"));

export const svidHeader: Members = { alg: "ES256", kid: "j1", typ: "JWT" };
export const svidPayload = (now: number, more: Members = {}): Members => ({
  sub: "spiffe://acme.example/ns/prod/sa/agent",
  aud: ["countersign"],
  iat: Math.floor(now / 1000) - 5,
  exp: Math.floor(now / 1000) + 300,
  ...more,
});
export const jwtSvid = (pair: KeyPair, payload: Members, header: Members = svidHeader): string =>
  token(header, payload, es256(pair));

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("it never came to hold");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
