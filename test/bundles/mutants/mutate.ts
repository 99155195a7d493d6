/** Makes bundles that must not come into force, each with the codes that are right for it. */
import type { BundleCode } from "../../../sidecar/bundles/codes.js";
import { tricks } from "./archives.js";
import { contents, deltas } from "./authored.js";
import { damages } from "./damages.js";
import { forgeries } from "./forgeries.js";
import type { Name } from "./goods.js";
import type { Goods, Mutation } from "./mutation.js";
import { pushed } from "./mutation.js";
import type { Random } from "./random.js";

export interface Mutant {
  readonly kind: string;
  readonly to: Name;
  readonly bytes: Buffer;
  readonly codes: readonly BundleCode[];
  /** It may say the same as the good one: a time stamp, or what fills a block, was changed. */
  readonly maySaySame: boolean;
}

/** By pushes only: a service isn't believed to have another bundle where it gives the same archive again. */
const archives: readonly Mutation[] = tricks.map(([kind, one, bytes]) => ({
  ...{ kind, to: pushed, codes: [one] },
  make: bytes,
}));

const told: readonly Mutation[] = [...forgeries, ...contents, ...deltas, ...archives];

/** Gives so many mutants: each told one in its turn, and half as many damages at random places. */
export async function* mutantsOf(goods: Goods, random: Random, count: number): AsyncGenerator<Mutant> {
  for (let n = 0; n < count; n++) {
    const one = n % 3 === 2 ? random.one(damages) : told[(n - Math.floor(n / 3)) % told.length];
    const { kind, codes, maySaySame = false, make, to: names } = one as Mutation;
    const to = random.one(names);
    const bytes = await make(goods[to], random, goods);
    yield { ...{ kind, to, bytes, codes, maySaySame } };
  }
}

/** So many hold each told one once. */
export const eachOnce = Math.ceil(told.length * 1.5);
