/** Takes discovery bundles: verified, evaluated and read, each is in force whole, or changes nothing. */
import type { Activation, Rejection } from "../bundles/activation.js";
import type { Arrival, BundleFacts } from "../bundles/arrival.js";
import type { BundlesConfig } from "../bundles/config.js";
import type { Keep } from "../bundles/keep/keep.js";
import type { ReadContent, VerifyEntries } from "../bundles/make.js";
import type { Asked, BundleStatus, Ledger } from "../bundles/status.js";
import type { Json } from "../contract.js";
import type { Entries } from "../rego/archive.js";
import type { Rejected } from "../rego/bundle.js";
import type { DiscoveryConfig } from "./config.js";
import type { EvaluateDiscovery } from "./evaluate.js";
import { rejected } from "./evaluate.js";

export interface DiscoveryParts<T> {
  readonly config: DiscoveryConfig;
  readonly keys: BundlesConfig["keys"];
  readonly read: ReadContent;
  readonly verify: VerifyEntries;
  readonly evaluate: EvaluateDiscovery;
  /** Reads the configuration that was discovered. @throws Error that says what is wrong with it */
  readonly parse: (value: Json) => T;
  /** Brings a configuration into force. @throws Error where it can't be; then nothing has changed */
  readonly apply: (discovered: T) => Promise<void>;
  /** Absent: nothing is kept on disk. */
  readonly keep?: Pick<Keep, "snapshot">;
  readonly ledger: Ledger;
  readonly rejectionOf: (rejected: Rejected) => Rejection;
  readonly digestOf: (entries: Entries) => string;
  /** Told of what came into force (undefined), and why something didn't. */
  readonly onArrived: (fault: Rejection | undefined) => void;
  /** Told of each change of the status. */
  readonly changed: () => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What feeds bring bundles to; of one bundle, that no decision ever asks. */
export interface Discovery {
  arrive(arrival: Arrival): Promise<Activation>;
  asked(name: string, what: Asked): void;
  remove(name: string): void;
  forget(name: string): void;
  status(): BundleStatus;
}

const name = "discovery";
const longestMessage = 2_000;

export function createDiscovery<T>(parts: DiscoveryParts<T>): Discovery {
  const { config, ledger, keep, now } = parts;
  const { bundle } = config;
  let inForce:
    { readonly revision: string; readonly activatedAt: number; readonly digest: string } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const bring = async ({ content, origin }: Arrival): Promise<Activation | Rejected> => {
    const whole = "bytes" in content ? { bytes: content.bytes } : content;
    const read = await parts.read(whole, { archiveBytes: bundle.sizeLimitBytes });
    if (read.kind === "rejected") return read;
    const { signing } = bundle;
    const trust = { keys: parts.keys, ...(signing === undefined ? {} : { signing }) };
    const signed = await parts.verify(read.entries, trust);
    if (signed.kind === "rejected") return signed;
    // INVARIANT: from here on, nothing is used but what was verified
    const { entries, verified } = signed;
    if (entries.has("patch.json"))
      return rejected("delta_unfit", "a discovery bundle is whole: changes of one are not supported");
    const digest = parts.digestOf(entries);
    if (digest === inForce?.digest) return { kind: "activated", changed: false };
    const evaluated = await parts.evaluate(entries, config.decision);
    if (evaluated.kind === "rejected") return evaluated;
    let discovered: T;
    try {
      discovered = parts.parse(evaluated.value);
    } catch (error) {
      const message = error instanceof Error ? error.message : "it can't be read";
      return rejected("discovery_invalid", message.slice(0, longestMessage));
    }
    await parts.apply(discovered);
    const isKept = origin === "persisted" || !("bytes" in content);
    const unkept = isKept ? undefined : await keepOn(content.bytes);
    inForce = { revision: revisionOf(entries), activatedAt: now(), digest };
    const facts: BundleFacts = {
      ...{ verified, type: "snapshot", size: read.size, contentDigest: digest },
      ...(read.archiveDigest === undefined ? {} : { archiveDigest: read.archiveDigest }),
    };
    ledger.activated(name, { ...facts, origin });
    if (unkept !== undefined) ledger.warn(name, { code: "keep_failed", message: unkept });
    return { kind: "activated", changed: true };
  };

  const keepOn = async (bytes: Uint8Array): Promise<string | undefined> => {
    if (keep === undefined || !bundle.persist) return undefined;
    try {
      await (await keep.snapshot(name, bytes)).done();
      return undefined;
    } catch (error) {
      const code = (error as { code?: unknown } | null)?.code;
      return `it can't be kept on disk (${typeof code === "string" ? code : "fault"})`;
    }
  };

  const take = async (arrival: Arrival): Promise<Activation> => {
    let outcome: Activation | Rejected;
    try {
      outcome = await bring(arrival);
    } catch (error) {
      outcome = rejected("activation_failed", error instanceof Error ? error.message : "it can't be taken");
    }
    const activation = "errors" in outcome && !("code" in outcome) ? parts.rejectionOf(outcome) : outcome;
    if (activation.kind === "rejected") {
      const { code, message, errors } = activation;
      ledger.rejected(name, { code, message, ...(errors === undefined ? {} : { errors }) });
      parts.onArrived(activation);
    } else if (activation.kind === "activated" && activation.changed === false) ledger.settled(name);
    else parts.onArrived(undefined);
    parts.changed();
    return activation;
  };

  return {
    arrive(arrival) {
      const turn = last.then(() => take(arrival));
      last = turn;
      return turn;
    },
    asked(_name, what) {
      ledger.asked(name, what);
      parts.changed();
    },
    remove: () => undefined,
    forget: () => undefined,
    status: () => ledger.statusOf(name, inForce),
  };
}

function revisionOf(entries: Entries): string {
  const bytes = entries.get(".manifest");
  if (bytes === undefined) return "";
  try {
    const manifest = JSON.parse(new TextDecoder().decode(bytes)) as { revision?: unknown } | null;
    return typeof manifest?.revision === "string" ? manifest.revision : "";
  } catch {
    return "";
  }
}
