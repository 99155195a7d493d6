import { LoadFailed } from "../token/load-failed.js";
import { readKeysFile } from "../token/read-keys-file.js";
import { BundleInvalid } from "./bundle.js";
import { readBundle } from "./read-bundle.js";
import { createHolder, passed, type BundleFeed, type FeedParts } from "./feed.js";
import type { BundleFault } from "./types.js";

/** A bundle in a file, looked at each second of use at most; a bad or missing file leaves the last good bundle. */
export function createFileFeed(path: string, parts: FeedParts): BundleFeed {
  const holder = createHolder(parts);
  let version: string | undefined;
  let checkedAt = -Infinity;
  let running: Promise<void> | undefined;

  async function check(): Promise<void> {
    try {
      const file = await readKeysFile(path, version, parts.limits.bundleBytes);
      if (file === undefined) holder.confirm(parts.now());
      else if (holder.take(readBundle(file.bytes), parts.now())) version = file.version;
    } catch (error) {
      holder.failed(faultOf(error));
    } finally {
      running = undefined;
    }
  }
  return {
    current: holder.current,
    refresh(now) {
      if (running === undefined && passed(checkedAt, now, parts.limits.fileCheckMs)) {
        checkedAt = now;
        running = check();
      }
      return running;
    },
  };
}

/** Names why a bundle could not be loaded. @throws what is a bug */
export function faultOf(error: unknown): BundleFault {
  if (error instanceof BundleInvalid) return "invalid";
  if (error instanceof LoadFailed) return error.fault as BundleFault;
  throw error;
}
