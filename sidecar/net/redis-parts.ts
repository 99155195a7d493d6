import type { Cluster, Redis } from "ioredis";

const slots = 16_384;

/**
 * Keeps a cluster's masters connected before they are asked for anything, and tells `ready` again whenever one has come to be
 * there that wasn't: after a fail-over, or empty after a crash.
 */
export function tellOfParts(cluster: Cluster): void {
  const told = new WeakSet<Redis>();
  const look = (): void => {
    if (cluster.status !== "ready" && cluster.status !== "connect") return;
    for (const node of cluster.nodes("slave")) told.delete(node);
    let fresh = false;
    for (const node of cluster.nodes("master")) {
      if (node.status === "wait") node.connect().catch(() => undefined);
      if (node.status !== "ready" || told.has(node)) continue;
      told.add(node);
      fresh = true;
    }
    if (fresh && cluster.status === "ready") cluster.emit("ready");
  };
  // INVARIANT: nothing waits within a connection that begins: it is refused instead
  cluster.on("+node", (node: Redis) => {
    node.on("ready", look);
    setImmediate(look);
  });
  cluster.on("connect", look);
  // INVARIANT: a command rejects at once where no master is known for it: the client would throw, or wait for one
  const fill = (): void => {
    for (let slot = 0; slot < slots; slot++) cluster.slots[slot] ??= [];
  };
  fill();
  cluster.on("refresh", () => {
    fill();
    look();
  });
}
