/** Bundles and what their paths answer, without a word of METADATA. */
import type { Json } from "../../sidecar/contract.js";

export interface PathsCase {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly input?: Json;
  /** By path; undefined where OPA gives no result. Other paths are no entrypoints. */
  readonly answers: Readonly<Record<string, Json | undefined>>;
}

export const pathsCases: readonly PathsCase[] = [
  {
    name: "rules of each kind, and their package",
    files: {
      "p.rego":
        "package p\n\na := 1\n\ns contains input.x\n\no[k] := 2 if k := input.x\n\nnone if input.never\n\nf(x) := x\n",
    },
    input: { x: "y" },
    answers: {
      p: { a: 1, s: ["y"], o: { y: 2 } },
      "p/a": 1,
      "p/s": ["y"],
      "p/o": { y: 2 },
      "p/none": undefined,
    },
  },
  {
    name: "names of several parts",
    files: { "p.rego": "package p\n\na.b.c := 1\n\na.b.d[input.x].e := 2\n\na.f contains 3\n" },
    input: { x: "y" },
    answers: {
      p: { a: { b: { c: 1, d: { y: { e: 2 } } }, f: [3] } },
      "p/a": { b: { c: 1, d: { y: { e: 2 } } }, f: [3] },
      "p/a/b": { c: 1, d: { y: { e: 2 } } },
      "p/a/b/c": 1,
      "p/a/b/d": { y: { e: 2 } },
      "p/a/f": [3],
    },
  },
  {
    name: "packages within packages",
    files: {
      "b.rego": "package a.b\n\nr := 1\n",
      "c.rego": "package a.c.d\n\nr := data.a.b.r + 1\n",
    },
    answers: {
      a: { b: { r: 1 }, c: { d: { r: 2 } } },
      "a/b": { r: 1 },
      "a/b/r": 1,
      "a/c": { d: { r: 2 } },
      "a/c/d": { r: 2 },
      "a/c/d/r": 2,
    },
  },
  {
    name: "base documents beside rules",
    files: {
      "p.rego": "package a.p\n\nr := 1\n",
      "data.json": '{"a": {"n": 1.0, "p": {"d": 2, "deep": {"e": 3}}}, "z": 4}',
      "a/data.yaml": "y: 5\n",
    },
    answers: {
      a: { n: 1, p: { d: 2, deep: { e: 3 }, r: 1 }, y: 5 },
      "a/p": { d: 2, deep: { e: 3 }, r: 1 },
      "a/p/r": 1,
    },
  },
  {
    name: "a package of functions",
    files: { "p.rego": "package p\n\nf(x) := x\n", "q.rego": "package q\n\nr := data.p.f(1)\n" },
    answers: { p: {}, q: { r: 1 }, "q/r": 1 },
  },
  {
    name: "keys that aren't text, and a slash: the path above answers",
    files: { "p.rego": 'package p\n\na[1] := 2\n\nx["y/z"] := 4\n' },
    answers: { p: { a: { "1": 2 }, x: { "y/z": 4 } }, "p/a": { "1": 2 }, "p/x": { "y/z": 4 } },
  },
];
