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
  readonly bundles: Pick<BundleStore, "arrive" | "current" | "status">;
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

type TestedFacts = PushFacts & Pick<PushedEntry, "tests">;
type Draft = Pick<PushedEntry, "action" | "reason" | "of" | "override"> & { readonly generation: number };

/** Creates what pushes. Never rejects for what a bundle holds. */
export function createPush(parts: PushParts): Push {
  const { bundles, pushed, follow, now, clock, newId, carryMs } = parts;
  const headOf = (name: string): PushedEntry | undefined => pushed.record(name)?.entries[0];

  /** Writes to the fleet, once it is allowed. */
  const carry = async <Refused>(
    { name, by, allow }: Asked<Refused>,
    bytes: Uint8Array,
    draft: Draft,
    { tests, ...facts }: TestedFacts,
  ): Promise<PushOutcome<Refused>> => {
    const refused = await allow(facts);
    if (refused !== undefined) return { kind: "refused", refused };
    const { roots: _roots, ...known } = facts;
    const entry: PushedEntry = {
      ...{ ...draft, ...known, id: newId(), size: bytes.byteLength, by, at: now() },
      ...(tests === undefined ? {} : { tests }),
    };
    const committed = await pushed.commit(name, entry, bytes, clock() + carryMs);
    if (committed === "written") return { kind: "pushed", entry };
    return committed === "unknown" ? { kind: "not_carried" } : conflictAt(headOf(name));
  };

  /** What is known of what is in force here, by whichever way it came. */
  const factsInForce = (name: string, bytes: Uint8Array): TestedFacts => {
    const active = bundles.current().bundles.find((one) => one.name === name);
    const { version, signed } = bundles.status().find((one) => one.name === name) ?? {};
    const key = typeof signed === "object" ? signed.key : undefined;
    const generation = follow.inForce(name);
    const entry = pushed.record(name)?.entries.find((one) => one.generation === generation);
    return {
      ...{ digest: digestOf(bytes), revision: active?.revision ?? "", roots: active?.roots ?? [] },
      ...(version === undefined ? {} : { version }),
      ...(key === undefined ? {} : { signed_by: key }),
      ...(entry?.tests === undefined ? {} : { tests: entry.tests }),
    };
  };

  /** An attempt whose outcome its author may not know, and that was written. */
  const recognise = async <Refused>(
    { name, allow }: Asked<Refused>,
    head: PushedEntry,
  ): Promise<PushOutcome<Refused>> => {
    const { digest, revision, version, signed_by } = head;
    const roots = bundles.current().bundles.find((one) => one.name === name)?.roots ?? [];
    const refused = await allow({
      ...{ digest, revision, roots },
      ...(version === undefined ? {} : { version }),
      ...(signed_by === undefined ? {} : { signed_by }),
    });
    if (refused !== undefined) return { kind: "refused", refused };
    const here = await follow.settle(name);
    return { kind: "unchanged", entry: head, ...(here === undefined ? {} : { here }) };
  };

  const bring = async <Refused>(
    asked: Asked<Refused>,
    bytes: Uint8Array,
    draft: Draft,
  ): Promise<PushOutcome<Refused>> => {
    const { name, by } = asked;
    const { reason = "", override = false } = draft;
    let carried: PushOutcome<Refused> | undefined;
    // the others compile it while it is looked at here
    pushed.announce(name, bytes);
    const activation = await bundles.arrive({
      ...{ name, origin: "push", content: { bytes } },
      ...(override ? { override: { reason, by } } : {}),
      async confirm(prepared) {
        carried = await carry(asked, bytes, draft, factsOf(prepared, bytes));
        return carried.kind === "pushed";
      },
    });
    const head = headOf(name);
    if (activation.kind === "rejected" && carried === undefined) {
      // what came meanwhile may be why
      if ((head?.generation ?? 0) !== draft.generation - 1) return conflictAt(head);
      const { code, message, errors = [] } = activation;
      return { kind: "rejected", code, message, errors };
    }
    if (carried === undefined) {
      // its content is in force here already; the fleet's head may still be another
      if (head !== undefined && draft.action === "push" && follow.inForce(name) === head.generation)
        return recognise(asked, head);
      carried = await carry(asked, bytes, draft, factsInForce(name, bytes));
    }
    if (carried.kind !== "pushed") return carried;
    if (activation.kind === "rejected") {
      follow.failed(name, carried.entry, activation);
      return { ...carried, here: activation };
    }
    await follow.took(name, carried.entry, bytes);
    return carried;
  };

  const push = async <Refused>(asked: AskedPush<Refused>): Promise<PushOutcome<Refused>> => {
    const { name, bytes, expected, ifMatch, reason, override = false } = asked;
    const head = headOf(name);
    if (head?.digest === digestOf(bytes) && (ifMatch === undefined || isReached(head, ifMatch)))
      return recognise(asked, head);
    if ((head?.generation ?? 0) !== expected || (ifMatch !== undefined && ifMatch !== expected))
      return conflictAt(head);
    return bring(asked, bytes, {
      ...{ action: "push", generation: expected + 1 },
      ...(reason === undefined ? {} : { reason }),
      ...(override ? { override } : {}),
    });
  };

  const rollback = async <Refused>(asked: AskedRollback<Refused>): Promise<PushOutcome<Refused>> => {
    const { name, entry, expected, reason } = asked;
    const head = headOf(name);
    if ((head?.generation ?? 0) !== expected) return conflictAt(head);
    const bytes = await pushed.content(name, entry);
    if (bytes === undefined) return { kind: "no_content" };
    const { generation: of } = entry;
    const draft = { action: "rollback", generation: expected + 1, of, reason, override: true } as const;
    return bring(asked, bytes, draft);
  };

  /** INVARIANT: of those that began on one head, the first is through before the next is looked at. */
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(name) ?? Promise.resolve()).then(work, work);
    turns.set(name, turn);
    return turn;
  };
  return {
    push: (asked) => inTurn(asked.name, () => push(asked)),
    rollback: (asked) => inTurn(asked.name, () => rollback(asked)),
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

function factsOf({ built, verified, version, tests }: Prepared, bytes: Uint8Array): TestedFacts {
  const { revision, roots = [""] } = built.manifest;
  const { keyId } = verified;
  return {
    digest: digestOf(bytes),
    revision: revision === undefined || revision === "" ? built.digest.slice(0, 12) : revision,
    roots,
    ...(version === undefined ? {} : { version }),
    ...(verified.signed && keyId !== undefined ? { signed_by: keyId } : {}),
    ...(tests === undefined ? {} : { tests }),
  };
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
