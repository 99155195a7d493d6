/** Keeps a replica's fences and Redis the same. */
import type { Link, LinkParts } from "../replicate/link.js";
import { createLink } from "../replicate/link.js";
import type { Fence } from "./fences.js";
import type { FenceRecords } from "./records.js";
import { isNewer, isOver } from "./records.js";
import type { FenceSeal } from "./seal.js";
import { longestRecord } from "./seal.js";

export type FenceLink = Link<Fence>;

export type FenceLinkParts = Omit<LinkParts<Fence>, "prefix" | "seal" | "records" | "isFirst"> & {
  readonly seal: FenceSeal;
  readonly records: FenceRecords;
};

export function createFenceLink({ seal, records, ...parts }: FenceLinkParts): FenceLink {
  return createLink({
    ...parts,
    prefix: `cs:{fences-${seal.name}}:`,
    seal: { close: seal.close, open: seal.open, longest: longestRecord },
    records: { all: records.all, take: records.take, isNewer, isOver },
    isFirst: ({ version }) => version === 1,
  });
}
