import { createHash } from "node:crypto";
import type { Decision, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import type { FoundItem, StoreAsk } from "../adapter.js";
import { holds } from "../conditions/holds.js";
import type { Document } from "../document.js";
import { describeResults, documentOf } from "./describe.js";
import { readResponseDuties, responseObligations } from "./duties.js";
import { maskItem, texts, withoutHidden } from "./mask.js";
import type { Prepared } from "./prepare.js";
import { overlaps, pathOf } from "./prepare.js";
import type { Allowed, Turn } from "./turn.js";
import { ownerOf } from "./seal-cursor.js";

/** Documents that one evaluation looks at. */
const batch = 256;
/** Ids that a record names, by their digests. */
const mostIds = 32;

export interface Judged {
  readonly kind: "judged";
  /** In the places of what came back; `undefined` is taken out. */
  readonly items: readonly (FoundItem | undefined)[];
  /** By the same places. */
  readonly labelled: ReadonlyMap<number, readonly string[]>;
  readonly labels: readonly string[];
  readonly facts: JsonObject;
}

interface Candidate {
  readonly place: number;
  readonly item: FoundItem;
  readonly document: Document;
}

/**
 * Looks at each document that came back: by the condition, then by policy, all of an ask together.
 * INVARIANT: this is what keeps documents from who may not have them; what a store filters only saves work.
 */
export async function judge(
  turn: Turn,
  { decisions, prepared }: Allowed,
  found: readonly FoundItem[],
  count?: number,
): Promise<Judged | { readonly kind: "denied"; readonly refusal: Refusal; readonly decision?: Decision }> {
  const items: (FoundItem | undefined)[] = found.map(() => undefined);
  const labelled = new Map<number, readonly string[]>();
  const labels = new Set(decisions.flatMap((one) => one.labels));
  const tally = { found: found.length, filtered: 0, removed: 0, masked: 0, given: 0 };
  const ids = createHash("sha256");
  const named: string[] = [];
  for (const [index, one] of prepared.entries()) {
    const { ask, narrowing } = one;
    const candidates = candidatesOf(one, found, index);
    tally.filtered += found.reduce((sum, { ask: of }) => sum + (of === index ? 1 : 0), 0) - candidates.length;
    // a count tells of documents, too
    if (ask.effect === "count" && count !== undefined) noteQuery(turn, decisions[index], ask, count);
    if (ask.effect !== "find") continue;
    const recent = noteQuery(turn, decisions[index], ask, candidates.length);
    for (let from = 0; from < candidates.length; from += batch) {
      const part = candidates.slice(from, from + batch);
      const call = describeResults(
        turn.store,
        turn.operation.route,
        ask,
        part.map(({ document }) => document),
        recent,
      );
      const asked = turn.retell?.(call) ?? call;
      const [decision] = await askAbout(turn.parts, turn.exchange, [asked], responseObligations);
      if (decision === undefined) return { kind: "denied", refusal: refuse("pdp_unavailable") };
      if (!decision.allow) return { kind: "denied", refusal: refusalOf(decision), decision };
      const duties = readResponseDuties(decision.obligations, part.length);
      if (duties === undefined)
        return { kind: "denied", refusal: refuse("obligation_unsatisfiable"), decision };
      for (const label of decision.labels) labels.add(label);
      for (const [i, { place, item }] of part.entries()) {
        if (duties.keep?.has(i) === false) {
          tally.removed += 1;
          continue;
        }
        const names = duties.mask.get(i) ?? [];
        const shown = maskItem(withoutHidden(item, narrowing.hidden, ask.collection), names, ask.collection);
        // what can't be masked isn't given; nor is what was found by a field that is masked in it: that would tell the field
        const asksMasked = names.some(
          (name) => !texts.has(name) && one.used.some((path) => overlaps(path, pathOf(ask, name))),
        );
        if (shown === undefined || asksMasked) {
          tally.removed += 1;
          continue;
        }
        if (names.length > 0) tally.masked += 1;
        tally.given += 1;
        items[place] = shown;
        ids.update(`${item.id}\n`);
        if (named.length < mostIds) named.push(digestOf(item.id));
        const more = duties.labels.get(i);
        if (more === undefined) continue;
        labelled.set(place, more);
        for (const label of more) labels.add(label);
      }
    }
  }
  const facts = { ...tally, ids: named, ids_sha256: ids.digest("hex") };
  return { kind: "judged", items, labelled, labels: [...labels], facts };
}

/** The documents of an ask that meet its condition, at most as many as may be given. */
function candidatesOf({ ask, narrowing }: Prepared, found: readonly FoundItem[], index: number): Candidate[] {
  const most = Math.min(ask.query?.top_k ?? narrowing.topK, narrowing.topK);
  const candidates: Candidate[] = [];
  for (const [place, item] of found.entries()) {
    if (item.ask !== index || candidates.length >= most) continue;
    const document = documentOf(ask, item.metadata);
    if (holds(narrowing.condition, document)) candidates.push({ place, item, document });
  }
  return candidates;
}

function noteQuery(
  { parts }: Turn,
  decision: Decision | undefined,
  { collection }: StoreAsk,
  found: number,
): JsonObject {
  const { subject } = decision ?? {};
  if (subject === undefined || collection === undefined) return {};
  return parts.recentQueries.note(ownerOf(subject), collection.key, found);
}

function digestOf(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 16);
}
