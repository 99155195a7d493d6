/** One sidecar of the fleet: says when a revision is in force. */
import { join } from "node:path";
import { connect, keys, newDir, removeDirs, startReplica, takeAuthor } from "../../test/push/world.js";

const [, , redisUrl = "", author = ""] = process.argv;
takeAuthor(JSON.parse(author) as Parameters<typeof takeAuthor>[0]);
const dir = await newDir();
// none finds what another one compiled
const cacheDir = join(dir, "cache");
const tests = process.env["COMPILED"] === undefined;
const replica = await startReplica({ redisUrl, dir, cacheDir, verify: { tests, version: true } });
const { url } = connect(replica.url, dir, replica.sidecar);
let known = "";
const looking = setInterval(() => {
  const [active] = replica.sidecar.bundles.current().bundles;
  if (active === undefined || active.revision === known) return;
  known = active.revision;
  process.send?.({ kind: "in_force", revision: known, at: Date.now() });
}, 1);
process.on("message", () => {
  clearInterval(looking);
  void replica
    .stop()
    .then(() => removeDirs([dir]))
    .then(() => process.exit(0));
});
process.send?.({ kind: "ready", url, key: keys.pusher });
