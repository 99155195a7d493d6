/** Who may fence, lift, push and look: operators, and the policy over them that no pushed bundle can change. */
import type { FenceMatch, Handle, Json, Reason } from "../contract.js";

export interface Operator {
  /** Names the credential in the record: `key:<name>`, or the identity's id. */
  readonly id: string;
  /** Who it is: of two people that must agree, each is another one. */
  readonly person: string;
  readonly by: "key" | "identity";
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Absent: of no single one. */
  readonly tenant?: string;
  readonly issuer?: string;
  /** What fences know them by, where they are identified as a caller. */
  readonly handles: readonly Handle[];
}

export const operatorActions = [
  ...(["fence.add", "fence.lift", "fence.list", "epoch.bump", "epoch.list"] as const),
  ...(["bundle.push", "bundle.list", "bundle.read", "bundle.rollback"] as const),
  ...(["bundle.override", "bundle.refresh"] as const),
] as const;
export type OperatorAction = (typeof operatorActions)[number];

/** What the action is about: what a fence names, whose epoch is bumped, or a bundle. */
export type OperatorSubject = FenceSubject | BundleSubject;

/** A bundle as the operator policy sees it; what isn't known yet isn't there. */
export interface BundleSubject {
  readonly bundle: {
    readonly name: string;
    readonly revision?: string;
    readonly version?: number;
    /** SHA-256 (hex) of its archive. */
    readonly digest?: string;
    readonly roots?: readonly string[];
    /** The id of the key that it is signed by. */
    readonly signed_by?: string;
    /** Who pushed what is in force now. */
    readonly by?: string;
    /** What a rollback leads to. */
    readonly generation?: number;
  };
}

export interface FenceSubject {
  readonly match: FenceMatch;
  /** Who set the fence that is to be lifted. */
  readonly by?: string;
  readonly seconds?: number;
  /** Epoch milliseconds. */
  readonly issued_before?: number;
}

export type OperatorDecision = { readonly allow: boolean; readonly reasons: readonly Reason[] };

/** The kinds by which a fence names somebody, not what they use. */
const personal = ["subject", "workload", "chain", "token", "session", "device"] as const;

/** Tells whether a fence names this operator. */
export function namesOperator(match: FenceMatch, { handles, person, id }: Operator): boolean {
  return personal.some((kind) => {
    const value = match[kind];
    if (value === undefined) return false;
    if (handles.includes(`${kind}:${value}`)) return true;
    return same(value, person) || `key:${value}` === id;
  });
}

/** Makes the policy's input. */
export function inputOf(operator: Operator, action: OperatorAction, about: OperatorSubject): Json {
  const { id, person, by, roles, groups, tenant, issuer } = operator;
  const asking = {
    operator: {
      ...{ id, person, by, roles: [...roles], groups: [...groups] },
      ...(tenant === undefined ? {} : { tenant }),
      ...(issuer === undefined ? {} : { issuer }),
    },
    action,
  };
  if ("bundle" in about) {
    const { roots, ...plain } = about.bundle;
    return { ...asking, bundle: { ...plain, ...(roots === undefined ? {} : { roots: [...roots] }) } };
  }
  return {
    ...asking,
    [action.startsWith("epoch.") ? "epoch" : "fence"]: {
      match: { ...about.match },
      own: namesOperator(about.match, operator),
      ...(about.by === undefined ? {} : { by: about.by }),
      ...(about.seconds === undefined ? {} : { seconds: about.seconds }),
      ...(about.issued_before === undefined ? {} : { issued_before: about.issued_before }),
    },
  };
}

function same(one: string, other: string): boolean {
  const plain = (name: string): string => name.normalize("NFKC").trim().toLowerCase();
  return plain(one) === plain(other);
}
