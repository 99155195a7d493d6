/** Opens a link by streamable HTTP: finds out which era the server speaks, then greets it. */
import type { ErrorCode, JsonObject } from "../../../../sidecar/contract.js";
import { carry } from "../carry.js";
import { createDeadline } from "../deadline.js";
import { speaksBefore } from "../eras.js";
import { readDiscovery, readInitialized } from "../hello.js";
import type { Era, Hello, Holder, Link, LinkCaller } from "../link.js";
import type { Replied } from "./request.js";
import { withSessions } from "../revisions.js";
import { requestReply } from "./request.js";
import type { SessionParts } from "./session.js";
import { createSessionLink } from "./session.js";
import { createStatelessLink, repeat } from "./stateless.js";

export interface OpeningParts extends SessionParts {
  /** Which era the configuration names. */
  readonly era: Era | undefined;
  /** Which one the server was found to speak. */
  readonly found: Era | undefined;
  /** Told what the server speaks; undefined: not what was thought. */
  readonly learnt: (era: Era | undefined) => void;
}

type Failed = { readonly kind: "failed"; readonly code: ErrorCode };
export type Opened = Link | Failed | { readonly kind: "aborted" } | { readonly kind: "not_spoken" };

/** How long a probe may take before the server is taken for one that doesn't know it, milliseconds. */
const probeMs = 10_000;

/** `not_spoken`: nothing at the address speaks streamable HTTP. */
export async function openHttp(
  parts: OpeningParts,
  caller: LinkCaller,
  signal: AbortSignal,
): Promise<Opened> {
  const { era, found, learnt } = parts;
  const known = era ?? found;
  const probed = known === "session" ? "legacy" : await probe(parts, caller, signal);
  if (signal.aborted) return { kind: "aborted" };
  if (probed === "legacy") {
    if (era === "stateless") return { kind: "failed", code: "upstream_invalid" };
    const opened = await greet(parts, caller, signal);
    if ("era" in opened) learnt("session");
    if (!("kind" in opened) || opened.kind === "aborted") return opened;
    learnt(undefined);
    // it may have learnt another one since
    const again = era === undefined && found === "session";
    return again ? openHttp({ ...parts, found: undefined }, caller, signal) : opened;
  }
  if ("kind" in probed) return probed;
  learnt("stateless");
  const onChanged = (): void => {
    learnt(undefined);
  };
  return createStatelessLink({ ...parts, onChanged }, probed);
}

/** Asks as a client of the stateless era does. Source: 2026-07-28, Streamable HTTP, "Backward Compatibility". */
async function probe(
  parts: OpeningParts,
  caller: LinkCaller,
  signal: AbortSignal,
): Promise<Hello | Failed | "legacy"> {
  const method = "server/discover";
  const params = carry(parts.holder, {});
  const deadline = createDeadline([signal], Math.min(probeMs, parts.requestMs));
  const replied = await ask(parts, { method, params, headers: repeat(method, params) }, caller, deadline);
  if (deadline.why() === "timeout") return "legacy";
  switch (replied.kind) {
    case "result":
      return readDiscovery(replied.result) ?? { kind: "failed", code: "upstream_invalid" };
    case "error":
      return speaksBefore(replied) ? "legacy" : { kind: "failed", code: "upstream_invalid" };
    case "status":
      return "legacy";
    case "failed":
      // some servers fail at what they don't know
      return replied.code === "upstream_invalid" ? "legacy" : replied;
  }
}

/** Opens a session. */
async function greet(parts: OpeningParts, caller: LinkCaller, signal: AbortSignal): Promise<Opened> {
  const { holder, requestMs } = parts;
  const deadline = createDeadline([signal], requestMs);
  let id: string | string[] | undefined;
  const params: JsonObject = initializeParams(holder);
  const replied = await ask(
    parts,
    { method: "initialize", params, headers: {} },
    caller,
    deadline,
    (headers) => {
      id = headers["mcp-session-id"];
    },
  );
  const why = deadline.why();
  if (why === "aborted") return { kind: "aborted" };
  if (why === "timeout") return { kind: "failed", code: "upstream_timeout" };
  if (replied.kind === "failed") return replied;
  if (replied.kind === "status") {
    const none = [400, 404, 405].includes(replied.status);
    return none ? { kind: "not_spoken" } : { kind: "failed", code: "upstream_invalid" };
  }
  const greeted = replied.kind === "result" ? readInitialized(replied.result) : undefined;
  // what a header must carry is checked before it does
  if (greeted === undefined || (id !== undefined && !isSessionId(id))) {
    return { kind: "failed", code: "upstream_invalid" };
  }
  const link = createSessionLink(parts, { ...greeted, id });
  if (await link.notify("notifications/initialized", {}, caller)) return link;
  void link.close(caller);
  return { kind: "failed", code: "upstream_invalid" };
}

export function initializeParams({ capabilities, clientInfo }: Holder): JsonObject {
  return { protocolVersion: withSessions[0] ?? "", capabilities, clientInfo };
}

function isSessionId(id: string | string[]): id is string {
  return typeof id === "string" && /^[\x21-\x7e]{1,1024}$/.test(id);
}

/** Sends the first request there is. Nothing but its reply may come. */
async function ask(
  parts: OpeningParts,
  { method, params, headers }: { method: string; params: JsonObject; headers: ReturnType<typeof repeat> },
  caller: LinkCaller,
  deadline: ReturnType<typeof createDeadline>,
  onHeaders?: Parameters<typeof requestReply>[3],
): Promise<Replied> {
  try {
    return await requestReply(
      { ...parts, headers, deadline },
      { id: 1, method, params },
      { caller, beside: ({ kind }) => kind === "notification", resumes: method === "initialize" },
      onHeaders,
    );
  } finally {
    deadline.settle();
  }
}
