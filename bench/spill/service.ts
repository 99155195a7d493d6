/** The service of the spill's bench: away (503) until it is told otherwise, then it counts decisions by the number in their ids. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

const seen = new Uint8Array(Number(process.argv[2]));
let away = true;
const counts = { distinct: 0, events: 0, uploads: 0 };

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    if (away) return void response.writeHead(503).end();
    const text = gunzipSync(Buffer.concat(parts)).toString();
    counts.uploads++;
    for (const [, id = ""] of text.matchAll(/"decision_id":"[0-9a-f]{8}-([0-9a-f]{12})"/g)) {
      const n = parseInt(id, 16);
      counts.events++;
      if (seen[n] === 0) counts.distinct++;
      seen[n] = 1;
    }
    response.writeHead(204).end();
  });
});
server.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on("message", (word) => {
  if (word === "back") away = false;
  if (word === "count") process.send?.(counts);
});
