/** Who may fence, lift and look: operators, and the policy over them that no pushed bundle can change. */
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

export const operatorActions = ["fence.add", "fence.lift", "fence.list", "epoch.bump", "epoch.list"] as const;
export type OperatorAction = (typeof operatorActions)[number];

/** What the action is about: what a fence names, or whose epoch is bumped. */
export interface OperatorSubject {
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
  return {
    operator: {
      ...{ id, person, by, roles: [...roles], groups: [...groups] },
      ...(tenant === undefined ? {} : { tenant }),
      ...(issuer === undefined ? {} : { issuer }),
    },
    action,
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
