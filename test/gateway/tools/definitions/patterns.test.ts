/** Patterns in linear time mean what they mean to ECMA's own engine. */
import { expect, test } from "@jest/globals";
import { compilePattern } from "../../../../gateway/tools/definitions/schema/pattern.js";

const patterns = [
  ...[
    "^\\s+$",
    "\\S",
    "[\\s\\d]",
    "[^\\s]x",
    ".",
    "^.{1,3}$",
    "a.b",
    "[.]",
    "[[:alpha:]",
    "\\.",
    "^\\w+$",
    "\\bfoo\\b",
    "\\B",
  ],
  ...[
    "^[^\\n]*$",
    "[\\]\\[]",
    "[[]",
    "(?:a|b)*c",
    "^$",
    "a$",
    "\\u00e9",
    "\\u{1F600}",
    "[\\u{1F600}-\\u{1F64F}]",
  ],
  ...[
    "\\p{L}+",
    "\\p{Lu}",
    "\\P{L}",
    "(?<y>a)b",
    "[^]",
    "\\/",
    "-?[a-z]",
    "\\x41",
    "\\cA",
    "\\0",
    "a{2,3}",
    "a{2}",
  ],
  ...[
    "(a|ab)(c|bcd)",
    "[\\w-]+",
    "^(\\d{3}-)?\\d{4}$",
    "\\D",
    "\\W",
    "[\\W]",
    "[^\\w]",
    "\\v",
    "\\f",
    "x*?y",
  ],
  "^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\\.[a-zA-Z]{2,}$",
];
const texts = [
  ...[
    "",
    "a",
    "b",
    "ab",
    "abc",
    "foo",
    "a foo b",
    "\n",
    "\r",
    "\u2028",
    "\u00a0",
    "\ufeff",
    "\u0085",
    "\v",
    "\f",
  ],
  ...[
    " ",
    "é",
    "É",
    "\u{1F600}",
    "ſ",
    "K",
    "α",
    "Α",
    "x",
    "1",
    "12-3",
    "123-4567",
    "-",
    "]",
    "[",
    ".",
    "a.b",
  ],
  ...[
    "a\nb",
    "a\rb",
    "\0",
    "\x01",
    "\b",
    "/",
    "A",
    "aaa",
    "aa",
    "acd",
    "abcd",
    "_",
    "foo@bar.com",
    "x-1",
    "٣",
  ],
  ...["\u180e", "\u200b"],
];

test.each(patterns)("%s", (text) => {
  const pattern = compilePattern(text);
  expect(pattern.linear).toBe(true);
  const own = new RegExp(text, "u");
  expect(texts.filter((one) => pattern.test(one) !== own.test(one))).toEqual([]);
});

test.each(["(?=a)", "(?!a)", "(?<=a)b", "(a)\\1", "(?<n>a)\\k<n>"])("%s is left to ECMA's engine", (text) => {
  expect(compilePattern(text).linear).toBe(false);
});

test.each(["(", "[", "\\", "a{2,1}", "(?i)a", "\\Q", "(?P<n>a)", "\\pL", "x{"])(
  "%s is no pattern",
  (text) => {
    expect(() => compilePattern(text)).toThrow();
  },
);
