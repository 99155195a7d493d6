/** Scans the texts of a stream by a window, in bounded memory: what is found doesn't depend on how the stream is cut. */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { parseJson } from "../../../sidecar/contract.js";
import type { ContentParts } from "../describe.js";
import { scanSlice } from "../describe.js";
import type { Detector, Role } from "../detector.js";
import { reach } from "../detector.js";
import { readAnswer, readValues } from "../read-parts.js";
import { settledIn, widest } from "../settle.js";
import type { Why } from "../tally.js";
import { add, addMedium, factsOf, miss, newTally, versionsOf } from "../tally.js";
import type { Form, Visitor } from "./visitor.js";

/** Scanned at a time, characters. */
const slice = 65_536;
/** Most texts that grow at a time; more are none that a model writes. */
const mostTexts = 1_024;
/** Most texts that are remembered, so that one that is said again isn't counted again. */
const mostRemembered = 16_384;

export interface ScanOptions {
  /** Scanned when so much of a text is settled that wasn't: more is quicker, less is sooner; characters. */
  readonly least: number;
  /** Whether later events say again what earlier ones said. */
  readonly repeats: boolean;
}

/** How far a text must be known for what was seen of it to be released. */
export interface Mark {
  readonly text: Growing;
  readonly end: number;
}

export interface StreamScanner {
  readonly visitor: Visitor;
  /** Gives what the pieces seen since the last time wait for. */
  marks(): readonly Mark[];
  isKnown(mark: Mark): boolean;
  /** Whether something new was found, or not seen, since the last time. */
  news(): boolean;
  /** Says that something could not be read. */
  fail(): void;
  facts(): JsonObject;
}

interface Growing {
  readonly form: Form;
  /** What of it isn't forgotten. */
  text: string;
  /** How much of it is forgotten. */
  base: number;
  /** Up to here it is known: of the text from its beginning. */
  known: number;
  /** Where each detector goes on. */
  readonly at: Map<Detector, number>;
  /** Why the rest of it isn't looked at. */
  closed: boolean;
  readonly digest: ReturnType<typeof createHash> | undefined;
}

export function createStreamScanner(parts: ContentParts, { least, repeats }: ScanOptions): StreamScanner {
  const { detectors, budgetMs, maxBytes, clock } = parts;
  const whole = detectors.filter(({ sample }) => sample === undefined);
  const samplers = detectors.filter(({ sample }) => sample !== undefined);
  const keys = whole.some(({ name }) => name === "secrets");
  const tally = newTally();
  const spent = new Map(detectors.map((detector) => [detector, 0]));
  const open = new Map<string, Growing>();
  const heads = new Map<Growing, string>();
  const said = new Set<string>();
  let marks: Mark[] = [];
  let asked = new Set<string>();
  let left = maxBytes;

  function scan(detector: Detector, text: string, from: number, to: number, role: Role): number {
    let at = from;
    while (at < to) {
      const used = spent.get(detector) ?? 0;
      if (used >= budgetMs) return lose(detector, "budget", to);
      const before = clock();
      const scanned = scanSlice(detector, text, at, Math.min(to, at + slice), role);
      spent.set(detector, used + clock() - before);
      if (scanned === undefined) return lose(detector, "failed", to);
      add((tally.found[detector.name] ??= {}), scanned.counts);
      at = scanned.next;
    }
    return at;
  }

  function lose(detector: Detector, why: Why, to: number): number {
    miss(tally, detector.name, why);
    return to;
  }

  /** Counts a text's bytes; tells whether it may be looked at. */
  function afford(text: string): boolean {
    const bytes = Buffer.byteLength(text);
    tally.bytes += bytes;
    const fits = bytes <= left;
    left = Math.max(0, left - bytes);
    return fits;
  }

  function scanWhole(text: string, role: Role): void {
    if (text === "") return;
    if (repeats) {
      const digest = createHash("sha256").update(text).digest("base64");
      if (said.has(digest)) return;
      if (said.size < mostRemembered) said.add(digest);
    }
    tally.texts++;
    if (!afford(text)) for (const detector of detectors) lose(detector, "too_large", 0);
    else {
      for (const detector of detectors) {
        scan(detector, text, 0, Math.min(text.length, detector.sample ?? text.length), role);
      }
    }
  }

  /** Tells whether there was any text. */
  function scanParts(value: Json): boolean {
    const { texts, media } = readAnswer(value);
    for (const medium of media) addMedium(tally, medium);
    for (const { role, text } of texts) scanWhole(text, role);
    return texts.length > 0;
  }

  function begin(form: Form): Growing {
    tally.texts++;
    const at = new Map(whole.map((detector) => [detector, 0]));
    const digest = repeats ? createHash("sha256") : undefined;
    return { form, text: "", base: 0, known: 0, at, closed: false, digest };
  }

  /** Looks at what is settled of a text. */
  function look(growing: Growing, ended: boolean): void {
    const { text, base, at } = growing;
    // less than this is settled, whatever it is
    if (!ended && text.length - widest + base - growing.known < least) return;
    const limit = ended ? text.length : settledIn(text, Math.max(0, growing.known - base), keys);
    if (!ended && limit + base - growing.known < least) return;
    for (const [detector, from] of at) {
      if (from - base < limit) at.set(detector, base + scan(detector, text, from - base, limit, "assistant"));
    }
    growing.known = Math.max(growing.known, base + limit);
    // what is before may tell what comes
    const past = Math.max(0, limit - reach.before);
    growing.text = text.slice(past);
    growing.base = base + past;
  }

  function sample(growing: Growing, piece: string, ended: boolean): void {
    if (samplers.length === 0) return;
    const most = Math.max(...samplers.map((one) => one.sample ?? 0));
    const before = heads.get(growing) ?? "";
    const head = before.length < most ? (before + piece).slice(0, most) : before;
    const full = head.length >= most && before.length < most;
    heads.set(growing, head);
    if (full || (ended && before.length < most && head !== "")) {
      for (const one of samplers) scan(one, head, 0, Math.min(head.length, one.sample ?? 0), "assistant");
    }
    if (ended) heads.delete(growing);
  }

  function close(growing: Growing): void {
    // what fitted is looked at
    if (growing.form === "text") look(growing, true);
    for (const detector of detectors) lose(detector, "too_large", 0);
    Object.assign(growing, { closed: true, text: "", known: Infinity });
  }

  function finish(growing: Growing): void {
    if (growing.digest !== undefined && said.size < mostRemembered) said.add(growing.digest.digest("base64"));
    if (!growing.closed && growing.form === "json") finishJson(growing.text);
    else if (!growing.closed) {
      look(growing, true);
      sample(growing, "", true);
    }
    growing.known = Infinity;
    growing.text = "";
  }

  function finishJson(text: string): void {
    // its size is counted already
    const bytes = tally.bytes;
    left += Buffer.byteLength(text);
    try {
      for (const one of readValues(parseJson(text))) scanWhole(one.text, one.role);
    } catch {
      scanWhole(text, "assistant");
    }
    tally.bytes = bytes;
  }

  const visitor: Visitor = {
    piece(path, text, form) {
      if (text === "") return text;
      const growing = open.get(path) ?? begin(form);
      if (open.size >= mostTexts && !open.has(path)) throw new Error("too many texts at a time");
      open.set(path, growing);
      growing.digest?.update(text);
      if (!afford(text) && !growing.closed) close(growing);
      if (!growing.closed) {
        growing.text += text;
        if (form === "text") {
          sample(growing, text, false);
          look(growing, false);
        }
      }
      marks.push({ text: growing, end: growing.base + growing.text.length });
      return text;
    },
    whole(_path, value) {
      scanParts(value);
      return value;
    },
    echo: (value) => value,
    unknown(_path, value) {
      // INVARIANT: what may go on in later events was only seen piece by piece
      if (scanParts(value)) for (const detector of detectors) lose(detector, "unknown", 0);
      return value;
    },
    end(path) {
      for (const [one, growing] of open) {
        if (one !== path && !one.startsWith(`${path}/`)) continue;
        open.delete(one);
        finish(growing);
      }
      return [];
    },
  };
  return {
    visitor,
    marks() {
      const now = marks;
      marks = [];
      return now;
    },
    isKnown: ({ text, end }) => text.known >= end,
    news() {
      const now = new Set(asked);
      for (const [name, counts] of Object.entries(tally.found)) {
        for (const kind of Object.keys(counts)) now.add(`${name} ${kind}`);
      }
      for (const what of Object.keys(tally.unscanned)) now.add(`unscanned ${what}`);
      for (const why of tally.why) now.add(`why ${why}`);
      const some = now.size > asked.size;
      asked = now;
      return some;
    },
    fail() {
      for (const detector of detectors) lose(detector, "failed", 0);
    },
    facts: () => ({ detectors: versionsOf(detectors), ...factsOf(tally, detectors) }),
  };
}
