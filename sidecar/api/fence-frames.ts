/** Tells one enforcement point of fences on its connection, and asks it what they would cut. */
import type { FenceMatch, FencePoint, FrameWriter, Json } from "../contract.js";
import { frameKinds, isObject } from "../contract.js";

export interface FenceFrames {
  /** Takes an answer of the point. */
  counted(id: number, value: Json): void;
  /** The connection is gone. */
  end(): void;
}

/** Fences in one frame; what is more comes in frames behind it. */
const mostInFrame = 1_000;
/** How often a point hears from a sidecar that has nothing to tell, milliseconds: one that hangs is told by its silence. */
const beatMs = 1_000;
/** For an answer, milliseconds. */
const countMs = 300;
const mostKinds = 64;

export function tellFences(attach: (point: FencePoint) => () => void, writer: FrameWriter): FenceFrames {
  let lastId = 0;
  const waiting = new Map<number, (counts: Record<string, number>) => void>();
  const say = (kind: string, fences: readonly unknown[]): void => {
    writer.add(frameKinds.fences, 0, JSON.stringify({ kind, fences }));
  };
  const leave = attach({
    change({ kind, fences }) {
      say(kind, fences.slice(0, mostInFrame));
      for (let at = mostInFrame; at < fences.length; at += mostInFrame)
        say(kind === "all" ? "added" : kind, fences.slice(at, at + mostInFrame));
    },
    count(match: FenceMatch, issuedBefore?: number) {
      return new Promise((resolve, reject) => {
        const id = ++lastId;
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Error("an enforcement point didn't count"));
        }, countMs);
        waiting.set(id, (counts) => {
          clearTimeout(timer);
          waiting.delete(id);
          resolve(counts);
        });
        writer.add(frameKinds.census, id, JSON.stringify({ match, issued_before: issuedBefore }));
      });
    },
  });
  const beat = setInterval(() => {
    say("added", []);
  }, beatMs).unref();
  return {
    counted(id, value) {
      const live = isObject(value) && isObject(value["live"]) ? value["live"] : {};
      const counts: Record<string, number> = {};
      for (const [kind, count] of Object.entries(live).slice(0, mostKinds))
        if (/^[a-z]{1,32}$/.test(kind) && typeof count === "number" && count >= 0) counts[kind] = count;
      waiting.get(id)?.(counts);
    },
    end() {
      clearInterval(beat);
      leave();
      for (const settle of [...waiting.values()]) settle({});
    },
  };
}
