/** The enforcement points of a sidecar: each is told of fences, and asked what a fence would cut. */
import type { FenceChange, FenceMatch, FencePoint } from "../contract.js";

export interface Points {
  /** Takes a point in; it is told at once of all fences in force. Gives what lets it go. */
  attach(point: FencePoint): () => void;
  /** Counts what all of them have live that a fence would cut, by kinds; who doesn't answer isn't counted. */
  count(match: FenceMatch, issuedBefore?: number): Promise<Record<string, number>>;
}

/** @param subscribe tells of fences: at once of all, then of each change; gives what ends that */
export function createPoints(subscribe: (listener: (change: FenceChange) => void) => () => void): Points {
  const points = new Set<FencePoint>();
  return {
    attach(point) {
      points.add(point);
      const leave = subscribe((change) => {
        point.change(change);
      });
      return () => {
        points.delete(point);
        leave();
      };
    },
    async count(match, issuedBefore) {
      const counts = await Promise.all(
        [...points].map((point) => point.count(match, issuedBefore).catch(() => ({}))),
      );
      const total = Object.create(null) as Record<string, number>;
      for (const one of counts)
        for (const [kind, count] of Object.entries(one)) total[kind] = (total[kind] ?? 0) + count;
      return total;
    },
  };
}
