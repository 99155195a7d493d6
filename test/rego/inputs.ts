import { fc } from "../properties.js";

const names = [
  "a",
  "b",
  "c",
  "x",
  "y",
  "z",
  "xs",
  "k",
  "o",
  "m",
  "map",
  "key",
  "user",
  "suspended",
  "name",
  "n",
];
const more = ["roles", "inner", "tree", "blocked", "deep", "v", "min", "not", "b-c", "0", "__proto__"];
const leaf = fc.constantFrom(
  "1",
  "1.0",
  "2",
  "0",
  "-0",
  '""',
  '"a"',
  '"admin"',
  '"x"',
  "true",
  "false",
  "null",
);
/** JSON text of values that hold the names the policies read. */
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join()}]`),
    objectOf(tie("value"), 4),
  ),
}));

function objectOf(member: fc.Arbitrary<string>, maxKeys: number): fc.Arbitrary<string> {
  return fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names, ...more), member), {
      maxLength: maxKeys,
      selector: ([key]) => key,
    })
    .map((members) => `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join()}}`);
}
/** JSON text of an input that holds the names which the policies of `reads.cases.ts` read. */
export const anyInput = fc.oneof(
  { weight: 8, arbitrary: objectOf(value, 7) },
  { weight: 1, arbitrary: value },
);
