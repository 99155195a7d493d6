/** Personal data: how people are reached, paid and told apart. */
import { isIPv4, isIPv6 } from "node:net";
import { cardScheme, iban, ibanLength, luhn } from "./checksums.js";
import { nationalIds } from "./national-ids.js";
import type { Pattern } from "./pattern.js";

/** What a dot precedes in file names, not in domains. */
const endings = new Set(
  "png jpg jpeg gif svg webp ico css scss js mjs cjs ts tsx jsx json html xml yml yaml md txt csv pdf zip gz tgz tar whl log lock".split(
    " ",
  ),
);

const cardForm = /^\d+$|^\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}$|^\d{4}([ -])\d{6}\2\d{4,5}$/;

export const piiPatterns: readonly Pattern[] = [
  {
    kind: "email",
    // letters by ranges: by property they take five times as long
    form: /(?<![\w.%+@/-])[A-Za-z\u00C0-\u024F\u0370-\u1FFF\u3040-\uD7FF\d][A-Za-z\u00C0-\u024F\u0370-\u1FFF\u3040-\uD7FF\d._%+'-]{0,63}@(?:[A-Za-z\u00C0-\u024F\u0370-\u1FFF\u3040-\uD7FF\d][A-Za-z\u00C0-\u024F\u0370-\u1FFF\u3040-\uD7FF\d-]{0,62}\.){1,8}[A-Za-z\u00C0-\u024F\u0370-\u1FFF\u3040-\uD7FF]{2,24}(?![A-Za-z\u00C0-\u024F\u0370-\u1FFF\u3040-\uD7FF\d_@-])/g,
    hints: ["@"],
    check(text, start, end) {
      const address = text.slice(start, end);
      const domain = address.slice(address.indexOf("@") + 1);
      const last = domain.slice(domain.lastIndexOf(".") + 1).toLowerCase();
      // `pkg@1.2.3.tgz`, `logo@2x.png`, `git@host.example:team/repo`
      if (endings.has(last) || (address.startsWith("git@") && /[:/]/.test(text[end] ?? ""))) return undefined;
      // the password in a service's address
      return /:\/\/[^\s@/]{0,64}:$/.test(text.slice(Math.max(0, start - 96), start)) ? undefined : end;
    },
  },
  {
    kind: "phone",
    // E.164, with what people put between
    form: /(?<![\w+.])(?:\+|00(?=[1-9]))[1-9](?:[ .\-/]?\(0?\d{0,4}\))?(?:[ .\-/()]{0,2}\d){6,14}(?![\w])/g,
    hints: ["+", "00"],
    check(text, start, end) {
      const match = text.slice(start, end);
      const digits = match.replace(/\D/g, "").length;
      // a signed number with a point
      if (/^\+\d{1,3}\.\d+$/.test(match)) return undefined;
      // a bare `00…` is a number like many
      return digits >= 8 && digits <= 17 && (match.startsWith("+") || /[ ./-]/.test(match)) ? end : undefined;
    },
  },
  {
    kind: "phone",
    // North America
    form: /(?<![\w.+-])(?:1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}(?![\w-]|\.\d)/g,
  },
  // France
  { kind: "phone", form: /(?<![\w.-])0[1-9](?:[ .]\d{2}){4}(?![\w-]|[ .]\d)/g },
  // Great Britain
  {
    kind: "phone",
    form: /(?<![\w.-])0(?:20 \d{4} \d{4}|1\d{3} \d{6}|1\d{2} \d{3} \d{4}|7\d{3} ?\d{6})(?![\w-])/g,
  },
  {
    kind: "phone",
    // anywhere, where a word says so
    form: /(?=[0(])(?<=\b(?:tel|phone|telefon|mobile?|handy|fon|cell|call|fax|tél|téléphone|teléfono|whatsapp)\b[^\d\n+]{0,8})[0(][\d(][\d ()/.-]{5,16}\d(?!\w)/gi,
    hints: ["tel", "phone", "mobil", "handy", "fon", "cell", "call", "fax", "tél", "whatsapp"],
    check: (text, start, end) => (text.slice(start, end).replace(/\D/g, "").length >= 7 ? end : undefined),
  },
  {
    kind: "iban",
    form: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,40}/gi,
    check(text, start, end) {
      const length = ibanLength(text.slice(start, start + 2).toUpperCase());
      if (length === undefined) return undefined;
      let number = "";
      let at = start;
      for (; at < end && number.length < length; at++) {
        const char = text[at] ?? "";
        if (/[A-Z0-9]/i.test(char)) number += char.toUpperCase();
      }
      // the next word is another matter, the same word isn't
      if (number.length < length || /[A-Za-z0-9]/.test(text[at] ?? "")) return undefined;
      return iban(number) ? at : undefined;
    },
  },
  {
    kind: "card",
    form: /(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)/g,
    check(text, start, end) {
      const match = text.slice(start, end);
      // written in groups, or in one
      if (!cardForm.test(match)) return undefined;
      const digits = match.replace(/\D/g, "");
      return cardScheme(digits) && luhn(digits) && !/^(\d)\1+$/.test(digits.slice(1)) ? end : undefined;
    },
  },
  ...nationalIds,
  {
    kind: "ip",
    form: /(?<![\w.-])(?<!\b(?:v|ver|version|release|build|firmware|rev|sdk|oid|section|§)[ :=.]{0,2})\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)/gi,
    hints: ["."],
    check(text, start, end) {
      const address = text.slice(start, end);
      // nobody's address: this host, all, and masks
      return isIPv4(address) && !/^(?:0|127|255)\./.test(address) ? end : undefined;
    },
  },
  {
    kind: "ip",
    form: /(?<![\w:.])[0-9a-fA-F]{1,4}(?::{1,2}[0-9a-fA-F]{1,4}){2,7}(?:::)?(?![\w:])/g,
    hints: [":"],
    check(text, start, end) {
      const address = text.slice(start, end);
      return isIPv6(address) && /\d/.test(address) ? end : undefined;
    },
  },
  {
    kind: "ip",
    form: /(?<![\w:.])[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){1,6}::(?![\w:])/gi,
    hints: ["::"],
    check: (text, start, end) =>
      isIPv6(text.slice(start, end)) && /\d/.test(text.slice(start, end)) ? end : undefined,
  },
];
