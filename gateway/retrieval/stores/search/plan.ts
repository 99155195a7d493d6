import type { Json, Refusal } from "../../../../sidecar/contract.js";
import type { Found, Narrowed, Narrowing, StoreAnswer, StoreOperation } from "../../adapter.js";
import type { Cursors } from "../../cursors.js";

/** What a route does with a request that it has understood: what is sent, what comes of the answer. */
export interface Plan {
  narrow(narrowings: readonly Narrowing[]): Narrowed | Refusal;
  /** What the store would say had it found nothing. */
  empty(): Json | Refusal;
  results(answer: StoreAnswer, sent: Narrowed, cursors: Cursors): Found | Refusal;
}

export interface SearchOperation extends StoreOperation {
  readonly plan: Plan;
}
