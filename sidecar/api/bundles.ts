/** The control plane's routes of pushed bundles: push, look, get, roll back, ask again. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BundleConfig } from "../bundles/config.js";
import type { BundleStatus } from "../bundles/status.js";
import type { Follow } from "../bundles/push/follow.js";
import type { Push, PushFacts, PushOutcome } from "../bundles/push/push.js";
import type { Refusal } from "../contract.js";
import { Fields, Problems, refuse } from "../contract.js";
import type { OperatorAction } from "../operator/operator.js";
import type { BundleEntry } from "../record/bundle.js";
import type { PushedBundles, PushedEntry } from "../state/bundles/pushed.js";
import { shownBundle, shownHere } from "./bundles-shown.js";
import { readBody, sendJson, sendRefusal } from "./http.js";
import type { Asking, OperatingParts, OperatorDoor, RefusedOperator } from "./operating.js";
import {
  createOperatorDoor,
  readJsonBody,
  readReason,
  recordOf,
  refusedFields,
  refusedTo,
  sendReasons,
} from "./operating.js";
import { readPushQuery, readTo } from "./read-push.js";

export interface BundlesDoorParts extends OperatingParts {
  /** Of configured bundles. */
  readonly names: () => readonly string[];
  readonly configOf: (name: string) => BundleConfig | undefined;
  /** Asks a bundle's source at once; undefined where it has none. */
  readonly refresh: (name: string) => Promise<{ readonly kind: string } | undefined>;
  readonly push: Push;
  readonly follow: Pick<Follow, "refresh" | "inForce">;
  readonly pushed: Pick<PushedBundles, "record" | "content" | "status" | "sync">;
  readonly status: () => readonly BundleStatus[];
  /** Records what was asked; in strict mode it rejects where that can't be. */
  readonly record: (entry: BundleEntry) => void | Promise<void>;
}

const path = "/v1/bundles";
/** Bytes of the largest body of JSON. */
const largest = 16_384;
/** Bytes of the largest archive, whatever the configuration says: it is held in memory. */
const largestArchive = 128 * 2 ** 20;
/** Pushes that are read or prepared at once. */
const mostPushes = 4;
const archives = /^application\/(?:gzip|x-gzip|octet-stream|x-tar|vnd\.openpolicyagent\.bundles)\s*(?:;|$)/i;

type Entry = Pick<BundleEntry, "action" | "result"> & Partial<BundleEntry>;

/** Creates the door. INVARIANT: nothing is done or told for whom the operator policy doesn't allow it. */
export function createBundlesDoor(parts: BundlesDoorParts): OperatorDoor {
  const { configOf, push, follow, pushed, fences, record } = parts;
  let pushes = 0;

  const tell = async ({ operator }: Asking, entry: Entry): Promise<boolean> => {
    try {
      await record({ ...entry, ...recordOf(operator) });
      return true;
    } catch {
      return false;
    }
  };
  const headOf = (name: string): PushedEntry | undefined => pushed.record(name)?.entries[0];

  /** Asks the operator policy about a bundle. */
  const refusal = (
    asking: Asking,
    action: OperatorAction,
    name: string,
    facts: Partial<PushFacts> & { readonly generation?: number } = {},
  ): Promise<RefusedOperator | undefined> => {
    const by = headOf(name)?.by;
    return refusedTo(asking, fences, action, {
      bundle: { name, ...facts, ...(by === undefined ? {} : { by }) },
    });
  };
  const isOpen = (name: string): boolean => configOf(name)?.from.kind === "push";
  /** Refuses whom the operator policy doesn't allow it, then what isn't there; gives whether it did. */
  const isRefused = async (
    res: ServerResponse,
    asking: Asking,
    actions: readonly OperatorAction[],
    name: string,
    entry: Pick<BundleEntry, "action"> & Partial<BundleEntry>,
    isThere: (name: string) => boolean = isOpen,
  ): Promise<boolean> => {
    for (const action of actions) {
      const refused = await refusal(asking, action, name);
      if (refused === undefined) continue;
      await tell(asking, { ...entry, bundle: name, ...recordOf(asking.operator, refused) });
      sendReasons(res, refused);
      return true;
    }
    if (isThere(name)) return false;
    sendRefusal(res, refuse("unknown_bundle"));
    return true;
  };

  /**
   * Asks once more, with all that is known of a bundle that was verified, and records that it is about to be changed.
   * INVARIANT: what can't be recorded isn't pushed.
   */
  const allow =
    (asking: Asking, actions: readonly OperatorAction[], name: string, entry: Omit<Entry, "result">) =>
    async (facts: PushFacts): Promise<RefusedOperator | undefined> => {
      for (const action of actions) {
        const refused = await refusal(asking, action, name, facts);
        if (refused !== undefined) return refused;
      }
      const { roots: _roots, ...known } = facts;
      const told = await tell(asking, { ...entry, bundle: name, ...known, result: "attempted" });
      return told ? undefined : refuse("record_failed");
    };

  const answer = async (
    res: ServerResponse,
    asking: Asking,
    name: string,
    outcome: PushOutcome<RefusedOperator>,
    entry: Omit<Entry, "result">,
  ): Promise<void> => {
    const about = { ...entry, bundle: name };
    if (outcome.kind === "refused") {
      await tell(asking, { ...about, ...recordOf(asking.operator, outcome.refused) });
      return sendReasons(res, outcome.refused);
    }
    if (outcome.kind === "pushed" || outcome.kind === "unchanged") {
      const { entry: pushedEntry, here, kind } = outcome;
      const { generation, digest, revision, version } = pushedEntry;
      await tell(asking, {
        ...{ ...about, result: kind === "pushed" ? "done" : "unchanged", generation, digest, revision },
        ...(version === undefined ? {} : { version }),
      });
      const body = {
        bundle: shownBundle(name, pushedEntry),
        ...{ unchanged: kind === "unchanged" ? true : undefined, kept: pushed.status().kept },
        not_in_force_here: here === undefined ? undefined : { code: here.code, message: here.message },
      };
      return sendJson(res, kind === "pushed" ? 201 : 200, JSON.stringify(body));
    }
    const [refused, more] = refusedOutcome(name, outcome);
    const why = outcome.kind === "rejected" ? { bundle_code: outcome.code } : {};
    await tell(asking, { ...about, result: "failed", code: refused.code, ...why });
    const { code, message, fix, status } = refused;
    sendJson(res, status, JSON.stringify({ code, message, fix, ...more }));
  };

  const put = async (
    req: IncomingMessage,
    res: ServerResponse,
    asking: Asking,
    name: string,
  ): Promise<void> => {
    // whoever comes first from here on wins
    const expected = headOf(name)?.generation ?? 0;
    const asked = readPushQuery(req);
    if (asked.kind === "refusal") return sendRefusal(res, asked);
    const { reason, ifMatch, override } = asked;
    const entry = { action: "push", ...(reason === undefined ? {} : { reason }), override } as const;
    const actions: OperatorAction[] = ["bundle.push", ...(override ? (["bundle.override"] as const) : [])];
    if (await isRefused(res, asking, actions, name, entry)) return;
    const type = req.headers["content-type"];
    if (type !== undefined && !archives.test(type))
      return sendRefusal(res, refuse("unsupported_media_type", "an archive is application/gzip"));
    if (pushes >= mostPushes) return sendRefusal(res, refuse("push_busy"));
    pushes++;
    try {
      const limit = Math.min(configOf(name)?.sizeLimitBytes ?? 0, largestArchive);
      const bytes = await readBody(req, limit, { anyType: true });
      if ("kind" in bytes) return sendRefusal(res, bytes);
      const outcome = await push.push({
        ...{ name, bytes, expected, override, by: asking.operator.person },
        ...(reason === undefined ? {} : { reason }),
        ...(ifMatch === undefined ? {} : { ifMatch }),
        allow: allow(asking, actions, name, entry),
      });
      await answer(res, asking, name, outcome, entry);
    } finally {
      pushes--;
    }
  };

  const rollback = async (
    req: IncomingMessage,
    res: ServerResponse,
    asking: Asking,
    name: string,
  ): Promise<void> => {
    const body = await readJsonBody(req, largest);
    if (body.kind === "refusal") return sendRefusal(res, body);
    const problems = new Problems();
    const fields = new Fields(body.value, "", problems);
    const to = readTo(fields, problems);
    const reason = readReason(fields, problems);
    fields.end();
    const wrong = refusedFields(problems);
    if (wrong !== undefined) return sendRefusal(res, wrong);
    const entry = { action: "rollback", reason } as const;
    if (await isRefused(res, asking, ["bundle.rollback"], name, entry)) return;
    const [head, ...older] = pushed.record(name)?.entries ?? [];
    const found = older.find((one) =>
      to === undefined ? one.digest !== head?.digest : one.generation === to || one.revision === to,
    );
    if (head === undefined || found === undefined) return sendRefusal(res, refuse("unknown_generation"));
    const about = { ...entry, of: found.generation };
    const outcome = await push.rollback({
      ...{ name, entry: found, expected: head.generation, reason, by: asking.operator.person },
      allow: allow(asking, ["bundle.rollback"], name, about),
    });
    await answer(res, asking, name, outcome, about);
  };

  const refresh = async (res: ServerResponse, asking: Asking, name: string): Promise<void> => {
    const isKnown = (one: string): boolean => configOf(one) !== undefined;
    if (await isRefused(res, asking, ["bundle.refresh"], name, { action: "refresh" }, isKnown)) return;
    if (isOpen(name)) {
      await pushed.sync();
      await follow.refresh(name);
    } else await parts.refresh(name);
    await tell(asking, { action: "refresh", result: "done", bundle: name });
    sendJson(res, 200, JSON.stringify({ name, here: hereOf(name) }));
  };

  const hereOf = (name: string): unknown =>
    shownHere(
      parts.status().find((one) => one.name === name),
      follow.inForce(name),
    );

  const list = async (res: ServerResponse, asking: Asking): Promise<void> => {
    const names = parts.names();
    const visible: string[] = [];
    let refused: RefusedOperator | undefined;
    for (const name of names.length === 0 ? ["*"] : names) {
      const why = await refusal(asking, "bundle.list", name);
      if (why === undefined) visible.push(name);
      else refused = why;
    }
    if (visible.length === 0 && refused !== undefined) {
      await tell(asking, { action: "list", ...recordOf(asking.operator, refused) });
      return sendReasons(res, refused);
    }
    await tell(asking, { action: "list", result: "done" });
    const bundles = visible
      .filter((name) => configOf(name) !== undefined)
      .map((name) => {
        const head = headOf(name);
        return { ...(head === undefined ? { name } : shownBundle(name, head)), here: hereOf(name) };
      });
    sendJson(res, 200, JSON.stringify({ bundles, status: pushed.status() }));
  };

  const history = async (res: ServerResponse, asking: Asking, name: string): Promise<void> => {
    if (await isRefused(res, asking, ["bundle.list"], name, { action: "list" })) return;
    await tell(asking, { action: "list", result: "done", bundle: name });
    const generations = (pushed.record(name)?.entries ?? []).map((entry) => shownBundle(name, entry));
    sendJson(res, 200, JSON.stringify({ name, generations, here: hereOf(name), status: pushed.status() }));
  };

  const get = async (
    res: ServerResponse,
    asking: Asking,
    name: string,
    generation: number,
  ): Promise<void> => {
    if (await isRefused(res, asking, ["bundle.read"], name, { action: "read", generation })) return;
    const entry = pushed.record(name)?.entries.find((one) => one.generation === generation);
    const bytes = entry === undefined ? undefined : await pushed.content(name, entry);
    if (entry === undefined || bytes === undefined) return sendRefusal(res, refuse("unknown_generation"));
    const told = await tell(asking, { action: "read", result: "done", bundle: name, generation });
    if (!told) return sendRefusal(res, refuse("record_failed"));
    res.writeHead(200, {
      ...{ "content-type": "application/gzip", "content-length": bytes.byteLength },
      etag: `"${entry.digest}"`,
    });
    res.end(bytes);
  };

  return createOperatorDoor(parts, (req, res) => {
    const [at = ""] = (req.url ?? "").split("?");
    if (at !== path && !at.startsWith(`${path}/`)) return undefined;
    const [name, what, ...more] = at === path ? [] : at.slice(path.length + 1).split("/");
    const { method } = req;
    return (asking) => {
      if (name !== undefined && (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(name) || more.length > 0))
        return sendRefusal(res, refuse("unknown_bundle"));
      if (name === undefined && method === "GET") return list(res, asking);
      if (name === undefined) return sendRefusal(res, refuse("method_not_allowed"));
      if (what === undefined && method === "PUT") return put(req, res, asking, name);
      if (what === undefined && method === "GET") return history(res, asking, name);
      if (what === "rollback" && method === "POST") return rollback(req, res, asking, name);
      if (what === "refresh" && method === "POST") return refresh(res, asking, name);
      if (what !== undefined && /^[1-9]\d{0,14}$/.test(what) && method === "GET")
        return get(res, asking, name, Number(what));
      return sendRefusal(res, refuse(what === undefined ? "method_not_allowed" : "unknown_generation"));
    };
  });
}

type Failed = Exclude<PushOutcome<RefusedOperator>, { readonly kind: "pushed" | "unchanged" | "refused" }>;

/** Gives the refusal, and what more is told: who won, or what is wrong with the bundle. */
function refusedOutcome(name: string, outcome: Failed): readonly [Refusal, object] {
  switch (outcome.kind) {
    case "conflict": {
      const { head } = outcome;
      return [refuse("bundle_conflict"), head === undefined ? {} : { bundle: shownBundle(name, head) }];
    }
    case "rejected": {
      const { code, message, errors } = outcome;
      // that says nothing of this one
      if (code === "bundle_busy") return [refuse("push_busy"), {}];
      return [refuse("bundle_rejected", message), { bundle_code: code, errors: errors.slice(0, 50) }];
    }
    case "not_carried":
      return [refuse("push_not_carried"), {}];
    case "no_content":
      return [refuse("unknown_generation"), {}];
  }
}
