/** The ceiling, a process of its own: a proxy on `node:http` and undici that looks at nothing. */
import { createServer } from "node:http";
import { Pool } from "undici";

const [, , origin = "", apiKey = ""] = process.argv;
const pool = new Pool(origin, { connections: 128 });

const server = createServer((req, res) => {
  const parts: Buffer[] = [];
  req.on("data", (part: Buffer) => parts.push(part));
  req.on("end", () => {
    pool.dispatch(
      {
        path: req.url ?? "/",
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
        body: Buffer.concat(parts),
      },
      {
        onRequestStart: () => undefined,
        onResponseStart(_controller, status, headers) {
          const { "content-type": type = "", "content-length": length } = headers;
          res.writeHead(status, {
            "content-type": String(type),
            ...(length === undefined ? {} : { "content-length": String(length) }),
          });
        },
        onResponseData(controller, chunk) {
          if (res.write(chunk)) return;
          controller.pause();
          res.once("drain", () => {
            controller.resume();
          });
        },
        onResponseEnd() {
          res.end();
        },
        onResponseError() {
          res.destroy();
        },
      },
    );
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.stderr.write(`listens on http://127.0.0.1:${port}\n`);
});
