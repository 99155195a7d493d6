/** One request at a store: what it is about, and what it came to. */
import type {
  Call,
  Condition,
  Decision,
  Json,
  JsonObject,
  Outcome,
  Refusal,
} from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import type { FoundItem, StoreOperation } from "../adapter.js";
import type { StoreConfig } from "../config.js";
import type { Prepared } from "./prepare.js";

export interface Turn {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly store: StoreConfig;
  readonly operation: StoreOperation;
  /** The condition of a neutral query. */
  readonly caller?: Condition | undefined;
  /** Says what is asked about results of what is no store of the configuration, as its policy knows it. */
  readonly retell?: (call: Call) => Call;
}

/** An operation whose every part is allowed: in the order of the asks. */
export interface Allowed {
  readonly kind: "allowed";
  readonly decisions: readonly Decision[];
  readonly prepared: readonly Prepared[];
}

export interface Refused {
  readonly kind: "refused";
  readonly refusal: Refusal;
  /** The one that says why. */
  readonly decision?: Decision | undefined;
  /** Of the request: what became of them is told. */
  readonly decisions: readonly Decision[];
  readonly outcome: Outcome["outcome"];
}

/** What a store gave, as it may be given. */
export interface Given {
  readonly kind: "given";
  readonly decisions: readonly Decision[];
  readonly status: number;
  readonly value: Json | undefined;
  /** What is left, in the answer's order, with what it is labelled. */
  readonly items: readonly { readonly item: FoundItem; readonly labels: readonly string[] }[];
  readonly labels: readonly string[];
  /** Counts, for the record. */
  readonly facts: JsonObject;
}

export type Ran = Refused | Given | { readonly kind: "aborted"; readonly decisions: readonly Decision[] };

/** Makes the end of an operation that was decided on. */
export function refusedBy(
  decisions: readonly Decision[],
  refusal: Refusal,
  outcome: Outcome["outcome"] = "denied",
  decision: Decision | undefined = decisions[0],
): Refused {
  return { kind: "refused", refusal, decision, decisions, outcome };
}
