import type { Condition, FieldOperator, Scalar } from "../../../sidecar/contract.js";
import type { FieldConfig } from "../document.js";

/** One test of one field; `negated`: it must not hold, which it doesn't where the field is missing or of another type. */
export interface Leaf {
  readonly field: FieldConfig;
  readonly operator: FieldOperator;
  readonly value: Scalar | readonly Scalar[];
  readonly negated: boolean;
}

/** How a store's filter language says things. */
export interface Language<Filter extends object> {
  /**
   * Says a leaf. `exact`: it holds where the leaf does and nowhere else, also where the field is missing, null, of another
   * type or a list; else it must be wider. INVARIANT: never narrower. Undefined: it can't be said at all.
   */
  leaf(leaf: Leaf): { readonly filter: Filter; readonly exact: boolean } | undefined;
  /** Of at least two. */
  and(filters: readonly Filter[]): Filter;
  or(filters: readonly Filter[]): Filter;
}

export interface Compiled<Filter extends object> {
  /** Absent: no restriction. */
  readonly filter?: Filter;
  /** Whether it holds where the condition does and nowhere else; `false`: it is wider. */
  readonly exact: boolean;
}

/**
 * Says a condition in a store's filter language. Negations are carried down to the leaves, so that leaving something out
 * only makes the filter wider.
 * @throws Error where a field isn't configured: {@link simplify} refuses those
 */
export function compile<Filter extends object>(
  condition: Condition,
  fields: ReadonlyMap<string, FieldConfig>,
  language: Language<Filter>,
): Compiled<Filter> {
  const say = (one: Condition, negated: boolean): Compiled<Filter> => {
    if (one.type === "field") {
      const field = fields.get(one.field);
      if (field === undefined) throw new Error("a condition on a field that isn't configured");
      return language.leaf({ field, operator: one.operator, value: one.value, negated }) ?? { exact: false };
    }
    if (one.operator === "not") return say(one.value[0] ?? never(), !negated);
    const members = one.value.map((member) => say(member, negated));
    return (one.operator === "and") === !negated ? all(members) : any(members);
  };
  const all = (members: readonly Compiled<Filter>[]): Compiled<Filter> => {
    const exact = members.every((member) => member.exact);
    const said = members.flatMap(({ filter }) => (filter === undefined ? [] : [filter]));
    return { ...joined(said, (filters) => language.and(filters)), exact };
  };
  const any = (members: readonly Compiled<Filter>[]): Compiled<Filter> => {
    const said = members.flatMap(({ filter }) => (filter === undefined ? [] : [filter]));
    // one that has no restriction makes all of it unrestricted
    if (said.length < members.length || members.length === 0) {
      return {
        exact: members.length > 0 && members.some(({ filter, exact }) => filter === undefined && exact),
      };
    }
    return { ...joined(said, (filters) => language.or(filters)), exact: members.every(({ exact }) => exact) };
  };
  return say(condition, false);
}

function joined<Filter extends object>(
  filters: readonly Filter[],
  join: (filters: readonly Filter[]) => Filter,
): { readonly filter?: Filter } {
  const [first] = filters;
  if (first === undefined) return {};
  return { filter: filters.length === 1 ? first : join(filters) };
}

function never(): never {
  throw new Error("a negation of nothing");
}
