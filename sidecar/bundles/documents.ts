import type { Json } from "../contract.js";
import { isObject } from "../contract.js";
import type { Patch } from "../decide/engine/engine.js";
import type { ChangeRefused, Operation } from "./change-json.js";
import { changeJson, indexIn, invalidPatch, notFound } from "./change-json.js";
import type { Branch, Node } from "./document-tree.js";
import {
  isArray,
  membersOf,
  memberSize,
  nodeOf,
  OpenArray,
  openArray,
  parseStored,
  textOf,
} from "./document-tree.js";

export interface Changed {
  readonly kind: "changed";
  /**
   * The smallest set of patches that bring a copy of the documents up to date. Paths are disjoint, save that a large
   * value's is removed first.
   */
  readonly patches: readonly Patch[];
  /** Takes the change back. */
  undo(): void;
}

/** Base documents that were written through the API. The one copy outside of the policies' memory. */
export interface Documents {
  /** JSON text of what lies at a path. */
  text(path: readonly string[]): string | undefined;
  kind(path: readonly string[]): "object" | "array" | "scalar" | undefined;
  /**
   * Carries out operations in order, all or none. `isObjectElsewhere` tells that a bundle's data make a path an object
   * though nothing was written there.
   */
  change(
    operations: readonly Operation[],
    isObjectElsewhere: (path: readonly string[]) => boolean,
  ): Changed | ChangeRefused;
  /** What lays the documents over a policy's own data, which lie under `roots`. */
  patchesFor(roots: readonly string[]): readonly Patch[];
  /** Bytes, roughly. */
  bytes(): number;
}

/** A larger value (characters) comes after the one in its place was removed. */
const removeFirstFrom = 65_536;

interface Touched {
  readonly path: readonly string[];
  /** Whether something was there before the first operation. */
  readonly existed: boolean;
}

/** Creates the store of documents that are written through the API, empty. */
export function createDocuments(): Documents {
  let root: Branch = new Map();
  let bytes = 0;

  const find = (path: readonly string[]): Node | undefined => {
    let at: Node = root;
    for (const [i, key] of path.entries()) {
      if (!(at instanceof Map)) {
        const value = valueAt(parseStored(textOf(at)), path, i);
        return value === undefined ? undefined : nodeOf(value);
      }
      const next: Node | undefined = at.get(key);
      if (next === undefined) return undefined;
      at = next;
    }
    return at;
  };

  return {
    text(path) {
      const node = find(path);
      return node === undefined ? undefined : textOf(node);
    },
    kind(path) {
      const node = find(path);
      if (node === undefined) return undefined;
      if (isArray(node)) return "array";
      return node instanceof Map || (typeof node === "string" && node.startsWith("{")) ? "object" : "scalar";
    },
    change(operations, isObjectElsewhere) {
      const undos: (() => void)[] = [];
      const touched = new Map<string, Touched>();
      const before = { root, bytes };
      const put = (parent: Branch, key: string, node: Node | undefined): void => {
        const old = parent.get(key);
        bytes += memberSize(key, node) - memberSize(key, old);
        undos.push(() => {
          if (old === undefined) parent.delete(key);
          else parent.set(key, old);
        });
        if (node === undefined) parent.delete(key);
        else parent.set(key, node);
      };
      const touch = (path: readonly string[], existed: boolean): void => {
        const id = JSON.stringify(path);
        if (!touched.has(id)) touched.set(id, { path, existed });
      };
      const undo = (): void => {
        for (const step of undos.reverse()) step();
        ({ root, bytes } = before);
      };

      const one = (operation: Operation): ChangeRefused | undefined => {
        const { path } = operation;
        if (path.length === 0) {
          if (operation.op === "remove") return invalidPatch("root cannot be removed");
          if (!isObject(operation.value)) return invalidPatch("root must be object");
          touch([], true);
          root = membersOf(nodeOf(operation.value)) ?? new Map();
          bytes = 0;
          for (const [key, node] of root) bytes += memberSize(key, node);
          return undefined;
        }
        let at = root;
        for (const [i, key] of path.slice(0, -1).entries()) {
          const place = path.slice(0, i + 1);
          let next = at.get(key);
          if (next === undefined) {
            if (!isObjectElsewhere(place)) return notFound();
            put(at, key, (next = new Map()));
          }
          if (isArray(next)) {
            const open = openArray(next);
            if (open !== next) put(at, key, open);
            touch(place, true);
            return changeJson(open.items, operation, i + 1);
          }
          const members = membersOf(next);
          if (members === undefined) return notFound();
          if (members !== next) put(at, key, members);
          at = members;
        }
        const key = path.at(-1) ?? "";
        const old = at.get(key);
        if (operation.op !== "add" && old === undefined) return notFound();
        touch(path, old !== undefined);
        put(at, key, operation.op === "remove" ? undefined : nodeOf(operation.value));
        return undefined;
      };

      for (const operation of operations) {
        const refused = one(operation);
        if (refused !== undefined) {
          undo();
          return refused;
        }
      }
      for (const { path } of touched.values()) {
        const node = nodeAt(root, path);
        if (!(node instanceof OpenArray)) continue;
        put(nodeAt(root, path.slice(0, -1)) as Branch, path.at(-1) ?? "", textOf(node));
      }
      const patches: Patch[] = [];
      for (const { path, existed } of disjoint([...touched.values()])) {
        const node = nodeAt(root, path);
        const value = node === undefined ? undefined : textOf(node);
        // the old one's memory is free for the new one then
        if (existed && (value === undefined || value.length > removeFirstFrom))
          patches.push({ path, value: undefined });
        if (value !== undefined) patches.push({ path, value });
      }
      return {
        kind: "changed",
        patches,
        undo,
      };
    },
    patchesFor(roots) {
      const own = roots.map((path) => (path === "" ? [] : path.split("/")));
      const patches: Patch[] = [];
      const descend = (branch: Branch, path: readonly string[]): void => {
        for (const [key, node] of branch) {
          const place = [...path, key];
          const leadsToOwn = own.some(
            (one) => one.length > place.length && place.every((part, i) => part === one[i]),
          );
          const members = leadsToOwn ? membersOf(node) : undefined;
          if (members === undefined) patches.push({ path: place, value: textOf(node) });
          else descend(members, place);
        }
      };
      descend(root, []);
      return patches;
    },
    bytes: () => bytes,
  };
}

function nodeAt(root: Branch, path: readonly string[]): Node | undefined {
  let at: Node | undefined = root;
  for (const key of path) at = at instanceof Map ? at.get(key) : undefined;
  return at;
}

function valueAt(value: Json, path: readonly string[], from: number): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path.slice(from)) {
    if (Array.isArray(at)) {
      const index = indexIn(at, key, path);
      at = typeof index === "number" ? at[index] : undefined;
    } else at = isObject(at) ? at[key] : undefined;
  }
  return at;
}

/** Leaves out what lies under another one. */
function disjoint(touched: readonly Touched[]): Touched[] {
  const ids = new Set(touched.map(({ path }) => JSON.stringify(path)));
  return touched.filter(({ path }) => path.every((_key, i) => !ids.has(JSON.stringify(path.slice(0, i)))));
}
