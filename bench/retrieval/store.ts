/**
 * A store of constant cost in a process of its own, in the form of Qdrant's `POST /collections/{name}/points/query`: which
 * documents are near a vector is worked out of its first number, and which meet a filter is known once it was seen, as an index
 * knows. So what is measured is what lies before it.
 */
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { Payload } from "../../test/gateway/retrieval/stores/qdrant/matches.js";
import { matches } from "../../test/gateway/retrieval/stores/qdrant/matches.js";
import { shelves, storedDocument } from "./documents.js";

interface Kept {
  readonly payloads: readonly Payload[];
  /** Of each document, as it is written. */
  readonly texts: readonly string[];
  /** Which documents meet a filter, by the filter's text. */
  readonly met: Map<string, Uint8Array>;
  lastFilter: string;
}

interface Query {
  readonly query: readonly number[];
  readonly filter?: unknown;
  readonly limit: number;
  readonly offset?: number;
}

const collections = new Map(
  shelves.map((of): [string, Kept] => {
    const payloads = Array.from({ length: of.count }, (_, i) => storedDocument(i, of) as Payload);
    const texts = payloads.map((one) => JSON.stringify(one));
    return [of.name, { payloads, texts, met: new Map(), lastFilter: "" }];
  }),
);
/** Relatively prime to every count. */
const stride = 1_000_003;
let told = { requests: 0, documents: 0, bytes: 0 };

function openTo(kept: Kept, filter: unknown): Uint8Array | undefined {
  if (filter === undefined) return undefined;
  const key = (kept.lastFilter = JSON.stringify(filter));
  const known = kept.met.get(key);
  if (known !== undefined) return known;
  const found = Uint8Array.from(kept.payloads, (payload, id) =>
    matches(filter, { id, vector: [], payload }) ? 1 : 0,
  );
  kept.met.set(key, found);
  return found;
}

/** Goes through the documents, the nearest first. */
function search(kept: Kept, { query, filter, limit, offset = 0 }: Query): string {
  const { length } = kept.texts;
  const open = openTo(kept, filter);
  const first = Math.round((query[0] ?? 0) * 1e6) * 7_919;
  const points: string[] = [];
  for (let at = 0, passed = 0; at < length && points.length < limit; at++) {
    const id = (at * stride + first) % length;
    if (open?.[id] === 0 || passed++ < offset) continue;
    points.push(`{"id":${id},"version":1,"score":${1 - at / length},"payload":${kept.texts[id] ?? "{}"}}`);
  }
  told.documents += points.length;
  return `{"usage":null,"result":{"points":[${points.join(",")}]},"status":"ok","time":0.0001}`;
}

async function read(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const server = createServer((req, res) => {
  void read(req).then((text) => {
    const [, , name = "", what = ""] = (req.url ?? "").split("/");
    const kept = collections.get(name);
    let answer: string;
    if (kept !== undefined && what === "points") answer = search(kept, JSON.parse(text) as Query);
    // not Qdrant's: what the bench asks
    else if (kept !== undefined && what === "last-filter") answer = kept.lastFilter;
    else {
      answer = JSON.stringify(told);
      told = { requests: -1, documents: 0, bytes: -Buffer.byteLength(answer) };
    }
    const size = Buffer.byteLength(answer);
    told.requests += 1;
    told.bytes += size;
    res.writeHead(200, { "content-type": "application/json", "content-length": size }).end(answer);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.stderr.write(`listens on http://127.0.0.1:${port}\n`);
});
