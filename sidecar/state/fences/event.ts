import type { Fence } from "./fences.js";

/** What happened to fences; for log, metrics and record. INVARIANT: holds no secret. */
export type FenceEvent =
  /** It is in force here, or not any more. `here`: it was asked for at this sidecar. */
  | { readonly kind: "added" | "lifted" | "asked"; readonly fence: Fence; readonly here: boolean }
  /** Records that nobody of this fleet wrote; they are ignored. */
  | { readonly kind: "unauthentic"; readonly count: number }
  /** Records that Redis had lost, or older ones of. */
  | { readonly kind: "healed"; readonly count: number }
  | { readonly kind: "too_many" }
  /** A change is in force here, and not known to be written. */
  | { readonly kind: "unwritten"; readonly id: string }
  /** The file isn't as it was left, or can't be written. */
  | { readonly kind: "file_damaged" | "file_unwritten" }
  /** Whether what is known here is stale has changed. */
  | { readonly kind: "stale" | "fresh" };
