/** Greets a server over a channel: finds out which era it speaks first, unless that is known. */
import type { ErrorCode } from "../../../../sidecar/contract.js";
import { speaksBefore } from "../eras.js";
import { readDiscovery, readInitialized } from "../hello.js";
import type { Era, Hello, Holder, LinkCaller } from "../link.js";
import { withSessions } from "../revisions.js";
import { carry } from "../carry.js";
import type { Peer } from "./peer.js";

export interface Greeted {
  readonly era: Era;
  readonly hello: Hello;
}

export type Greeting =
  | Greeted
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly probing?: true }
  | { readonly kind: "aborted" };

/** How long a server may take to start, and to answer what it may not know; milliseconds. */
const startMs = 60_000;
const probeMs = 10_000;
const ignored = (): void => undefined;

export async function greet(
  peer: Peer,
  { capabilities, clientInfo }: Pick<Holder, "capabilities" | "clientInfo">,
  era: Era | undefined,
  caller: LinkCaller,
  signal: AbortSignal,
): Promise<Greeting> {
  // INVARIANT: of whom it speaks for a server is told nothing here
  const who = { capabilities, clientInfo };
  const asking = { onMessage: ignored, signal, caller };
  if (era !== "session") {
    const params = carry(who, {});
    const answer = await peer.request({ ...asking, method: "server/discover", params, requestMs: probeMs });
    if (answer.kind === "aborted") return answer;
    if (answer.kind === "result") {
      const hello = readDiscovery(answer.result);
      return hello === undefined ? invalid : { era: "stateless", hello };
    }
    if (answer.kind === "failed" && answer.code !== "upstream_timeout") return { ...answer, probing: true };
    if (era === "stateless" || (answer.kind === "error" && !speaksBefore(answer))) return invalid;
  }
  const params = { protocolVersion: withSessions[0] ?? "", ...who };
  const answer = await peer.request({ ...asking, method: "initialize", params, requestMs: startMs });
  if (answer.kind === "aborted" || answer.kind === "failed") return answer;
  const greeted = answer.kind === "result" ? readInitialized(answer.result) : undefined;
  if (greeted === undefined) return invalid;
  if (!(await peer.tell({ method: "notifications/initialized" }, caller))) return gone;
  return { era: "session", hello: greeted.hello };
}

const invalid = { kind: "failed", code: "upstream_invalid" } as const;
const gone = { kind: "failed", code: "upstream_unavailable" } as const;
