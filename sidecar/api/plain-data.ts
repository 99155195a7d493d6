import type { IncomingMessage, ServerResponse } from "node:http";
import type { ActiveEntrypoint, BundleSet } from "../bundles/active.js";
import type { ErrorCode, Json, Scan, Scanned } from "../contract.js";
import { createScanner, errorTable, stringifyJson } from "../contract.js";
import type { Outcome, Prepared } from "../decide/cache/cache.js";
import type { Evaluate, Evaluated } from "../decide/evaluate.js";
import type { DataDecided } from "./data.js";
import { sendFailed, toldOf } from "./data.js";
import { planFor, select } from "./document.js";
import type { Door } from "./http.js";
import { sendOpaError } from "./opa-error.js";

export interface PlainDataParts {
  readonly bundles: () => BundleSet;
  readonly evaluate: Evaluate;
  /** Who asks isn't known here: only a bump of everything ends what is kept. */
  readonly epoch?: () => number;
  /** Adds a kind of thing that is kept with results; it is made anew each time where nothing is. */
  readonly prepare: <T>(make: (outcome: Outcome) => Prepared<T>) => (outcome: Outcome) => T;
  readonly recordAt: (path: string) => (decided: DataDecided) => void | Promise<void>;
  readonly fileName: (file: string) => string;
  /** `decision.strict_builtin_errors` */
  readonly strict: boolean;
  readonly observe: (door: string, status: number) => void;
  readonly newId: () => string;
  readonly micros: () => number;
  /** Bytes. */
  readonly maxBody: number;
}

/** Takes a request whose answer needs no more than one entrypoint; false leaves it to the whole door. */
export type PlainData = (
  req: IncomingMessage,
  res: ServerResponse,
  door: Door,
  /** Goes on where the body wants more than that; nothing has been answered or recorded. */
  otherwise: (req: IncomingMessage, res: ServerResponse, body: Buffer) => void,
) => boolean;

/** What one URL comes to. */
interface Plan {
  readonly bundle: BundleSet["bundles"][number];
  readonly entrypoint: string;
  /** What of the result is asked for. */
  readonly rest: readonly string[];
  readonly path: string;
  readonly bundles: DataDecided["bundles"];
  readonly scan: Scan;
  readonly record: (decided: DataDecided) => void | Promise<void>;
}

/** A response from behind its id on. */
interface Tail {
  readonly text: string;
  /** Bytes of the whole response. */
  readonly size: number;
  readonly encoding: "latin1" | "utf8";
}

const plainUrl = /^\/v1\/data((?:\/[A-Za-z0-9_.~-]+)+)$/;
const longestUrl = 256;
const mostPlans = 1_024;
/** Larger bodies are left to the whole door. */
const largestBody = 262_144;
const none: readonly string[] = Object.freeze([]);
const beginning = '{"decision_id":"';
const idLength = 36;

/**
 * Answers `POST /v1/data/{path}` where that is one question to one entrypoint, from the bytes that came to those that go: no
 * document is built but what the key reads. All else, and whatever it can't read, it leaves to {@link createDataDoor}.
 *
 * INVARIANT: the answers of both are the same, byte by byte, but for ids; the differential test holds them together.
 */
export function createPlainData(parts: PlainDataParts): PlainData {
  const plans = new Map<string, Plan>();
  const scanners = new WeakMap<ActiveEntrypoint, Scan>();
  let set: BundleSet | undefined;

  const scannerOf = (entrypoint: ActiveEntrypoint): Scan => {
    let scan = scanners.get(entrypoint);
    if (scan === undefined) {
      scan = createScanner(entrypoint.key === undefined ? [["\0"]] : entrypoint.facts.input);
      scanners.set(entrypoint, scan);
    }
    return scan;
  };
  const makePlan = (url: string): Plan | undefined => {
    const path = url.length <= longestUrl ? plainUrl.exec(url)?.[1]?.slice(1) : undefined;
    if (path === undefined || set === undefined) return undefined;
    const { evaluations, base } = planFor(set, path.split("/"));
    const [only] = evaluations;
    if (only === undefined || evaluations.length > 1 || base.length > 0 || only.at.length > 0)
      return undefined;
    const { bundle, entrypoint, select: rest } = only;
    const active = bundle.entrypoints.get(entrypoint);
    if (active === undefined) return undefined;
    return {
      ...{ bundle, entrypoint, rest, path, scan: scannerOf(active), record: parts.recordAt(path) },
      bundles: Object.freeze({ [bundle.name]: Object.freeze({ revision: bundle.revision }) }),
    };
  };
  const planOf = (url: string): Plan | undefined => {
    const current = parts.bundles();
    if (current !== set) {
      plans.clear();
      set = current;
    }
    let plan = plans.get(url);
    if (plan !== undefined) return plan;
    plan = makePlan(url);
    if (plan === undefined) return undefined;
    if (plans.size >= mostPlans) plans.clear();
    plans.set(url, plan);
    return plan;
  };

  const prepared = parts.prepare<Tail>((outcome) => {
    const value = tailOf(outcome.result);
    return { value, bytes: 2 * value.text.length + 100 };
  });
  const tailFor = (plan: Plan, evaluated: Evaluated & { kind: "evaluated" }): Tail => {
    if (plan.rest.length > 0) return tailOf(select(evaluated.result, plan.rest));
    return evaluated.outcome === undefined ? tailOf(evaluated.result) : prepared(evaluated.outcome);
  };

  const send = (res: ServerResponse, id: string, { text, size, encoding }: Tail): void => {
    if (res.destroyed) return;
    res.writeHead(200, { "content-type": "application/json", "content-length": size });
    res.end(beginning + id + text, encoding);
    parts.observe("data", 200);
  };
  const answer = (
    { req, res, started, bytes }: Asking,
    plan: Plan,
    input: Scanned,
    evaluated: Evaluated,
  ): void | Promise<void> => {
    const decisionId = parts.newId();
    const isFailed = evaluated.kind === "failed";
    const { cache, evaluate } = evaluated.micros;
    const total = parts.micros() - started;
    // spreading costs more here than all that it would say
    const decided: DataDecided = {
      door: "data",
      decisionId,
      path: plan.path,
      input,
      result: isFailed ? undefined : select(evaluated.result, plan.rest),
      rules: isFailed ? none : evaluated.rules,
      cache: isFailed ? "none" : evaluated.cache,
      bundles: plan.bundles,
      requestedBy: req.socket.remoteAddress ?? "unix",
      bytes,
      lookups: evaluated.lookups,
      error: isFailed ? evaluated.code : undefined,
      micros: evaluate === undefined ? { cache: cache ?? 0, total } : withEvaluation(cache, evaluate, total),
    };
    const finish = (): void => {
      if (!isFailed) return send(res, decisionId, tailFor(plan, evaluated));
      fail(res, evaluated.code, toldOf(evaluated.fault, parts.strict, parts.fileName));
    };
    const unrecorded = (): void => {
      sendOpaError(res, 503, "record_failed", errorTable.record_failed[1]);
      parts.observe("data", 503);
    };
    let recording: void | Promise<void>;
    try {
      recording = plan.record(decided);
    } catch {
      return unrecorded();
    }
    return recording instanceof Promise ? recording.then(finish, unrecorded) : finish();
  };
  const fail = (res: ServerResponse, code: ErrorCode, fault: Parameters<typeof sendFailed>[2]): void => {
    sendFailed(res, code, fault);
    parts.observe("data", 500);
  };

  return (req, res, door, otherwise) => {
    const { url = "" } = req;
    const started = parts.micros();
    if (planOf(url) === undefined || !isPlainHead(req.rawHeaders, door, parts.maxBody)) return false;
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
    });
    req.on("end", () => {
      const [first] = chunks;
      const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      // what is in force may have changed meanwhile
      const plan = planOf(url);
      const input = plan?.scan(body);
      if (plan === undefined || input === undefined) return otherwise(req, res, body);
      const asking = { req, res, started, bytes: body.length };
      const broken = (): void => fail(res, "internal_error", undefined);
      try {
        const asker = { tenant: "", epoch: parts.epoch?.() ?? 0 };
        const evaluated = parts.evaluate(plan.bundle, plan.entrypoint, input, asker);
        const answering =
          evaluated instanceof Promise
            ? evaluated.then((late) => answer(asking, plan, input, late))
            : answer(asking, plan, input, evaluated);
        if (answering instanceof Promise) answering.catch(broken);
      } catch {
        // INVARIANT: a bug is one request's failure: nobody else catches what is thrown here
        broken();
      }
    });
    return true;
  };
}

function withEvaluation(cache: number | undefined, evaluate: number, total: number): DataDecided["micros"] {
  return cache === undefined ? { evaluate, total } : { cache, evaluate, total };
}

interface Asking {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly started: number;
  readonly bytes: number;
}

function tailOf(result: Json | undefined): Tail {
  const text = result === undefined ? '"}' : `","result":${stringifyJson(result)}}`;
  const bytes = Buffer.byteLength(text);
  return {
    text,
    size: beginning.length + idLength + bytes,
    encoding: bytes === text.length ? "latin1" : "utf8",
  };
}

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * Tells whether a body of a stated and usual length comes without an encoding, and for a Host that may be asked for here.
 * The raw head is looked at: putting all of it into an object costs more than all that is done with it.
 */
function isPlainHead(head: readonly string[], door: Door, maxBody: number): boolean {
  let host: string | undefined;
  let length = -1;
  for (let i = 0; i < head.length; i += 2) {
    const name = head[i] ?? "";
    // as long as host, content-length, content-encoding, transfer-encoding
    switch (name.length) {
      case 4:
        if (host === undefined && name.toLowerCase() === "host") host = head[i + 1] ?? "";
        break;
      case 14:
        if (name.toLowerCase() === "content-length") length = Number(head[i + 1]);
        break;
      case 16:
        if (name.toLowerCase() === "content-encoding") return false;
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") return false;
        break;
      default:
        break;
    }
  }
  if (door.loopback && !loopbackHost.test(host ?? "")) return false;
  return length > 0 && length <= maxBody && length <= largestBody;
}
