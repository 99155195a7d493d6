import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Express, Request, Response } from "express";
import type { BundleStatus } from "../bundles/store.js";
import type { JsonObject } from "../contract.js";
import { isObject, refuse } from "../contract.js";
import { loadExpress } from "../net/load.js";
import { sendRefusal } from "./http.js";
import { jwksPaths } from "./jwks.js";

export interface ControlParts {
  readonly status: () => readonly BundleStatus[];
  /** What `/v1/status` gives. */
  readonly document: () => JsonObject;
  readonly metrics: () => Promise<{ contentType: string; body: string }>;
  /** The effective configuration without secrets. */
  readonly config: () => unknown;
  /** The public keys of assertions, where they are signed. */
  readonly jwks?: RequestListener;
  /** Answers what is about shared signals; false: it isn't. */
  readonly signals?: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** Answers what is about fences; false: it isn't. */
  readonly fences?: (req: IncomingMessage, res: ServerResponse) => boolean;
  /** Answers what is about the decision cache; false: it isn't. */
  readonly explain?: (req: IncomingMessage, res: ServerResponse) => boolean;
  readonly version: string;
}

/**
 * Serves the control plane: `/health` (`?bundles`, `?plugins`, `?exclude-plugin=`), `/metrics`, `/v1/status`, `/v1/config`, and the keys of assertions.
 * Shapes are OPA's. Source: OPA REST API, "Health API", "Status API", "Config API".
 */
export function createControl(parts: ControlParts): RequestListener {
  let app: Express | undefined;
  // a start need not wait for what the first decisions don't need
  return (req, res) => {
    (app ??= createApp(parts))(req, res);
  };
}

function createApp(parts: ControlParts): Express {
  const { status, document, metrics, config, jwks, signals, fences, version } = parts;
  const app = loadExpress()();
  app.disable("x-powered-by");
  app.disable("etag");
  app.get("/health", (req: Request, res: Response) => {
    const problem =
      (isAsked(req, "bundles") ? waitingBundles(status()) : undefined) ??
      (isAsked(req, "plugins") ? waitingPlugins(document(), req.query["exclude-plugin"]) : undefined);
    if (problem === undefined) res.json({});
    else res.status(500).json({ error: problem });
  });
  app.get("/metrics", async (_req: Request, res: Response) => {
    const { contentType, body } = await metrics();
    res.set("content-type", contentType).end(body);
  });
  app.get("/v1/status", (_req: Request, res: Response) => {
    res.json({ result: document() });
  });
  app.get("/v1/config", (_req: Request, res: Response) => {
    res.json({ result: config() });
  });
  if (jwks !== undefined) app.get(jwksPaths, jwks);
  if (signals !== undefined) {
    app.use((req: Request, res: Response, next: () => void) => {
      if (!signals(req, res)) next();
    });
  }
  if (fences !== undefined) {
    app.use((req: Request, res: Response, next: () => void) => {
      if (!fences(req, res)) next();
    });
  }
  const { explain } = parts;
  if (explain !== undefined) {
    app.use((req: Request, res: Response, next: () => void) => {
      if (!explain(req, res)) next();
    });
  }
  app.get("/", (_req: Request, res: Response) => {
    res.type("text/plain").send(`countersign ${version}\n`);
  });
  app.use((_req: Request, res: Response) => {
    sendRefusal(res, refuse("unknown_route"));
  });
  app.use((_error: unknown, _req: Request, res: Response, _next: unknown) => {
    sendRefusal(res, refuse("invalid_request"));
  });
  return app;
}

function isAsked(req: Request, name: string): boolean {
  return req.query[name] !== undefined && req.query[name] !== "false";
}

/** Only the first activation counts: a bundle that has a newer version refused still answers. */
function waitingBundles(bundles: readonly BundleStatus[]): string | undefined {
  const waiting = bundles.filter((bundle) => bundle.active_revision === undefined);
  return waiting.length === 0 ? undefined : `not activated: ${waiting.map(({ name }) => name).join(", ")}`;
}

function waitingPlugins({ plugins }: JsonObject, excluded: unknown): string | undefined {
  if (!isObject(plugins)) return undefined;
  const left = [excluded].flat();
  const waiting = Object.entries(plugins).flatMap(([name, plugin]) => {
    const state = isObject(plugin) && typeof plugin["state"] === "string" ? plugin["state"] : "NOT_READY";
    // who can't get a newer version still answers from the one before
    return state === "OK" || state === "WARN" || left.includes(name) ? [] : [`${name} (${state})`];
  });
  return waiting.length === 0 ? undefined : `not up: ${waiting.join(", ")}`;
}
