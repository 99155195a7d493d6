/** What generated policies read and generated inputs hold: one vocabulary, so that they meet. */
import type { Random } from "../../../filters/policies.js";

export type Kind = "text" | "number" | "flag" | "list" | "object" | "any";

/** What a place in an input or in the base documents usually holds. */
export type Shape =
  | { readonly kind: "text"; readonly of: readonly string[] }
  | { readonly kind: "number" | "flag" | "any" }
  | { readonly kind: "list"; readonly of: Shape }
  /** `open`: also other members than these, of the last one's shape. */
  | { readonly kind: "object"; readonly members: Readonly<Record<string, Shape>>; readonly open?: boolean };

/** Keys and values that many policies ask for. */
export const words = ["u1", "u2", "u3", "model", "tool", "k", "a", "b", "x", "0"] as const;
/** Texts that some reader might take for one another. */
export const nearWords = [
  "é",
  "e\u0301",
  "😀",
  "\ufffd",
  "",
  "Model",
  "model ",
  "1",
  "null",
  "true",
  "K",
  "\u212a",
];

const text = (...of: string[]): Shape => ({ kind: "text", of });
const number: Shape = { kind: "number" };
const flag: Shape = { kind: "flag" };
const any: Shape = { kind: "any" };
const list = (of: Shape): Shape => ({ kind: "list", of });
const object = (members: Record<string, Shape>, open = false): Shape => ({ kind: "object", members, open });
const word = text(...words);

export const inputShape = object({
  subject: object({
    id: text("u1", "u2", "u3"),
    level: number,
    admin: flag,
    roles: list(word),
    properties: object({
      department: text("a", "b"),
      chain: list(object({ id: text("u1", "u2"), level: number })),
    }),
  }),
  resource: object({
    type: text("model", "tool", "collection"),
    id: text("a", "b", "k"),
    tags: list(word),
    owner: text("u1", "u2"),
    region: text("x", "a"),
    arguments: object({ k: word, n: number, path: word, a: any }, true),
  }),
  action: object({ name: text("model.invoke", "tool.call", "a") }),
  context: object({ labels: list(word), counts: object({ a: number, b: number }, true), time: number }),
  o: object({ a: word, b: object({ a: number, b: any }, true), k: word }, true),
  m: object({ u1: word, u2: number, k: any, a: flag, x: word }, true),
  xs: list(word),
  n: number,
  k: word,
  pair: list(any),
  // a name that must be quoted, one that every object seems to have, one that looks like an index, the empty one
  "b-c": any,
  ["__proto__"]: any,
  constructor: any,
  "0": any,
  "": any,
});

export const dataShape = object({
  users: object(
    Object.fromEntries(
      ["u1", "u2", "u3", "0"].map((id) => [
        id,
        object({ level: number, department: text("a", "b"), roles: list(word), x: any }, true),
      ]),
    ),
  ),
  limits: object({ model: number, tool: number, a: number, k: number }),
  grid: object({ a: object({ a: number, b: number }), b: object({ a: any, k: any }), k: object({ a: any }) }),
  names: list(word),
  tree: object({ a: object({ b: any, k: list(word) }), deep: object({ x: object({ y: any }) }) }),
});

/** A place with its shape. */
export interface Place {
  readonly path: readonly string[];
  readonly shape: Shape;
}

/** All places of a shape, down to its leaves. */
export function placesOf(shape: Shape, path: readonly string[] = []): Place[] {
  const here = path.length === 0 ? [] : [{ path, shape }];
  if (shape.kind !== "object") return here;
  return [
    ...here,
    ...Object.entries(shape.members).flatMap(([name, inner]) => placesOf(inner, [...path, name])),
  ];
}

export const inputPlaces = placesOf(inputShape);
export const dataPlaces = placesOf(dataShape);

export function isKind(shape: Shape, kind: Kind): boolean {
  return kind === "any" || shape.kind === kind || shape.kind === "any";
}

/** A reference as Rego writes it: `input.a["b-c"]`. */
export function refText(head: string, path: readonly string[]): string {
  return path.reduce(
    (out, name) =>
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `${out}.${name}` : `${out}[${JSON.stringify(name)}]`,
    head,
  );
}

export function anyWord(random: Random): string {
  return random.once(6) ? random.of(nearWords) : random.of(words);
}
