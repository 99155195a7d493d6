/**
 * Carries out the obligations of decisions on tools, before the call and on its result.
 *
 * How to call it: `readToolDuties(decision.obligations, "request", able)` when the call is allowed: undefined is
 * `obligation_unsatisfiable`. `maskArguments` before the call is sent. What is for the result is joined with what the decision on
 * the result asks for (`readToolDuties(…, "response", able)`), and `applyToResult` gives what the client gets: undefined is
 * `obligation_unsatisfiable` again, and nothing of the result is sent.
 */
import type { Json, JsonObject, Obligation } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { Reviewed } from "../definitions/definitions.js";
import { readPlaces } from "./places.js";
import type { ToolMasking } from "./mask.js";
import { CantMask, finderOf, maskResult, maskValues } from "./mask.js";

/** What obligations ask for. */
export interface ToolDuties {
  /** Of the arguments. */
  readonly argumentMasks: readonly ToolMasking[];
  readonly resultMasks: readonly ToolMasking[];
  readonly strip: ReadonlySet<string>;
  readonly limits: readonly ResultLimit[];
  readonly labels: readonly string[];
  readonly notices: readonly { readonly hook: string; readonly required: boolean }[];
  /** How the result is to be looked at; absent: as is configured. */
  readonly inspect?: "decide" | "observe";
}

interface ResultLimit {
  readonly bytes?: number;
  readonly blocks?: number;
  readonly refuse: boolean;
}

/** What can be done here. */
export interface ToolAble {
  readonly hasHook: (name: string) => boolean;
}

export const noToolDuties: ToolDuties = {
  ...{ argumentMasks: [], resultMasks: [], strip: new Set<string>(), limits: [], labels: [], notices: [] },
};

/** Types of blocks that can be taken out of a result. */
export const strippable = ["image", "audio", "resource_link", "resource"] as const;

/** Obligations on tools, resources and prompts that this gateway can carry out, to be told to the sidecar. */
export const toolObligations = [
  ...["mask", "add_label", "notify", "strip_content", "limit_result", "inspect_result"],
] as const as readonly ["mask", "add_label", "notify", "strip_content", "limit_result", "inspect_result"];

type Reader = (
  properties: JsonObject,
  phase: "request" | "response",
  able: ToolAble,
) => Partial<ToolDuties> | undefined;

const label = /^[a-z0-9][a-z0-9_.:-]{0,63}$/;

/** INVARIANT: a property that isn't understood is a duty that isn't done. */
const readers: Readonly<Record<(typeof toolObligations)[number], Reader>> = {
  mask(properties, phase) {
    const { patterns, pointers, phase: when, replacement, ...others } = properties;
    if (Object.keys(others).length > 0 || (patterns === undefined && pointers === undefined))
      return undefined;
    // on a result, arguments were sent long ago
    if (when !== "response" && (when !== "request" || phase !== "request")) return undefined;
    const named = patterns === undefined ? undefined : textsOf(patterns);
    const find = named === undefined ? undefined : finderOf(named);
    if (patterns !== undefined && find === undefined) return undefined;
    const places = pointers === undefined ? undefined : readPlaces(textsOf(pointers) ?? [], when);
    if (pointers !== undefined && places === undefined) return undefined;
    if (replacement !== undefined && (typeof replacement !== "string" || replacement.length > 64))
      return undefined;
    const masking: ToolMasking = {
      ...(find === undefined ? {} : { find }),
      ...(places === undefined ? {} : { pointers: places }),
      ...(replacement === undefined ? {} : { replacement }),
    };
    return when === "request" ? { argumentMasks: [masking] } : { resultMasks: [masking] };
  },
  add_label({ labels: said, ...others }) {
    const labels = textsOf(said ?? null);
    if (Object.keys(others).length > 0 || labels === undefined || labels.length > 32) return undefined;
    return labels.every((one) => label.test(one)) ? { labels } : undefined;
  },
  notify({ hook, required = false, ...others }, _, { hasHook }) {
    if (Object.keys(others).length > 0 || typeof hook !== "string" || typeof required !== "boolean")
      return undefined;
    return hasHook(hook) ? { notices: [{ hook, required }] } : undefined;
  },
  strip_content({ types: said, ...others }) {
    const types = textsOf(said ?? null);
    const known = types?.every((type) => (strippable as readonly string[]).includes(type));
    return types === undefined || known !== true || Object.keys(others).length > 0
      ? undefined
      : { strip: new Set(types) };
  },
  limit_result({ max_bytes: bytes, max_blocks: blocks, otherwise = "cut", ...others }) {
    const isCount = (value: Json | undefined): value is number | undefined =>
      value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= 1);
    if (Object.keys(others).length > 0 || !isCount(bytes) || !isCount(blocks)) return undefined;
    if ((bytes === undefined && blocks === undefined) || (otherwise !== "cut" && otherwise !== "refuse"))
      return undefined;
    const limit = { ...(bytes === undefined ? {} : { bytes }), ...(blocks === undefined ? {} : { blocks }) };
    return { limits: [{ ...limit, refuse: otherwise === "refuse" }] };
  },
  inspect_result({ mode, ...others }, phase) {
    if (Object.keys(others).length > 0 || phase !== "request") return undefined;
    return mode === "decide" || mode === "observe" ? { inspect: mode } : undefined;
  },
};

/** Reads what a decision asks for; undefined where one can't be carried out here, which denies. */
export function readToolDuties(
  obligations: readonly Obligation[],
  phase: "request" | "response",
  able: ToolAble,
): ToolDuties | undefined {
  let duties = noToolDuties;
  for (const { type, properties } of obligations) {
    const read = Object.hasOwn(readers, type)
      ? readers[type as keyof typeof readers](properties, phase, able)
      : undefined;
    if (read === undefined) return undefined;
    duties = joinToolDuties(duties, { ...noToolDuties, ...read });
  }
  return duties;
}

/** Joins what two decisions ask for: all of both; of modes the stricter. */
export function joinToolDuties(one: ToolDuties, other: ToolDuties): ToolDuties {
  const inspect = [one.inspect, other.inspect].includes("decide") ? "decide" : (one.inspect ?? other.inspect);
  return {
    argumentMasks: [...one.argumentMasks, ...other.argumentMasks],
    resultMasks: [...one.resultMasks, ...other.resultMasks],
    strip: new Set([...one.strip, ...other.strip]),
    limits: [...one.limits, ...other.limits],
    labels: [...new Set([...one.labels, ...other.labels])],
    notices: [...one.notices, ...other.notices],
    ...(inspect === undefined ? {} : { inspect }),
  };
}

/** Masks arguments before they are sent; undefined where the tool wouldn't take them any more, or it can't be done. */
export function maskArguments(
  args: JsonObject,
  { argumentMasks }: ToolDuties,
  check: Reviewed["checkArguments"] = () => undefined,
): JsonObject | undefined {
  if (argumentMasks.length === 0) return args;
  return possibly(() => {
    const masked = argumentMasks.reduce<Json>(maskValues, args);
    return isObject(masked) && check(masked) === undefined ? masked : undefined;
  });
}

/**
 * Carries out what is to be done to a result: strips, then masks, then cuts.
 * @param check {@link Reviewed.checkResult}: structured content that its schema doesn't allow any more isn't sent
 * @returns undefined where that can't be done
 */
export function applyToResult(
  result: JsonObject,
  duties: ToolDuties,
  check: Reviewed["checkResult"] = () => undefined,
): JsonObject | undefined {
  return possibly(() => {
    let out: JsonObject | undefined = strip(result, duties.strip);
    for (const masking of duties.resultMasks) out = maskResult(out, masking);
    if (
      out["structuredContent"] !== undefined &&
      out !== result &&
      check(out["structuredContent"]) !== undefined
    )
      return undefined;
    for (const limit of duties.limits) out = out === undefined ? undefined : cut(out, limit, check);
    return out;
  });
}

function possibly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof CantMask) return undefined;
    throw error;
  }
}

const copy = (value: JsonObject): JsonObject => Object.assign(Object.create(null) as JsonObject, value);

function strip(result: JsonObject, types: ReadonlySet<string>): JsonObject {
  const { content, messages, contents } = result;
  if (types.size === 0) return result;
  const out = copy(result);
  const stays = (block: Json | undefined): boolean =>
    !isObject(block) || typeof block["type"] !== "string" || !types.has(block["type"]);
  if (Array.isArray(content)) out["content"] = content.filter(stays);
  if (Array.isArray(messages))
    out["messages"] = messages.filter((one) => !isObject(one) || stays(one["content"]));
  // what was read is the resource itself
  if (contents !== undefined && types.has("resource")) throw new CantMask();
  return out;
}

/** Cuts lists of blocks at their end, then the last text; structured content can't be cut. */
function cut(
  result: JsonObject,
  { bytes, blocks, refuse }: ResultLimit,
  check: Reviewed["checkResult"],
): JsonObject | undefined {
  const field = ["content", "contents", "messages"].find((name) => Array.isArray(result[name]));
  const list = field === undefined ? undefined : (result[field] as Json[]);
  let out = result;
  if (blocks !== undefined && list !== undefined && list.length > blocks) {
    if (refuse) return undefined;
    out = copy(out);
    out[field ?? ""] = list.slice(0, blocks);
  }
  if (bytes === undefined || sizeOf(out) <= bytes) return out;
  if (refuse) return undefined;
  out = copy(out);
  if (out["structuredContent"] !== undefined) {
    // a tool that promised structure can't go without
    if (check(undefined) !== undefined) return undefined;
    delete out["structuredContent"];
    if (list === undefined) return undefined;
  }
  if (field === undefined) return undefined;
  const kept: Json[] = [];
  const room = bytes - sizeOf({ ...out, [field]: [] });
  let used = 0;
  for (const block of out[field] as Json[]) {
    const size = Buffer.byteLength(stringifyJson(block)) + 1;
    if (used + size <= room) {
      kept.push(block);
      used += size;
      continue;
    }
    const short = shorten(block, room - used);
    if (short !== undefined) kept.push(short);
    break;
  }
  out[field] = kept;
  return sizeOf(out) <= bytes ? out : undefined;
}

const ending = "… [cut]";

/** Shortens a text block to a size, bytes; undefined where nothing of it would be left. */
function shorten(block: Json, size: number): Json | undefined {
  if (
    !isObject(block) ||
    typeof block["text"] !== "string" ||
    (block["type"] !== undefined && block["type"] !== "text")
  )
    return undefined;
  const { text } = block;
  let keep = Math.min(text.length, size);
  for (; keep > 0; keep = Math.floor(keep * 0.75)) {
    const short = {
      ...block,
      text:
        text
          .slice(0, keep)
          .toWellFormed()
          .replace(/\uFFFD$/, "") + ending,
    };
    if (Buffer.byteLength(stringifyJson(short)) <= size) return short;
  }
  return undefined;
}

const sizeOf = (value: Json): number => Buffer.byteLength(stringifyJson(value));

function textsOf(value: Json): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > 256) return undefined;
  const fits = (one: Json): one is string => typeof one === "string" && one !== "" && one.length <= 1_024;
  return value.every(fits) ? value : undefined;
}
