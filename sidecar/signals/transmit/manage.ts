/** Lets receivers read their stream and ask for a verification. Source: OpenID SSF 1.0 sections 7 and 8. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject, parseJson } from "../../contract.js";
import { presents } from "../bearer.js";
import { eventUri } from "../events.js";
import { readText } from "../push.js";
import type { ReceiverConfig } from "../read-receivers.js";
import type { Message } from "./describe.js";
import { messageOf } from "./describe.js";

export interface ManageParts {
  readonly issuer: string;
  /** Where this sidecar is reached from outside. */
  readonly publicUrl: string;
  readonly receivers: readonly ReceiverConfig[];
  readonly send: (receiver: ReceiverConfig, message: Message) => void;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export type HandleStream = (
  req: IncomingMessage,
  res: ServerResponse,
  path: string,
  query: string,
) => Promise<void> | undefined;

/** Seconds between two verifications that a receiver asks for. */
const minInterval = 30;
const routes = ["stream", "status", "verify"] as const;

/** Creates the handler of the metadata, and of the routes under `/v1/signals/`; undefined: the path is none of them. */
export function createManage(parts: ManageParts): HandleStream {
  const { issuer, publicUrl, receivers } = parts;
  const path = new URL(issuer).pathname.replace(/\/$/, "");
  const wellKnown = `/.well-known/ssf-configuration${path}`;
  const at = (route: string): string => `${publicUrl}/v1/signals/${route}`;
  const metadata = JSON.stringify({
    spec_version: "1_0",
    issuer,
    jwks_uri: `${publicUrl}/.well-known/jwks.json`,
    delivery_methods_supported: ["urn:ietf:rfc:8935"],
    configuration_endpoint: at("stream"),
    status_endpoint: at("status"),
    verification_endpoint: at("verify"),
    critical_subject_members: ["tenant"],
    authorization_schemes: [{ spec_urn: "urn:ietf:rfc:6750" }],
    default_subjects: "ALL",
  });
  const asked = new Map<string, number>();

  async function manage(
    req: IncomingMessage,
    res: ServerResponse,
    route: (typeof routes)[number],
    query: string,
  ): Promise<void> {
    const receiver = await receiverOf(req, receivers);
    if (receiver === undefined)
      return send(res, 401, undefined, { "www-authenticate": "Bearer", connection: "close" });
    const method = route === "verify" ? "POST" : "GET";
    if (req.method !== method) return send(res, 405, undefined, { allow: method });
    if (route === "verify") return verify(req, res, receiver);
    const wanted = new URLSearchParams(query).get("stream_id");
    if (wanted !== null && wanted !== receiver.name) return send(res, 404);
    if (route === "status") {
      return wanted === null
        ? send(res, 400)
        : send(res, 200, { stream_id: receiver.name, status: "enabled" });
    }
    const stream = streamOf(receiver, issuer);
    send(res, 200, wanted === null ? [stream] : stream);
  }

  async function verify(req: IncomingMessage, res: ServerResponse, receiver: ReceiverConfig): Promise<void> {
    const wanted = readRequest(await readText(req));
    if (wanted === undefined) return send(res, 400);
    if (wanted.stream !== receiver.name) return send(res, 404);
    const now = parts.now();
    if (now - (asked.get(receiver.name) ?? -Infinity) < minInterval * 1_000) {
      return send(res, 429, undefined, { "retry-after": String(minInterval) });
    }
    asked.set(receiver.name, now);
    parts.send(
      receiver,
      messageOf(
        {
          ...{ receiver, event: "verification", id: [receiver.name, "verification", parts.newId()] },
          body: wanted.state === undefined ? {} : { state: wanted.state },
          subject: { format: "opaque", id: receiver.name },
        },
        parts,
      ),
    );
    send(res, 204);
  }

  return (req, res, asking, query) => {
    if (asking === wellKnown) {
      if (req.method !== "GET") return Promise.resolve(send(res, 405, undefined, { allow: "GET" }));
      return Promise.resolve(sendText(res, 200, metadata, { "cache-control": "public, max-age=300" }));
    }
    const route = routes.find((one) => asking === `/v1/signals/${one}`);
    return route === undefined ? undefined : manage(req, res, route, query);
  };
}

/** INVARIANT: every receiver's token is compared, whichever it is. */
async function receiverOf(
  req: IncomingMessage,
  receivers: readonly ReceiverConfig[],
): Promise<ReceiverConfig | undefined> {
  const known = await Promise.all(
    receivers.map(async (one) =>
      one.managementTokenFile !== undefined && (await presents(req, one.managementTokenFile))
        ? one
        : undefined,
    ),
  );
  return known.find((one) => one !== undefined);
}

function streamOf({ name, audience, url, events }: ReceiverConfig, issuer: string): unknown {
  const uris = events.map(eventUri);
  return {
    ...{ stream_id: name, iss: issuer, aud: audience },
    ...{ events_supported: uris, events_requested: uris, events_delivered: uris },
    delivery: { method: "urn:ietf:rfc:8935", endpoint_url: url },
    min_verification_interval: minInterval,
  };
}

function readRequest(
  text: string | undefined,
): { readonly stream: string; readonly state: string | undefined } | undefined {
  try {
    const value = parseJson(text ?? "", { depth: 4 });
    if (!isObject(value)) return undefined;
    const { stream_id: stream, state } = value;
    if (typeof stream !== "string" || (state !== undefined && typeof state !== "string")) return undefined;
    return (state?.length ?? 0) > 1_024 ? undefined : { stream, state };
  } catch {
    return undefined;
  }
}

function send(
  res: ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  sendText(res, status, body === undefined ? "" : JSON.stringify(body), {
    "cache-control": "no-store",
    ...headers,
  });
}

function sendText(res: ServerResponse, status: number, body: string, headers: Record<string, string>): void {
  if (res.headersSent || res.destroyed) return;
  const length = status === 204 ? {} : { "content-length": String(Buffer.byteLength(body)) };
  res.writeHead(status, {
    ...(body === "" ? {} : { "content-type": "application/json" }),
    ...length,
    ...headers,
  });
  res.end(body);
}
