import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Log } from "../record/log.js";
import { refuse } from "../contract.js";
import type { Door } from "./http.js";
import { sendRefusal } from "./http.js";
import type { PlainData } from "./plain-data.js";

type Handler = (req: IncomingMessage, res: ServerResponse, door: Door) => Promise<void>;

/** `path` is what follows the route's own, `query` what follows `?`. */
type OpaHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  path: string,
  query: string,
  body?: Buffer,
) => Promise<void>;

export interface SidecarDoors {
  readonly decisions: Handler;
  readonly outcomes: Handler;
  readonly extensions: Handler;
  readonly data: OpaHandler;
  /** The same for what most requests are. */
  readonly plainData: PlainData;
  /** `PUT`, `PATCH` and `DELETE` of data. */
  readonly writeData: OpaHandler;
  readonly policies: OpaHandler;
  /** The control plane (express): health, metrics, status, config; everything that isn't a decision. */
  readonly control: RequestListener;
  readonly observe: (door: string, status: number) => void;
  readonly log: Log;
}

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Routes a request: the decision doors are answered before express sees anything. */
export function createListener(doors: SidecarDoors, door: Door): RequestListener {
  const handle = (req: IncomingMessage, res: ServerResponse, name: string, work: Promise<void>): void => {
    res.on("close", () => {
      doors.observe(name, res.statusCode);
    });
    work.catch((error: unknown) => {
      doors.log.error("request failed", { door: name, fault: faultName(error) });
      sendRefusal(res, refuse("internal_error"));
    });
    void req;
  };
  const dataOf = (req: IncomingMessage, res: ServerResponse, body: Buffer): void => {
    handle(req, res, "data", doors.data(req, res, (req.url ?? "").slice(9), "", body));
  };
  return (req, res) => {
    if (req.method === "POST" && doors.plainData(req, res, door, dataOf)) return;
    if (door.loopback && !loopbackHost.test(req.headers.host ?? "")) {
      return sendRefusal(res, refuse("origin_not_allowed", "this Host is not on loopback"));
    }
    const url = req.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? "" : url.slice(mark + 1);
    if (path === "/v1/decisions" || path === "/v1/outcomes") {
      const name = path.slice(4);
      if (req.method !== "POST") return sendRefusal(res, refuse("method_not_allowed"));
      handle(
        req,
        res,
        name,
        path === "/v1/decisions" ? doors.decisions(req, res, door) : doors.outcomes(req, res, door),
      );
    } else if (path === "/v1/limits/extend") {
      if (req.method !== "POST") return sendRefusal(res, refuse("method_not_allowed"));
      handle(req, res, "limits", doors.extensions(req, res, door));
    } else if (path === "/v1/data" || path.startsWith("/v1/data/")) {
      const method = req.method ?? "";
      if (method === "POST" || method === "GET") {
        handle(req, res, "data", doors.data(req, res, path.slice(9), query));
      } else if (method === "PUT" || method === "PATCH" || method === "DELETE") {
        handle(req, res, "write", doors.writeData(req, res, path.slice(9), query));
      } else sendRefusal(res, refuse("method_not_allowed"));
    } else if (path === "/v1/policies" || path.startsWith("/v1/policies/")) {
      handle(req, res, "write", doors.policies(req, res, path.slice(12), query));
    } else {
      doors.control(req, res);
    }
  };
}

/** Names what was thrown; never its message, which may quote a request. */
export function faultName(error: unknown): string {
  return typeof error === "object" && error !== null && "name" in error ? String(error.name) : "unknown";
}
