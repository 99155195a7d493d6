/** What is done to bundles. */
import type { BundleCode } from "../../../sidecar/bundles/codes.js";
import type { Files, Good, Name } from "./goods.js";
import type { Random } from "./random.js";

export type Goods = Readonly<Record<Name, Good>>;

/** What is done to a bundle, and what it is then. */
export interface Mutation {
  readonly kind: string;
  readonly to: readonly Name[];
  readonly codes: readonly BundleCode[];
  readonly maySaySame?: boolean;
  readonly make: (good: Good, random: Random, goods: Goods) => Buffer | Promise<Buffer>;
}

export const all: readonly Name[] = ["raw", "made", "tested", "web"];
export const pushed: readonly Name[] = ["raw", "made", "tested"];
export const rego: readonly Name[] = ["raw", "tested", "web"];
export const signature: readonly BundleCode[] = [
  ...(["signature_malformed", "signature_invalid", "signature_key", "signature_files"] as const),
  ...(["signature_missing", "signature_scope"] as const),
];

export const without = (files: Files, place: string): Files =>
  Object.fromEntries(Object.entries(files).filter(([one]) => one !== place));
