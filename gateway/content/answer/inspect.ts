/** Looks at an answer on its way to the client: finds facts, has them decided, masks; in this order. */
import type { Decision, JsonObject, Refusal } from "../../../sidecar/contract.js";
import type { ContentParts } from "../describe.js";
import { describeAnswer, factsOfMedium } from "../describe.js";
import { CantMaskAnswer, maskAnswer, maskEvents } from "../mask-answer.js";
import type { Masking } from "../mask-text.js";
import { createStreamScanner } from "./scan.js";
import type { StreamScanner } from "./scan.js";
import { holdEvents, observeEvents } from "./watch.js";
import type { AnswerForm } from "./words.js";
import { answerWords } from "./words.js";

/** Whether facts about answers are recorded only, or decided on before the client sees what they are about. */
export const answerModes = ["observe", "decide"] as const;
export type AnswerMode = (typeof answerModes)[number];

export interface Denial {
  readonly refusal: Refusal;
  readonly decision: Decision | undefined;
}

export interface InspectorParts {
  /** Undefined where the answer isn't read: then it isn't scanned, which its facts say, and can't be masked. */
  readonly form: AnswerForm | undefined;
  readonly masks: readonly Masking[];
  /** Absent: answers aren't looked at. */
  readonly scan?: { readonly mode: AnswerMode; readonly content: ContentParts } | undefined;
  /** Decides on facts about an answer; undefined allows. */
  readonly decide: (facts: JsonObject) => Promise<Denial | undefined>;
}

/** An answer that may not be given, or only up to here. */
export class AnswerDenied extends Error {
  override readonly name = "AnswerDenied";
}

export interface Inspector {
  /** Gives the answer as it may be given. @throws AnswerDenied, CantMaskAnswer */
  whole(answer: JsonObject): Promise<JsonObject>;
  /** The same for a stream of events. */
  stream(events: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** Hears of an answer that isn't text. @throws AnswerDenied */
  opaque(): Promise<void>;
  /** Says why an answer was denied. */
  denial(): Denial | undefined;
  /** What was found up to now; undefined where nobody looks. */
  facts(): JsonObject | undefined;
}

const largest = 16 * 2 ** 20;
/** How much must be settled before it is scanned: at once where a client waits, else rather much at a time. */
const least = { observe: 1_024, decide: 64 } as const;

export function createInspector({ form, masks, scan, decide }: InspectorParts): Inspector {
  const said = form ?? "openai";
  const { events: createVisit, repeats } = answerWords[said];
  let denied: Denial | undefined;
  let known: JsonObject | undefined;
  let scanner: StreamScanner | undefined;
  const ask = async (facts: JsonObject): Promise<void> => {
    denied = await decide(facts);
    if (denied !== undefined) throw new AnswerDenied();
  };
  const watched = (source: AsyncIterable<Buffer>): AsyncIterable<Buffer> => {
    if (scan === undefined) return source;
    const { mode, content } = scan;
    scanner = createStreamScanner(content, { least: least[mode], repeats });
    return mode === "observe"
      ? observeEvents(source, createVisit(), scanner)
      : holdEvents(source, createVisit(), scanner, ask);
  };
  return {
    async whole(answer) {
      if (scan !== undefined) {
        known = await describeAnswer(scan.content, answer);
        if (scan.mode === "decide") await ask(known);
      }
      return masks.reduce(maskAnswer, answer);
    },
    stream: (source) =>
      masks.reduce<AsyncIterable<Buffer>>(
        (events, masking) => maskEvents(events, masking, said, largest),
        watched(source),
      ),
    async opaque() {
      if (masks.length > 0) throw new CantMaskAnswer();
      if (scan === undefined) return;
      known = factsOfMedium(scan.content);
      if (scan.mode === "decide") await ask(known);
    },
    denial: () => denied,
    facts() {
      // what was seen last may be of a text that didn't end
      scanner?.visitor.end("");
      return scanner?.facts() ?? known;
    },
  };
}
