/** Keeps bundles on disk in OPA's layout, to start from where their source is away. */
import { createHash } from "node:crypto";
import { readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { isObject, parseJson } from "../../contract.js";
import type { Rejected } from "../../rego/bundle.js";
import { naming, openFolder, readWhole, setAside, sweep, syncFolder, writeWhole } from "./whole.js";

/** `bundles/<name>/bundle.tar.gz` in the persistence directory, and the changes that came after it. */
export interface Keep {
  /** Makes the folder, or looks at the one that is there. @throws Error where others may write it */
  open(): Promise<void>;
  /** The folder of one bundle. */
  folderOf(name: string): string;
  /** Never rejects. */
  read(name: string): Promise<KeptBundle | { readonly kind: "none" } | Rejected>;
  /** Takes the place of what was kept. On disk when it answers. @throws Error of the file system */
  snapshot(name: string, bytes: Uint8Array): Promise<Undoable>;
  /** Adds changes to the snapshot. On disk when it answers. @throws Error of the file system */
  delta(name: string, bytes: Uint8Array): Promise<Undoable>;
  /** Remembers by which ETag a place knows what was kept last. Never rejects: it spares a download, and no more. */
  told(name: string, bytes: Uint8Array, told: KeptEtag): Promise<void>;
}

/** What was written, and may still be taken back; one of both is called. */
export interface Undoable {
  /** It didn't come into force: what was kept before is there again. @throws Error of the file system */
  undo(): Promise<void>;
  /** It did: what was kept before goes. Never rejects. */
  done(): Promise<void>;
}

export interface KeptEtag {
  readonly etag: string;
  /** Names the service and the resource: the ETag says nothing to another. */
  readonly place: string;
}

export interface KeptBundle {
  readonly kind: "kept";
  readonly bytes: Uint8Array;
  /** In the order in which they came. */
  readonly deltas: readonly Uint8Array[];
  readonly told?: KeptEtag;
}

export const snapshotFile = "bundle.tar.gz";
const etagFile = "etag.json";
/** More than any bundle may have, so that the limit of its own is what refuses it. */
const mostBytes = 2 ** 30;
const mostDeltas = 999;
const mostOfEtag = 16 * 1024;
const etagPattern = /^[\x20-\x7e]{1,1024}$/;

export function createKeep(directory: string): Keep {
  const root = join(directory, "bundles");
  const folderOf = (name: string): string => join(root, ...name.split("/").map(segmentOf));
  /** Names the snapshot that changes were made to, so that those of another one are never added to it. */
  const snapshots = new Map<string, string>();
  const deltasOf = async (name: string, snapshot: string): Promise<string[]> =>
    (await readdir(folderOf(name)))
      .filter((file) => file.startsWith("delta-") && file.includes(snapshot))
      .sort();
  return {
    async open() {
      for (const folder of [directory, root]) await naming(folder, () => openFolder(folder));
    },
    folderOf,
    async read(name) {
      const folder = folderOf(name);
      try {
        const bytes = await readWhole(folder, snapshotFile, mostBytes);
        if (bytes === undefined) return { kind: "none" };
        await sweep(folder);
        const snapshot = nameOf(bytes);
        snapshots.set(name, snapshot);
        const deltas: Uint8Array[] = [];
        for (const file of await deltasOf(name, snapshot)) {
          const delta = await readWhole(folder, file, mostBytes);
          if (file !== deltaFile(deltas.length + 1, snapshot) || delta === undefined)
            throw new Error("changes are missing");
          deltas.push(delta);
        }
        const told = await readTold(folder, nameOf(deltas.at(-1) ?? bytes));
        return { kind: "kept", bytes, deltas, ...(told === undefined ? {} : { told }) };
      } catch (error) {
        const reason = error instanceof Error ? error.message : "fault";
        const message = `what is kept of ${name} in the persistence directory can't be used: ${reason}`;
        return { kind: "rejected", errors: [{ code: "keep_damaged", message }] };
      }
    },
    async snapshot(name, bytes) {
      const folder = folderOf(name);
      const [snapshot, before] = [nameOf(bytes), snapshots.get(name)];
      const aside = await setAside(folder, snapshotFile);
      const takeAway = async (file: string | undefined): Promise<void> => {
        if (file !== undefined) await unlink(file).catch(() => undefined);
      };
      try {
        await writeWhole(folder, snapshotFile, bytes);
      } catch (error) {
        await takeAway(aside);
        throw error;
      }
      snapshots.set(name, snapshot);
      return {
        async undo() {
          const file = join(folder, snapshotFile);
          await (aside === undefined ? unlink(file) : rename(aside, file));
          if (before === undefined) snapshots.delete(name);
          else snapshots.set(name, before);
          await syncFolder(folder);
        },
        async done() {
          const files = await readdir(folder).catch(() => []);
          const old = files.filter((file) => file.startsWith("delta-") && !file.includes(snapshot));
          await Promise.all([aside, ...old.map((file) => join(folder, file))].map(takeAway));
        },
      };
    },
    async delta(name, bytes) {
      const snapshot = snapshots.get(name);
      if (snapshot === undefined) throw new Error("there is no snapshot");
      const count = (await deltasOf(name, snapshot)).length;
      if (count >= mostDeltas) throw new Error("there are too many changes: give a snapshot");
      const [folder, file] = [folderOf(name), deltaFile(count + 1, snapshot)];
      await writeWhole(folder, file, bytes);
      return {
        async undo() {
          await unlink(join(folder, file));
          await syncFolder(folder);
        },
        done: () => Promise.resolve(),
      };
    },
    async told(name, bytes, { etag, place }) {
      const text = JSON.stringify({ of: nameOf(bytes), etag, place });
      await writeWhole(folderOf(name), etagFile, Buffer.from(text)).catch(() => undefined);
    },
  };
}

/** INVARIANT: an ETag counts for the very bytes that are there; otherwise all is asked for again. */
async function readTold(folder: string, of: string): Promise<KeptEtag | undefined> {
  try {
    const bytes = await readWhole(folder, etagFile, mostOfEtag);
    const value = bytes === undefined ? undefined : parseJson(bytes);
    if (!isObject(value) || value["of"] !== of) return undefined;
    const { etag, place } = value;
    return typeof etag === "string" && etagPattern.test(etag) && typeof place === "string"
      ? { etag, place }
      : undefined;
  } catch {
    return undefined;
  }
}

function nameOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}

function deltaFile(count: number, snapshot: string): string {
  return `delta-${String(count).padStart(3, "0")}-${snapshot}.tar.gz`;
}

/** INVARIANT: no bundle's name leads out of the folder, nor to another bundle's files. */
function segmentOf(segment: string): string {
  return /^[A-Za-z0-9_][\w.-]*$/.test(segment) && segment !== snapshotFile
    ? segment
    : `%${Buffer.from(segment).toString("hex")}`;
}
