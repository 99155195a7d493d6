/**
 * Takes bundles that operators push. INVARIANT: one is verified, built and tested before anybody else hears of it, is written to
 * the fleet next, and comes into force last: what couldn't be written is in force nowhere.
 */
import { createHash } from "node:crypto";
import type { BuildError } from "../../rego/bundle.js";
import type { PushedBundles, PushedEntry } from "../../state/bundles/pushed.js";
import type { Prepared } from "../arrival.js";
import type { Activation, BundleStore } from "../store.js";
import type { Follow } from "./follow.js";

/** What is known of a bundle once it is verified and built. */
export type PushFacts = Pick<PushedEntry, "digest" | "revision" | "version" | "signed_by"> & {
  readonly roots: readonly string[];
};

export interface PushParts {
  readonly bundles: Pick<BundleStore, "arrive">;
  readonly pushed: PushedBundles;
  readonly follow: Follow;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
  readonly newId: () => string;
  /** Longest wait until it is written to the fleet, milliseconds. */
  readonly carryMs: number;
}

interface Asked<Refused> {
  readonly name: string;
  readonly by: string;
  /** Says whether this one may, now that it is known what it is; whatever it gives refuses. */
  readonly allow: (facts: PushFacts) => Promise<Refused | undefined>;
}

export interface AskedPush<Refused> extends Asked<Refused> {
  readonly bytes: Uint8Array;
  /** The head as it was when the push began: whoever comes first since then wins. */
  readonly expected: number;
  /** The generation that its author knows of; absent: any. */
  readonly ifMatch?: number;
  readonly reason?: string;
  /** A version below the mark may come; the reason is said. */
  readonly override?: boolean;
}

export interface AskedRollback<Refused> extends Asked<Refused> {
  readonly entry: PushedEntry;
  readonly expected: number;
  readonly reason: string;
}

/** What is the fleet's now. */
interface Carried {
  readonly entry: PushedEntry;
  /** Why it isn't in force in this sidecar, though it is the fleet's. */
  readonly here?: Extract<Activation, { kind: "rejected" }>;
}

export type PushOutcome<Refused> =
  | ({ readonly kind: "pushed" } & Carried)
  /** It was the head already, by an earlier attempt. */
  | ({ readonly kind: "unchanged" } & Carried)
  /** Another one came first, or the head isn't the one that was named. */
  | { readonly kind: "conflict"; readonly head?: PushedEntry }
  | {
      readonly kind: "rejected";
      readonly code: string;
      readonly message: string;
      readonly errors: readonly BuildError[];
    }
  | { readonly kind: "refused"; readonly refused: Refused }
  | { readonly kind: "not_carried" }
  /** The content of the generation to come back isn't there any more. */
  | { readonly kind: "no_content" };

export interface Push {
  push<Refused>(asked: AskedPush<Refused>): Promise<PushOutcome<Refused>>;
  rollback<Refused>(asked: AskedRollback<Refused>): Promise<PushOutcome<Refused>>;
}

type Draft = Pick<PushedEntry, "action" | "reason" | "of" | "override"> & { readonly generation: number };

/** Creates what pushes. Never rejects for what a bundle holds. */
export function createPush(parts: PushParts): Push {
  const { bundles, pushed, follow, now, clock, newId, carryMs } = parts;
  const headOf = (name: string): PushedEntry | undefined => pushed.record(name)?.entries[0];

  const bring = async <Refused>(
    { name, by, allow }: Asked<Refused>,
    bytes: Uint8Array,
    draft: Draft,
  ): Promise<PushOutcome<Refused>> => {
    const { reason = "", override = false } = draft;
    let outcome: PushOutcome<Refused> = { kind: "conflict" };
    const confirm = async (prepared: Prepared): Promise<boolean> => {
      const facts = factsOf(prepared, bytes);
      const refused = await allow(facts);
      if (refused !== undefined) {
        outcome = { kind: "refused", refused };
        return false;
      }
      const { roots: _roots, ...known } = facts;
      const { tests } = prepared;
      const entry: PushedEntry = {
        ...{ ...draft, ...known, id: newId(), size: bytes.byteLength, by, at: now() },
        ...(tests === undefined ? {} : { tests }),
      };
      const committed = await pushed.commit(name, entry, bytes, clock() + carryMs);
      if (committed === "written") outcome = { kind: "pushed", entry };
      else if (committed === "unknown") outcome = { kind: "not_carried" };
      else outcome = conflictAt(headOf(name));
      return committed === "written";
    };
    const activation = await bundles.arrive({
      ...{ name, origin: "push", content: { bytes }, confirm },
      ...(override ? { override: { reason, by } } : {}),
    });
    const carried = outcome as PushOutcome<Refused>;
    if (activation.kind === "declined") return carried;
    if (activation.kind === "rejected") {
      const { code, message, errors = [] } = activation;
      if (carried.kind !== "pushed") return { kind: "rejected", code, message, errors };
      follow.failed(name, carried.entry, activation);
      return { ...carried, here: activation };
    }
    if (carried.kind === "pushed") await follow.took(name, carried.entry, bytes);
    return carried;
  };

  return {
    async push(asked) {
      const { name, bytes, expected, ifMatch, allow, reason, override = false } = asked;
      const head = headOf(name);
      const digest = digestOf(bytes);
      // an attempt whose outcome its author doesn't know, and that was written
      if (head?.digest === digest && (ifMatch === undefined || isReached(head, ifMatch))) {
        const { revision, version, signed_by } = head;
        const known = { digest, revision, roots: [] };
        const refused = await allow({
          ...known,
          ...(version === undefined ? {} : { version }),
          ...(signed_by === undefined ? {} : { signed_by }),
        });
        if (refused !== undefined) return { kind: "refused", refused };
        const here = await follow.settle(name);
        return { kind: "unchanged", entry: head, ...(here === undefined ? {} : { here }) };
      }
      if ((head?.generation ?? 0) !== expected || (ifMatch !== undefined && ifMatch !== expected))
        return conflictAt(head);
      return bring(asked, bytes, {
        ...{ action: "push", generation: expected + 1 },
        ...(reason === undefined ? {} : { reason }),
        ...(override ? { override } : {}),
      });
    },
    async rollback(asked) {
      const { name, entry, expected, reason } = asked;
      const head = headOf(name);
      if ((head?.generation ?? 0) !== expected) return conflictAt(head);
      const bytes = await pushed.content(name, entry);
      if (bytes === undefined) return { kind: "no_content" };
      const { generation: of } = entry;
      return bring(asked, bytes, {
        action: "rollback",
        generation: expected + 1,
        of,
        reason,
        override: true,
      });
    },
  };
}

function conflictAt(head: PushedEntry | undefined): {
  readonly kind: "conflict";
  readonly head?: PushedEntry;
} {
  return { kind: "conflict", ...(head === undefined ? {} : { head }) };
}

/** Tells whether a head is what would have come after the generation that was named, or that one itself. */
function isReached({ generation }: PushedEntry, ifMatch: number): boolean {
  return ifMatch === generation || ifMatch === generation - 1;
}

function factsOf({ built, verified, version }: Prepared, bytes: Uint8Array): PushFacts {
  const { revision, roots = [""] } = built.manifest;
  const { keyId } = verified;
  return {
    digest: digestOf(bytes),
    revision: revision === undefined || revision === "" ? built.digest.slice(0, 12) : revision,
    roots,
    ...(version === undefined ? {} : { version }),
    ...(verified.signed && keyId !== undefined ? { signed_by: keyId } : {}),
  };
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
