/** Passes a model server's answer on in its own form, looked at on the way. */
import type { ServerResponse } from "node:http";
import type { JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, parseJson, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Passed } from "../../forward/forward.js";
import { collect, passOn } from "../../forward/forward.js";
import { send } from "../../http.js";
import type { DecideCalls } from "../../models/calls/guard.js";
import type { Usage } from "../../models/protocol.js";
import { bounded } from "../bounded.js";
import type { RouteConfig } from "../config.js";
import { refusalBody } from "../refuse.js";
import type { AnswerForm, ServerAttempt } from "./attempt.js";
import { readLines } from "./lines.js";

export interface RelayParts {
  readonly form: AnswerForm;
  readonly route: RouteConfig;
  readonly res: ServerResponse;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
  /** Tells why the exchange was cut by the gateway, where it was. */
  readonly wasCut: () => Refusal | undefined;
  readonly decide: DecideCalls;
  readonly usage: ServerAttempt["usage"];
}

export type Relayed =
  | (Passed & { readonly kind: "relayed"; readonly usage: Usage | undefined })
  /** Nothing was sent: the answer isn't one. */
  | { readonly kind: "refused" };

/** The largest answer that is read whole, bytes. */
const largest = 64 * 2 ** 20;
/** The longest line of a stream, characters. */
const longestLine = 4 * 2 ** 20;

export function relayAnswer(parts: RelayParts): Promise<Relayed> {
  switch (parts.form.kind) {
    case "json":
      return relayJson(parts, parts.form);
    case "lines":
      return relayLines(parts, parts.form);
    case "events":
      return relayStream(parts, parts.form.guard?.(limited(parts), parts.decide) ?? limited(parts));
    case "raw":
      return relayStream(parts, limited(parts));
  }
}

const limited = ({ body, route }: RelayParts): AsyncIterable<Buffer> => bounded(body, route.maxAnswer);

async function relayJson(
  parts: RelayParts,
  { rewrite }: Extract<AnswerForm, { kind: "json" }>,
): Promise<Relayed> {
  const bytes = await collect(parts.body, Math.min(largest, parts.route.maxAnswer));
  if (parts.signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, usage: undefined };
  if (bytes === undefined) return { kind: "refused" };
  let text = bytes.toString();
  let usage: Usage | undefined;
  try {
    const said = parseJson(bytes);
    if (isObject(said)) {
      usage = parts.usage?.(said);
      const left = await rewrite?.(said, parts.decide);
      if (left !== undefined) text = stringifyJson(left);
    } else if (rewrite !== undefined) return { kind: "refused" };
  } catch {
    // no JSON, or not what such an answer is
    return { kind: "refused" };
  }
  if (parts.signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, usage };
  send(parts.res, parts.status, text, parts.headers);
  return { kind: "relayed", ended: "whole", bytes: Buffer.byteLength(text), usage };
}

async function relayLines(
  parts: RelayParts,
  { rewrite }: Extract<AnswerForm, { kind: "lines" }>,
): Promise<Relayed> {
  let usage: Usage | undefined;
  async function* lines(): AsyncGenerator<Buffer> {
    for await (const line of readLines(limited(parts), longestLine)) {
      // INVARIANT: what isn't an object can't be looked at, and isn't passed on
      const said = parseJson(line);
      if (!isObject(said)) throw new Error("a line that is no object");
      usage = parts.usage?.(said) ?? usage;
      const left: JsonObject | undefined = await rewrite?.(said, parts.decide);
      yield Buffer.from(`${left === undefined ? line : stringifyJson(left)}\n`);
    }
  }
  const relayed = await relayStream(parts, lines());
  return relayed.kind === "relayed" ? { ...relayed, usage } : relayed;
}

async function relayStream(parts: RelayParts, source: AsyncIterable<Buffer>): Promise<Relayed> {
  const { res, status, headers, signal, form, route } = parts;
  if (signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, usage: undefined };
  res.writeHead(status, { ...headers, "cache-control": "no-store" });
  const passed = await passOn(source, res, signal);
  const why = passed.ended === "cut" ? refuse("upstream_unavailable", "the stream was cut") : parts.wasCut();
  if (passed.ended === "whole") res.end();
  else if (why !== undefined && form.kind !== "raw") {
    const said = refusalBody(route.kind, why);
    // the blank line ends what was cut
    res.end(form.kind === "lines" ? `\n${said}\n` : `\n\nevent: error\ndata: ${said}\n\n`);
  } else res.destroy();
  return { kind: "relayed", ...passed, usage: undefined };
}
