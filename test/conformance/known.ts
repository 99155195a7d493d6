/** Why cases fail, as far as it is known, by their notes. */
export const known: ReadonlyMap<string, string> = new Map([
  [
    "data/nested integer",
    "OPA's storage takes a number for the key of that text; its WASM doesn't (OPA issue 3711)",
  ],
  [
    "data/toplevel integer",
    "OPA's storage takes a number for the key of that text; its WASM doesn't (OPA issue 3711)",
  ],
  ["fix1863/is defined", "the query asks for all of `data`, where the query's own rule stands"],
  [
    "topdowndynamicdispatch/dynamic dispatch",
    "the query asks for all of `data`, where the query's own rule stands",
  ],
  ["time/time caching", "needs `test.sleep`, a built-in of OPA's own runner"],
]);
