/** The stores that are spoken to, by their kind. */
import type { Adapter } from "../adapter.js";
import type { KindSettings, StoreKind } from "../config.js";

/** INVARIANT: a kind without an adapter serves nothing. */
export const adapters: Partial<Record<StoreKind, Adapter>> = {};

/** What kinds have beside in the configuration. */
export const kindSettings: Partial<Record<StoreKind, KindSettings>> = {};
