/** All that is live because it was allowed, so that it can be ended when it is allowed no more. */
import type {
  ActiveFence,
  Decision,
  FenceChange,
  FenceMatch,
  Handle,
  Refusal,
} from "../../sidecar/contract.js";
import { reachesBack, refuse } from "../../sidecar/contract.js";
import { createFenceBook, everything, wantedBy } from "./fence-book.js";

/** What operators count: a dry run of a fence says how many of each it would cut. */
export type LiveKind = "call" | "stream" | "session" | "websocket" | "tunnel" | "database" | "parked";

export interface Beginning {
  readonly kind: LiveKind;
  /** What is counted and ended by it: a route's name, `mcp/name`, `a2a/name`, `stores/name`. */
  readonly route?: string | undefined;
  /** Ends it, in its protocol's own words. */
  readonly cut: (refusal: Refusal) => void;
}

/** Something live. */
export interface Alive {
  /** What it turned out to be. */
  become(kind: LiveKind, route?: string): void;
  /**
   * Notes a decision that it goes on by, under what fences know it by; gives the fence that forbids that. Each decision's
   * handles stand for themselves: a fence cuts what fits one of them.
   */
  under(
    decision: Pick<Decision, "decision_id" | "subject">,
    handles: ReadonlySet<Handle>,
  ): ActiveFence | undefined;
  /** Forgets it. */
  release(): void;
}

/** Whose live things are meant; all that is given must fit. */
export interface Whose {
  readonly decisionId?: string;
  readonly subject?: { readonly id: string; readonly tenant: string; readonly type?: string };
  readonly route?: string;
}

export interface Live {
  begin(what: Beginning): Alive;
  /** Finds the fence that forbids what is known by these handles. */
  fencing(handles: ReadonlySet<Handle>): ActiveFence | undefined;
  /** Takes a change of fences and cuts what it forbids; gives how many that were. */
  apply(change: FenceChange): number;
  /** Counts what a fence would cut, by kinds. */
  census(match: FenceMatch, issuedBefore?: number): Record<string, number>;
  /** How many are on a route. */
  count(route: string): number;
  /** Ends those that are meant; gives how many they were. `{}` means all. */
  end(whose: Whose, refusal?: Refusal): number;
  /** Ends what is on a route, because the gateway stops: the rest comes to its end by itself. */
  close(): void;
  readonly size: number;
  /** How many handles and decisions are kept; 0 where nothing is live. */
  readonly handles: number;
}

interface Group {
  readonly thing: Thing;
  readonly decisionId: string;
  readonly subject: Decision["subject"];
  readonly handles: ReadonlySet<Handle>;
}

interface Thing {
  kind: LiveKind;
  route: string | undefined;
  readonly cut: Beginning["cut"];
  readonly groups: Group[];
  over: boolean;
}

/**
 * Groups that are looked through one by one: what is over soon, as most calls are, is never put into the index, which costs
 * more than all else here.
 */
const mostYoung = 2_048;

/**
 * Creates the register.
 * @param now epoch milliseconds; @param onFault told of a thing that couldn't be cut
 */
export function createLive({
  now,
  onFault,
}: {
  readonly now: () => number;
  readonly onFault: (error: unknown) => void;
}): Live {
  const book = createFenceBook(now);
  const things = new Set<Thing>();
  const byHandle = new Map<Handle, Set<Group>>();
  let young = new Set<Group>();
  const index = (): void => {
    for (const group of young) {
      for (const handle of group.handles) {
        const others = byHandle.get(handle);
        if (others === undefined) byHandle.set(handle, new Set([group]));
        else others.add(group);
      }
    }
    young = new Set();
  };
  const byRoute = new Map<string, number>();
  const countRoute = (route: string | undefined, by: number): void => {
    if (route === undefined) return;
    const count = (byRoute.get(route) ?? 0) + by;
    if (count > 0) byRoute.set(route, count);
    else byRoute.delete(route);
  };
  const release = (thing: Thing): void => {
    thing.over = true;
    if (!things.delete(thing)) return;
    countRoute(thing.route, -1);
    for (const group of thing.groups.splice(0)) {
      if (young.delete(group)) continue;
      for (const handle of group.handles) {
        const others = byHandle.get(handle);
        if (others?.delete(group) === true && others.size === 0) byHandle.delete(handle);
      }
    }
  };
  /** INVARIANT: what can't be cut keeps nothing else from being cut. */
  const cut = (thing: Thing, refusal: Refusal): void => {
    release(thing);
    try {
      thing.cut(refusal);
    } catch (error) {
      onFault(error);
    }
  };
  const fitting = ({ match, issued_before }: Pick<ActiveFence, "match" | "issued_before">): Set<Thing> => {
    const wanted = wantedBy(match);
    const named = wanted.filter((one) => one !== everything);
    // who is allowed nothing yet has nothing to lose
    const isReached = ({ handles }: Group): boolean => reachesBack(issued_before, handles);
    if (named.length === 0)
      return new Set(wanted.length === 0 ? [] : [...things].filter(({ groups }) => groups.some(isReached)));
    const none: ReadonlySet<Group> = new Set();
    const known = named.map((one) => byHandle.get(one) ?? none);
    const fewest = known.reduce((one, other) => (other.size < one.size ? other : one));
    const found = new Set<Thing>();
    for (const groups of [fewest, young])
      for (const group of groups)
        if (named.every((one) => group.handles.has(one)) && isReached(group)) found.add(group.thing);
    return found;
  };
  return {
    begin({ kind, route, cut: cutIt }) {
      const thing: Thing = { kind, route, cut: cutIt, groups: [], over: false };
      things.add(thing);
      countRoute(route, 1);
      return {
        become(as, at) {
          thing.kind = as;
          if (at === undefined || at === thing.route || thing.over) return;
          countRoute(thing.route, -1);
          countRoute(at, 1);
          thing.route = at;
        },
        under(decision, handles) {
          const fence = book.find(handles);
          if (fence !== undefined || thing.over) return fence;
          // what goes on by the same again and again is one
          if (thing.groups.some((one) => isSame(one.handles, handles))) return undefined;
          const { decision_id: decisionId, subject } = decision;
          const group: Group = { thing, decisionId, subject, handles };
          thing.groups.push(group);
          young.add(group);
          if (young.size > mostYoung) index();
          return undefined;
        },
        release() {
          release(thing);
        },
      };
    },
    fencing: (handles) => book.find(handles),
    apply(change) {
      let count = 0;
      for (const fence of book.take(change)) {
        for (const thing of fitting(fence)) {
          cut(thing, refuse("fenced"));
          count++;
        }
      }
      return count;
    },
    census(match, issuedBefore) {
      const asked = { match, ...(issuedBefore === undefined ? {} : { issued_before: issuedBefore }) };
      const counts: Record<string, number> = {};
      for (const { kind } of fitting(asked)) counts[kind] = (counts[kind] ?? 0) + 1;
      return counts;
    },
    count: (route) => byRoute.get(route) ?? 0,
    end(whose, refusal = refuse("fenced")) {
      const meant = [...things].filter(
        ({ groups, route }) =>
          (whose.route === undefined || whose.route === route) &&
          groups.some((group) => isMeant(group, whose)),
      );
      for (const thing of meant) cut(thing, refusal);
      return meant.length;
    },
    close() {
      for (const thing of things) if (thing.route !== undefined) cut(thing, refuse("gateway_stopping"));
    },
    get size() {
      return things.size;
    },
    get handles() {
      return byHandle.size + young.size;
    },
  };
}

function isSame(one: ReadonlySet<Handle>, other: ReadonlySet<Handle>): boolean {
  if (one.size !== other.size) return false;
  for (const handle of one) if (!other.has(handle)) return false;
  return true;
}

function isMeant({ decisionId, subject: own }: Group, { decisionId: wanted, subject }: Whose): boolean {
  if (wanted !== undefined && wanted !== decisionId) return false;
  if (subject === undefined) return true;
  return (
    own?.id === subject.id &&
    own.tenant === subject.tenant &&
    (subject.type === undefined || own.type === subject.type)
  );
}
