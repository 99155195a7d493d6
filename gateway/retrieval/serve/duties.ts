/** What decisions on retrieval oblige to. INVARIANT: what isn't understood is a duty that isn't done. */
import type { Condition, Json, JsonObject, Obligation, Scalar } from "../../../sidecar/contract.js";
import { isObject, parseCondition, plainNumber } from "../../../sidecar/contract.js";

/** Before a store is asked. */
export interface RequestDuties {
  /** All of them must hold. */
  readonly conditions: readonly Condition[];
  /** Fields that nobody gets, by their configured names. */
  readonly hidden: readonly string[];
  readonly topK?: number;
  readonly set: Readonly<Record<string, Scalar>>;
  readonly atLeast: Readonly<Record<string, { readonly value: Scalar; readonly order: readonly Scalar[] }>>;
}

/** On what came back: by the places in the documents that were asked about. */
export interface ResponseDuties {
  /** Absent: all stay. */
  readonly keep?: ReadonlySet<number>;
  readonly mask: ReadonlyMap<number, readonly string[]>;
  readonly labels: ReadonlyMap<number, readonly string[]>;
}

/** The obligations that can be carried out on a request; the sidecar turns a filter's `include` into its condition. */
export const requestObligations = [
  ...["filter", "filter_documents", "hide_fields", "limit_results", "stamp_documents"],
] as const;

export const responseObligations = ["keep_documents", "mask_documents", "label_documents"] as const;

const fieldName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const labelForm = /^[a-z0-9][a-z0-9_.:-]{0,63}$/;
const classifications = ["public", "internal", "confidential", "restricted"];

/** Reads what an allow obliges to; undefined where it can't be done. */
export function readRequestDuties(obligations: readonly Obligation[]): RequestDuties | undefined {
  const conditions: Condition[] = [];
  const hidden: string[] = [];
  const set: Record<string, Scalar> = Object.create(null) as Record<string, Scalar>;
  const atLeast = Object.create(null) as Record<string, { value: Scalar; order: readonly Scalar[] }>;
  let topK: number | undefined;
  for (const { type, properties } of obligations) {
    switch (type) {
      case "filter": {
        const { condition, ...others } = properties;
        const read = parseCondition(condition);
        if (read === undefined || Object.keys(others).length > 0) return undefined;
        conditions.push(read);
        break;
      }
      case "filter_documents": {
        const read = readFilterDocuments(properties);
        if (read === undefined) return undefined;
        conditions.push(read);
        break;
      }
      case "hide_fields": {
        const { fields, ...others } = properties;
        const read = namesOf(fields);
        if (read === undefined || Object.keys(others).length > 0) return undefined;
        hidden.push(...read);
        break;
      }
      case "limit_results": {
        const { top_k, ...others } = properties;
        const most = plainNumber(top_k);
        if (most === undefined || !Number.isInteger(most) || most < 1 || Object.keys(others).length > 0)
          return undefined;
        topK = Math.min(most, topK ?? most);
        break;
      }
      case "stamp_documents":
        if (!readStamp(properties, set, atLeast)) return undefined;
        break;
      default:
        return undefined;
    }
  }
  return { conditions, hidden, set, atLeast, ...(topK === undefined ? {} : { topK }) };
}

/** `{tenant, max_classification}`: the documents of the tenant, or of all, up to the classification. */
function readFilterDocuments({ tenant, max_classification, ...others }: JsonObject): Condition | undefined {
  const most = classifications.findIndex((one) => one === max_classification);
  if (typeof tenant !== "string" || most < 0 || Object.keys(others).length > 0) return undefined;
  return parseCondition({
    type: "compound",
    operator: "and",
    value: [
      { type: "field", operator: "in", field: "tenant", value: [tenant, "*"] },
      {
        type: "field",
        operator: "in",
        field: "classification",
        value: classifications.slice(0, most + 1),
      },
    ],
  });
}

function readStamp(
  { set: given = {}, at_least = {}, ...others }: JsonObject,
  set: Record<string, Scalar>,
  atLeast: Record<string, { value: Scalar; order: readonly Scalar[] }>,
): boolean {
  if (Object.keys(others).length > 0 || !isObject(given) || !isObject(at_least)) return false;
  for (const [name, one] of Object.entries(given)) {
    const value = scalarOf(one);
    // two that disagree can't both be done
    if (!fieldName.test(name) || value === undefined || (name in set && set[name] !== value)) return false;
    set[name] = value;
  }
  for (const [name, one] of Object.entries(at_least)) {
    if (!fieldName.test(name) || !isObject(one) || name in atLeast) return false;
    const { value: least, order, ...more } = one;
    const value = scalarOf(least);
    if (value === undefined || !Array.isArray(order) || Object.keys(more).length > 0) return false;
    const known = order.map(scalarOf).filter((rank) => rank !== undefined);
    if (known.length < order.length || !known.includes(value)) return false;
    atLeast[name] = { value, order: known };
  }
  return true;
}

/** Reads what is to be done with `count` documents; undefined where it can't be done. */
export function readResponseDuties(
  obligations: readonly Obligation[],
  count: number,
): ResponseDuties | undefined {
  let keep: Set<number> | undefined;
  const mask = new Map<number, readonly string[]>();
  const labels = new Map<number, readonly string[]>();
  for (const { type, properties } of obligations) {
    const { documents, fields, labels: given, ...others } = properties;
    const places = placesOf(documents, count);
    if (places === undefined || Object.keys(others).length > 0) return undefined;
    if (type === "keep_documents" && fields === undefined && given === undefined) {
      // of several, each must keep it
      const before: ReadonlySet<number> | undefined = keep;
      keep = new Set(before === undefined ? places : places.filter((one) => before.has(one)));
    } else if (type === "mask_documents" && given === undefined) {
      const names = namesOf(fields);
      if (names === undefined) return undefined;
      for (const one of places) mask.set(one, [...(mask.get(one) ?? []), ...names]);
    } else if (type === "label_documents" && fields === undefined) {
      const names = labelsOf(given);
      if (names === undefined) return undefined;
      for (const one of places) labels.set(one, [...(labels.get(one) ?? []), ...names]);
    } else return undefined;
  }
  return { mask, labels, ...(keep === undefined ? {} : { keep }) };
}

function placesOf(value: Json | undefined, count: number): number[] | undefined {
  if (!Array.isArray(value) || value.length > count) return undefined;
  const fits = (one: Json): one is number =>
    typeof one === "number" && Number.isInteger(one) && one >= 0 && one < count;
  return value.every(fits) ? value : undefined;
}

function namesOf(value: Json | undefined): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > 64) return undefined;
  return value.every((one): one is string => typeof one === "string" && fieldName.test(one))
    ? value
    : undefined;
}

function labelsOf(value: Json | undefined): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > 32) return undefined;
  return value.every((one): one is string => typeof one === "string" && labelForm.test(one))
    ? value
    : undefined;
}

function scalarOf(value: Json | undefined): Scalar | undefined {
  return typeof value === "string" || typeof value === "boolean" ? value : plainNumber(value);
}
