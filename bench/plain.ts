/** The baseline, a process of its own: bare `node:http` that reads a body and answers given bytes. */
import { createServer } from "node:http";

const [, , socket = "", answer = "{}"] = process.argv;
const body = Buffer.from(answer);
createServer((req, res) => {
  req.on("data", () => undefined);
  req.on("end", () => {
    res.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    res.end(body);
  });
}).listen(socket, () => {
  process.stderr.write(`listens on ${socket}\n`);
});
