/** A small document store: `POST /collections/{name}/query` with `{query, top_k}`. */
import { collections } from "./documents.js";
import type { Received, Upstream } from "./listen.js";
import { listenOn, receive } from "./listen.js";
import { search } from "./search.js";

/** Starts the store on loopback. */
export function startStore({ port }: { readonly port: number }): Promise<Upstream> {
  const received: Received[] = [];
  return listenOn(port, received, (req, res) => {
    void (async () => {
      const { body } = await receive(req, received);
      const [, name = ""] = /^\/collections\/([\w-]+)\/query$/.exec(req.url ?? "") ?? [];
      const documents = Object.hasOwn(collections, name) ? collections[name] : undefined;
      if (req.method !== "POST" || documents === undefined) {
        res.writeHead(404, { "content-type": "application/json" }).end('{"code":"not_found"}');
        return;
      }
      const { query, top_k } = JSON.parse(body.toString()) as { query: string; top_k: number };
      res.writeHead(200, { "content-type": "application/json" });
      res.end(JSON.stringify({ documents: search(documents, query, top_k) }));
    })();
  });
}
