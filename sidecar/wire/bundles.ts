/** Wires where bundles come from: what is kept of them, services, files, and what watches them. */
import { createHash } from "node:crypto";
import type { Activation } from "../bundles/activation.js";
import type { BundleConfig, BundlesConfig, ServiceConfig } from "../bundles/config.js";
import type { Keep } from "../bundles/keep/keep.js";
import { createHttpSource } from "../bundles/sources/http.js";
import { createOciSource } from "../bundles/sources/oci.js";
import type { Polled, Poller } from "../bundles/sources/poll.js";
import { createPoller } from "../bundles/sources/poll.js";
import { parseReference } from "../bundles/sources/reference.js";
import { explainS3 } from "../bundles/sources/s3.js";
import type { Source } from "../bundles/sources/source.js";
import type { Asked } from "../bundles/status.js";
import type { BundleStore } from "../bundles/store.js";
import { watchPath } from "../bundles/watch-path.js";
import type { Log } from "../record/log.js";
import { createSharedServices, type SharedService } from "./shared-services.js";

export interface FeedParts {
  readonly bundles: Pick<BundleStore, "arrive" | "asked" | "remove" | "forget">;
  /** Absent: nothing is kept on disk. */
  readonly keep?: Keep;
  readonly log: Log;
  /** Told that what is kept of a bundle can't be used, by a code. */
  readonly onDamaged?: (name: string, code: string) => void;
  /** Told what a service answered, by a word or a code. */
  readonly onAsked?: (name: string, result: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Where configured bundles come from. */
export interface Feeds {
  readonly names: () => readonly string[];
  readonly configOf: (name: string) => BundleConfig | undefined;
  readonly keys: () => BundlesConfig["keys"];
  /**
   * Takes what is configured now: what isn't named any more is in force no longer. Done once each bundle that is kept on disk
   * or lies at a path was tried; services are asked from then on. Never rejects for a bundle.
   */
  configure(config: BundlesConfig): Promise<void>;
  /** Asks for a bundle at once; undefined where it comes from no service and no path. */
  refresh(name: string): Promise<Polled | undefined>;
  close(): Promise<void>;
}

interface Feed {
  readonly config: BundleConfig;
  readonly service?: ServiceConfig;
  refresh(): Promise<Polled>;
  begin(): Promise<void>;
  close(): Promise<void>;
}

/** Between attempts to watch a path that isn't there, milliseconds. */
const watchAgainMs = 5_000;
const nothing: BundlesConfig = { services: new Map(), keys: new Map(), bundles: [] };

export function createFeeds(parts: FeedParts): Feeds {
  const { bundles, keep, log } = parts;
  let current = nothing;
  const feeds = new Map<string, Feed>();
  const services = createSharedServices();
  let closed = false;

  /** Gives the ETag of what came back into force, where it came from that place. */
  const recall = async (name: string, place?: string): Promise<string | undefined> => {
    const kept = await keep?.read(name);
    if (kept === undefined || kept.kind === "none") return undefined;
    if (kept.kind === "rejected") {
      const [first] = kept.errors;
      const code = first?.code ?? "keep_damaged";
      const reason = first?.message ?? "it can't be read";
      log.error("what is kept of a bundle can't be used", { bundle: name, code, reason });
      bundles.asked(name, { kind: "failed", code, message: reason });
      parts.onDamaged?.(name, code);
      return undefined;
    }
    const { bytes, deltas, told } = kept;
    const activation = await bundles.arrive({ name, origin: "persisted", content: { bytes, deltas } });
    return activation.kind === "activated" && told?.place === place ? told?.etag : undefined;
  };

  const feedOf = (config: BundleConfig, service: ServiceConfig | undefined): Feed => {
    const { name, from } = config;
    if (from.kind === "path") return pathFeed(config, from.path);
    if (service === undefined) return { ...pushFeed(config), begin: () => recallIf(config) };
    const client = services.take(service);
    const place = placeOf(config, service);
    const poller = pollerOf(config, sourceOf(config, client), place, parts);
    return {
      config,
      service,
      refresh: poller.refresh,
      async begin() {
        const etag = config.persist ? await recall(name, place) : undefined;
        if (etag !== undefined) poller.know(etag);
        if (feeds.get(name)?.config === config) poller.start();
      },
      async close() {
        await poller.close();
        client.release();
      },
    };
  };
  const recallIf = async ({ name, persist }: BundleConfig): Promise<void> => {
    if (persist) await recall(name);
  };

  const pathFeed = (config: BundleConfig, path: string): Feed => {
    const { name } = config;
    const bring = async (): Promise<Activation> => {
      bundles.asked(name, { kind: "asked" });
      return bundles.arrive({ name, origin: "path", content: { path } });
    };
    let watcher: { close(): void } | undefined;
    let timer: NodeJS.Timeout | undefined;
    let ended = false;
    const watch = (): void => {
      if (ended) return;
      try {
        watcher = watchPath(path, () => void bring());
      } catch {
        timer = setTimeout(() => void bring().then(watch), watchAgainMs);
        timer.unref();
      }
    };
    return {
      config,
      refresh: async () => polledOf(await bring()),
      async begin() {
        await bring();
        if (config.trigger === "periodic") watch();
      },
      close() {
        ended = true;
        clearTimeout(timer);
        watcher?.close();
        return Promise.resolve();
      },
    };
  };

  const replace = async (config: BundleConfig, service: ServiceConfig | undefined): Promise<void> => {
    const before = feeds.get(config.name);
    const isSame =
      before !== undefined &&
      JSON.stringify([before.config, before.service]) === JSON.stringify([config, service]);
    if (isSame) return;
    // what was verified by other rules is looked at again, though it didn't change
    if (before !== undefined) bundles.forget(config.name);
    const feed = feedOf(config, service);
    feeds.set(config.name, feed);
    await before?.close();
    await feed.begin();
  };

  return {
    names: () => [...feeds.keys()],
    configOf: (name) => feeds.get(name)?.config,
    keys: () => current.keys,
    async configure(config) {
      if (closed) return;
      const areKeysSame = JSON.stringify([...config.keys]) === JSON.stringify([...current.keys]);
      current = config;
      const named = new Set(config.bundles.map(({ name }) => name));
      for (const [name, feed] of feeds) {
        if (!areKeysSame) bundles.forget(name);
        if (named.has(name)) continue;
        feeds.delete(name);
        await feed.close();
        bundles.remove(name);
        log.warn("bundle taken out: it isn't configured any more", { bundle: name });
      }
      await Promise.all(
        config.bundles.map((bundle) => {
          const { from } = bundle;
          return replace(bundle, from.kind === "service" ? config.services.get(from.service) : undefined);
        }),
      );
    },
    refresh: async (name) => {
      const feed = feeds.get(name);
      return feed === undefined || feed.config.from.kind === "push" ? undefined : feed.refresh();
    },
    async close() {
      closed = true;
      await Promise.all([...feeds.values()].map((feed) => feed.close()));
    },
  };
}

/** What is pushed comes by itself. */
function pushFeed(config: BundleConfig): Omit<Feed, "begin"> {
  return { config, refresh: () => Promise.resolve({ kind: "unchanged" }), close: () => Promise.resolve() };
}

function sourceOf({ from, sizeLimitBytes, polling }: BundleConfig, client: SharedService): Source {
  const { service, config } = client;
  const resource = from.kind === "service" ? from.resource : "";
  const now = Date.now;
  if (config.type === "oci") {
    const reference = parseReference(resource, config.url);
    if (typeof reference === "string") throw new Error(`resource ${reference}`);
    return createOciSource({ service, reference, sizeLimitBytes, now });
  }
  const { longPollingTimeoutMs } = polling;
  const explain = config.credentials.kind === "s3_signing" ? explainS3 : undefined;
  return createHttpSource({ service, resource, sizeLimitBytes, longPollingTimeoutMs, explain, now });
}

/** Names where a bundle comes from, without what proves who asks. */
function placeOf({ from }: BundleConfig, { url, type }: ServiceConfig): string {
  const resource = from.kind === "service" ? from.resource : "";
  return createHash("sha256")
    .update(JSON.stringify([type, url, resource]))
    .digest("hex");
}

function pollerOf(config: BundleConfig, source: Source, place: string, parts: FeedParts): Poller {
  const { name, polling, trigger, persist } = config;
  const { bundles, keep, now, log } = parts;
  let problem: string | undefined;
  /** Says once what is wrong with a source, however often it is asked. */
  const say = (asked: Asked): void => {
    const failed = asked.kind === "failed" ? asked : undefined;
    // what is wrong with a bundle that came was told when it did
    if (failed !== undefined && !failed.code.startsWith("source_")) return;
    parts.onAsked?.(name, failed?.code ?? asked.kind);
    if (failed?.code === problem) return;
    problem = failed?.code;
    if (failed === undefined) log.info("bundle's source answers again", { bundle: name });
    else
      log.warn("bundle not had from its source", { bundle: name, code: failed.code, reason: failed.message });
  };
  return createPoller({
    ...{ source, polling, trigger, now, random: Math.random, sleep },
    async deliver(bytes, etag) {
      const activation = await bundles.arrive({
        ...{ name, origin: "service", content: { bytes } },
        ...(etag === undefined ? {} : { etag }),
      });
      if (activation.kind === "activated" && persist && etag !== undefined)
        await keep?.told(name, bytes, { etag, place });
      return activation;
    },
    onAsked: (asked) => {
      bundles.asked(name, asked);
      say(asked);
    },
  });
}

/** Waits, and keeps no process alive. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds).unref();
    signal.addEventListener("abort", done);
  });
}

function polledOf(activation: Activation): Polled {
  if (activation.kind === "declined") return { kind: "unchanged" };
  if (activation.kind === "activated")
    return { kind: activation.changed === false ? "unchanged" : "activated" };
  return { kind: "rejected", code: activation.code, message: activation.message };
}
