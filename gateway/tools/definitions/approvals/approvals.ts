/** Which definitions may be used: of a server's tool, by digest. */
import type { Json } from "../../../../sidecar/contract.js";

/** What was decided of one definition. A definition that went back to an approved form is approved. */
export interface Approval {
  readonly server: string;
  readonly tool: string;
  readonly digest: string;
  readonly state: "approved" | "rejected";
  /** RFC 3339. */
  readonly at: string;
  readonly by: ApprovedBy;
  /** Canonical, to show what changes. */
  readonly definition: Json;
}

export type ApprovedBy =
  | { readonly person: string }
  | { readonly policy: { readonly decision_id: string; readonly rules: readonly string[] } };

/** A definition that waits for somebody. */
export interface Pending {
  readonly server: string;
  readonly tool: string;
  readonly digest: string;
  readonly status: "new" | "changed";
  /** RFC 3339: when it was first and last listed. */
  readonly first: string;
  readonly last: string;
  readonly flags: readonly string[];
  /** The tool, `server/tool`, that it looks like, for which it isn't offered. */
  readonly looks_like?: string;
  readonly definition: Json;
}

/** What is known of one tool's definitions. */
export interface Known {
  readonly approved: ReadonlySet<string>;
  readonly rejected: ReadonlySet<string>;
  /** Approved by a person, of {@link approved}. */
  readonly byPerson: ReadonlySet<string>;
}

/** Where approvals are kept: one interface, in memory and in a file. */
export interface Approvals {
  /**
   * Gives what is known, as it is now; undefined where it can't be read. INVARIANT: nothing is approved then.
   * Never rejects.
   */
  read(): Promise<ApprovalView | undefined>;
  /** Adds what policy approved. `false`: it couldn't be kept. Never rejects. */
  approve(approvals: readonly Approval[]): Promise<boolean>;
  /** Notes what waits; not kept where it can't be. Never rejects. */
  note(pending: readonly Pending[]): Promise<void>;
}

export interface ApprovalView {
  /** Differs whenever anything may have changed. */
  readonly version: object;
  of(server: string, tool: string): Known | undefined;
  /** The approved, in the order in which they were. */
  readonly all: readonly Approval[];
}

export const most = { approvals: 20_000, pending: 2_000 } as const;

/** Finds what a list says of each tool; of one digest, the last counts. */
export function viewOf(all: readonly Approval[]): ApprovalView {
  const tools = new Map<string, Map<string, Approval>>();
  for (const one of all) {
    const key = keyOf(one.server, one.tool);
    const digests = tools.get(key) ?? new Map<string, Approval>();
    tools.set(key, digests);
    digests.set(one.digest, one);
  }
  const known = new Map<string, Known>(
    [...tools].map(([key, digests]) => {
      const list = [...digests.values()];
      const those = (keep: (one: Approval) => boolean): Set<string> =>
        new Set(list.filter(keep).map(({ digest }) => digest));
      return [
        key,
        {
          approved: those(({ state }) => state === "approved"),
          rejected: those(({ state }) => state === "rejected"),
          byPerson: those(({ state, by }) => state === "approved" && "person" in by),
        },
      ];
    }),
  );
  return { version: {}, of: (server, tool) => known.get(keyOf(server, tool)), all };
}

/** INVARIANT: names of servers hold no slash, so that no two pairs are one. */
export function keyOf(server: string, tool: string): string {
  return `${server}/${tool}`;
}
