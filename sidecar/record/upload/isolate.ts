/** Finds the events that a service refuses among others that it takes. */
import type { Block } from "./block.js";

export interface IsolateParts {
  readonly send: (blocks: readonly Block[]) => Promise<"taken" | "refused">;
  readonly split: (block: Block) => Promise<(readonly Block[])[]>;
}

/** Requests that may be refused before one is taken: who refuses everything isn't asked for each event. */
const mostRefused = 64;

/**
 * Sends blocks by halves, the larger parts first, down to single events. Gives those that are refused alone.
 *
 * INVARIANT: undefined where nothing was taken: then it isn't the events that are wrong, and none is given up.
 */
export async function isolate(
  blocks: readonly Block[],
  { send, split }: IsolateParts,
): Promise<readonly Block[] | undefined> {
  const groups: (readonly Block[])[] = blocks.map((block) => [block]);
  const refused: Block[] = [];
  let taken = false;
  let refusals = 0;
  for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
    if ((await send(group)) === "taken") {
      taken = true;
      continue;
    }
    if (++refusals >= mostRefused && !taken) return undefined;
    const [only] = group;
    const half = group.length >> 1;
    if (half > 0) groups.push(group.slice(0, half), group.slice(half));
    else if (only !== undefined && only.events > 1) groups.push(...(await split(only)));
    else refused.push(...group);
  }
  return taken ? refused : undefined;
}
