/** Damage at random places of an archive, packed and not. */
import { cutInside, damaged, flip, flipHeader, inside, tricked } from "./archives.js";
import type { Mutation } from "./mutation.js";
import { all, pushed, signature } from "./mutation.js";

/** Bytes that a service's answer must begin with: without them it is no bundle that came. */
const magic = 3;

export const damages: readonly Mutation[] = [
  {
    ...{ kind: "bits of the archive", to: all, codes: damaged, maySaySame: true },
    make: ({ bytes }, random) => flip(bytes, random, 1 + random.below(3), magic),
  },
  {
    ...{ kind: "bits of its head", to: pushed, codes: damaged, maySaySame: true },
    make: ({ bytes }, random) => Buffer.concat([flip(bytes.subarray(0, 12), random), bytes.subarray(12)]),
  },
  {
    ...{ kind: "bits inside", to: all, codes: [...tricked, ...signature], maySaySame: true },
    make: ({ bytes }, random) => inside(bytes, (tar) => flip(tar, random, 1 + random.below(2))),
  },
  {
    ...{ kind: "bits of a header", to: all, codes: [...tricked, ...signature], maySaySame: true },
    make: ({ bytes }, random) => flipHeader(bytes, random),
  },
  {
    ...{ kind: "an end too soon", to: all, codes: ["bundle_truncated", "bundle_archive"] },
    make: ({ bytes }, random) => bytes.subarray(0, magic + random.below(bytes.byteLength - magic - 1)),
  },
  {
    ...{ kind: "an end too soon inside", to: all, codes: ["bundle_truncated"] },
    make: ({ bytes }, random) => cutInside(bytes, random),
  },
  {
    ...{ kind: "bytes behind the end", to: all, codes: ["bundle_trailing"] },
    make: ({ bytes }, random) => Buffer.concat([bytes, flip(Buffer.alloc(1 + random.below(40)), random)]),
  },
  {
    ...{ kind: "bytes that are others", to: all, codes: damaged },
    make: ({ bytes }, random) => {
      const from = 10 + random.below(bytes.byteLength - 60);
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(40))]);
    },
  },
];
