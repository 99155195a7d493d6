/** Who was called what first, over all servers: what looks like a name that is known already is not offered. */
import { LRUCache } from "lru-cache";
import { atMost } from "../../../at-most.js";
import { keyOf } from "../approvals/approvals.js";
import { skeleton } from "./name.js";

export interface Claims {
  /** Notes that a server has a tool of this name; the first time counts. */
  claim(server: string, name: string): void;
  /**
   * Gives the tool, as `server/tool`, that a tool looks like and that goes before it: an approved one before one that isn't,
   * else the one known earlier. Two of exactly one name, at two servers, are told apart by the servers' names.
   * @param isApproved tells whether any definition of a tool is approved
   */
  before(
    server: string,
    name: string,
    isApproved: (server: string, name: string) => boolean,
  ): string | undefined;
  /** Whether another server than this one has a tool of this name, and this one hasn't. */
  isForeign(server: string, name: string): boolean;
  /** Whether this server has a tool of this name. */
  has(server: string, name: string): boolean;
  /** Grows whenever a name comes up that was unknown. */
  readonly version: number;
}

interface Claim {
  readonly server: string;
  readonly name: string;
  readonly order: number;
}

const most = 20_000;
/** Of one skeleton; a server that fills it up keeps its own tools out. */
const mostAlike = 64;

export function createClaims(): Claims {
  const alike = new LRUCache<string, Map<string, Claim>>(atMost(2 * most));
  const keys = new LRUCache<string, readonly [string, string]>(atMost(most));
  const owners = new LRUCache<string, Set<string>>(atMost(most));
  let version = 0;
  const keysOf = (server: string, name: string): readonly [string, string] => {
    const id = keyOf(server, name);
    const known = keys.get(id) ?? makeKeys(server, name);
    keys.set(id, known);
    return known;
  };
  const add = (key: string, claim: Claim): boolean => {
    const known = alike.get(key) ?? new Map<string, Claim>();
    alike.set(key, known);
    const id = keyOf(claim.server, claim.name);
    if (known.has(id) || known.size >= mostAlike) return false;
    known.set(id, claim);
    return true;
  };
  return {
    claim(server, name) {
      const claim = { server, name, order: version + 1 };
      const added = keysOf(server, name).map((key) => add(key, claim));
      if (!added.includes(true)) return;
      version++;
      const known = owners.get(name) ?? new Set<string>();
      known.add(server);
      owners.set(name, known);
    },
    before(server, name, isApproved) {
      const id = keyOf(server, name);
      for (const key of keysOf(server, name)) {
        const known = alike.get(key);
        const own = known?.get(id);
        for (const other of known?.values() ?? []) {
          if (other.name === name) continue;
          const rank = Number(isApproved(other.server, other.name)) - Number(isApproved(server, name));
          // one that isn't noted, for there are too many, goes after all
          if (rank > 0 || (rank === 0 && other.order < (own?.order ?? Infinity)))
            return keyOf(other.server, other.name);
        }
      }
      return undefined;
    },
    has: (server, name) => owners.get(name)?.has(server) === true,
    isForeign(server, name) {
      const known = owners.get(name);
      return known !== undefined && !known.has(server);
    },
    get version() {
      return version;
    },
  };
}

/** Between servers, and within one, where what stands between words makes no difference either. */
function makeKeys(server: string, name: string): [string, string] {
  const bones = skeleton(name);
  return [`*/${bones}`, `${server}/${bones.replace(/[_./-]/g, "")}`];
}
