/**
 * Looks at what a tool, a resource or a prompt gave, for policy to decide on (phase `response`): facts, never content.
 *
 * How to call it: `const results = createResults({ clock })` once; `await results.inspect({ of, result, checkResult })` for each
 * result of `tools/call`, `resources/read`, `prompts/get` and `completion/complete` but `input_required` ones. `invalid` is to
 * be refused as `upstream_invalid`; else `facts` is `input.resource.properties.result` of the decision in phase `response`.
 * Then `applyObligations` (apply.ts) on what is allowed. Facts are of what the server sent: masks come after.
 */
import type { JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import { findSecrets } from "../../content/find-secrets.js";
import { hiddenPatterns, phrasePatterns } from "../../content/injection.js";
import type { Match, Pattern } from "../../content/pattern.js";
import { findAll } from "../../content/pattern.js";
import { piiPatterns } from "../../content/pii.js";
import { readUrl } from "../arguments/urls.js";
import { readPath } from "../arguments/paths.js";
import type { Reviewed } from "../definitions/definitions.js";
import { internalPatterns } from "./internals.js";
import type { Pieces, ResultOf } from "./shape.js";
import { Misshapen, takeApart } from "./shape.js";

export interface ResultParts {
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** What of a result's text is looked at, characters; 1 Mi unless given. */
  readonly mostChars?: number;
  /** What looking may take, milliseconds; 200 unless given. */
  readonly budgetMs?: number;
}

export interface Looked {
  readonly of: ResultOf;
  readonly result: JsonObject;
  /** {@link Reviewed.checkResult}, of tools only. */
  readonly checkResult?: Reviewed["checkResult"];
}

export type Inspected =
  | { readonly kind: "inspected"; readonly facts: JsonObject }
  /** It isn't what MCP says a result is, or not what the tool's `outputSchema` says; `at` is a place, never a value. */
  | { readonly kind: "invalid"; readonly at: string };

export interface Results {
  inspect(looked: Looked): Promise<Inspected>;
}

/** Scanned at a time, and what is seen twice at a seam, so that what lies over it is found; characters. */
const slice = 65_536;
const overlap = 2_048;
/** Others wait no longer than about this, milliseconds. */
const turnMs = 4;
const most = 64;
const seam = "\n\u0001\n";

export function createResults(parts: ResultParts): Results {
  return {
    async inspect({ of, result, checkResult }) {
      let pieces: Pieces;
      try {
        pieces = takeApart(of, result);
      } catch (error) {
        if (error instanceof Misshapen) return { kind: "invalid", at: error.message };
        throw error;
      }
      const structured = of === "tools/call" ? structuredFacts(result, checkResult) : undefined;
      if (structured?.wrong !== undefined) return { kind: "invalid", at: structured.wrong };
      const { isError } = result;
      const facts: JsonObject = {
        bytes: Buffer.byteLength(stringifyJson(result)),
        ...(of === "tools/call" ? { is_error: isError === true } : {}),
        ...structured?.facts,
        blocks: { ...pieces.blocks },
        media_types: [...pieces.types].sort(),
        media: mediaFacts(pieces),
        links: linkFacts(pieces.links),
        resources: linkFacts(pieces.resources),
        ...(pieces.unknown === 0 ? {} : { unknown_members: pieces.unknown }),
        ...(await contentFacts(parts, pieces.texts, isError === true)),
      };
      return { kind: "inspected", facts };
    },
  };
}

/** A result whose structure its own tool's schema doesn't allow is none; an error may be without. */
function structuredFacts(
  { structuredContent, isError }: JsonObject,
  check: Reviewed["checkResult"] = () => undefined,
): { readonly facts: JsonObject; readonly wrong?: string } {
  const present = structuredContent !== undefined;
  const wrong = isError === true && !present ? undefined : check(structuredContent);
  if (wrong !== undefined && isError !== true) return { facts: {}, wrong };
  return { facts: { structured: { present, valid: wrong === undefined } } };
}

function mediaFacts({ media }: Pieces): JsonObject {
  return { count: media.length, bytes: media.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Where links lead: schemes and hosts. */
function linkFacts(uris: readonly string[]): JsonObject {
  const schemes = new Set<string>();
  const hosts = new Set<string>();
  let inner = false;
  let odd = false;
  let traversal = false;
  for (const uri of uris.slice(0, 1_024)) {
    const url = readUrl(uri);
    schemes.add(url?.scheme ?? "");
    if (url?.host !== undefined) hosts.add(url.host);
    inner ||= url?.private === true;
    odd ||= url?.odd !== false;
    if (/[%.]/.test(uri)) traversal ||= readPath(uri.replace(/^[^:]*:/, "")).traversal;
  }
  return {
    count: uris.length,
    schemes: [...schemes].sort().slice(0, most),
    hosts: [...hosts].sort().slice(0, most),
    ...{ private: inner, odd, traversal },
  };
}

const detectors: Readonly<Record<string, readonly Pattern[]>> = {
  pii: piiPatterns,
  injection: [...hiddenPatterns, ...phrasePatterns],
  internals: internalPatterns,
};

async function contentFacts(
  { clock, mostChars = 2 ** 20, budgetMs = 200 }: ResultParts,
  texts: readonly string[],
  isError: boolean,
): Promise<JsonObject> {
  const counts: Record<string, Record<string, number>> = {
    secrets: {},
    pii: {},
    injection: {},
    internals: {},
  };
  const why = new Set<string>();
  const chars = texts.reduce((sum, text) => sum + text.length, 0);
  const begun = clock();
  let turn = begun;
  let left = mostChars;
  for (const piece of piecesOf(texts)) {
    if (left <= 0) {
      why.add("too_large");
      break;
    }
    const { text, from } =
      piece.text.length - piece.from > left
        ? { ...piece, text: piece.text.slice(0, piece.from + left) }
        : piece;
    if (text.length < piece.text.length) why.add("too_large");
    left -= text.length - from;
    add(counts, "secrets", findSecrets(text), from);
    for (const [name, patterns] of Object.entries(detectors)) {
      // what a result says is its own matter; what an error says may be the server's inside
      if (name === "internals" && !isError) continue;
      add(counts, name, findAll(text, patterns, 0, text.length), from);
    }
    const now = clock();
    if (now - begun > budgetMs) {
      why.add("budget");
      break;
    }
    if (now - turn >= turnMs) {
      await new Promise((resolve) => setImmediate(resolve));
      turn = clock();
    }
  }
  const { secrets = {}, pii = {}, injection = {}, internals = {} } = counts;
  return {
    ...{ texts: texts.length, chars, scanned: why.size === 0, why: [...why].sort() },
    ...{ secrets, pii, injection },
    ...(isError ? { internals } : {}),
  };
}

/** Puts short texts together and cuts long ones; what begins before `from` was seen already. */
function* piecesOf(texts: readonly string[]): Generator<{ readonly text: string; readonly from: number }> {
  let some = "";
  for (const text of texts) {
    if (text.length > slice) {
      for (let at = 0; at < text.length; at += slice) {
        const from = Math.min(at, overlap);
        yield { text: text.slice(at - from, at + slice), from };
      }
    } else {
      some += some === "" ? text : `${seam}${text}`;
      if (some.length >= slice) {
        yield { text: some, from: 0 };
        some = "";
      }
    }
  }
  if (some !== "") yield { text: some, from: 0 };
}

/** Counts what ends beyond what was seen already. */
function add(
  counts: Record<string, Record<string, number>>,
  name: string,
  matches: readonly Match[],
  from: number,
): void {
  const kinds = (counts[name] ??= {});
  for (const { kind, end } of matches) if (end > from || from === 0) kinds[kind] = (kinds[kind] ?? 0) + 1;
}
