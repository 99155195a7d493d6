/** Numbers that states give to people, where form or check digits tell them from other numbers. */
import { luhn, restOf, weigh } from "./checksums.js";
import type { Pattern } from "./pattern.js";

const kind = "national_id";
const digitsOf = (text: string): string => text.replace(/\D/g, "");

function checked(form: RegExp, valid: (text: string) => boolean, hints?: readonly string[]): Pattern {
  return {
    ...{ kind, form },
    ...(hints === undefined ? {} : { hints }),
    check: (text, start, end) => (valid(text.slice(start, end)) ? end : undefined),
  };
}

const isDate = (month: number, day: number): boolean => month >= 1 && month <= 12 && day >= 1 && day <= 31;

/** Spain: the letter after the number. */
function dni(text: string): boolean {
  const id = text.toUpperCase().replace("-", "");
  const number = id.slice(0, -1).replace(/^[XYZ]/, (letter) => String("XYZ".indexOf(letter)));
  return "TRWAGMYFPDXBNJZSQVHLCKE"[Number(number) % 23] === id.at(-1);
}

/** Italy: the letter at the end; places count from 1. */
function codiceFiscale(text: string): boolean {
  const odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
  const id = text.toUpperCase();
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const code = id.charCodeAt(i);
    const value = code <= 57 ? code - 48 : code - 65;
    sum += i % 2 === 0 ? (odd[value] ?? 0) : value;
  }
  return sum % 26 === id.charCodeAt(15) - 65;
}

/** Brazil: two check digits. */
function cpf(text: string): boolean {
  const digits = digitsOf(text);
  if (/^(\d)\1+$/.test(digits)) return false;
  const digit = (length: number): number => {
    const weights = Array.from({ length }, (_, i) => length + 1 - i);
    return ((weigh(digits, weights) * 10) % 11) % 10;
  };
  return digit(9) === Number(digits[9]) && digit(10) === Number(digits[10]);
}

/** Poland: the month says the century, the last digit checks. */
function pesel(digits: string): boolean {
  const sum = weigh(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
  return sum % 10 === 0 && isDate(Number(digits.slice(2, 4)) % 20, Number(digits.slice(4, 6)));
}

/** Germany, tax id: ISO/IEC 7064 MOD 11,10. */
function steuerId(text: string): boolean {
  const digits = digitsOf(text);
  let product = 10;
  for (const digit of digits.slice(0, 10)) {
    const sum = (Number(digit) + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return digits.length === 11 && (11 - product) % 10 === Number(digits[10]);
}

/** Source of the forms: the issuing offices; a number that only its length would tell needs a word before it. */
export const nationalIds: readonly Pattern[] = [
  // United States, social security number
  checked(
    /(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])/g,
    (text) => !["123-45-6789", "078-05-1120"].includes(text),
    ["-"],
  ),
  checked(/(?<![\w-])(?:\d{8}-?[A-HJ-NP-TV-Z]|[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z])(?![\w-])/gi, dni),
  checked(/(?<!\w)[A-Za-z]{6}\d{2}[A-EHLMPRSTa-ehlmprst]\d{2}[A-Za-z]\d{3}[A-Za-z](?!\w)/g, codiceFiscale),
  // France: 13 digits and a key
  checked(/(?<![\w.-])[12] ?\d{2} ?[01]\d ?\d{2} ?\d{3} ?\d{3} ?\d{2}(?![\w-])/g, (text) => {
    const digits = digitsOf(text);
    return (
      97 - restOf(digits.slice(0, 13), 97) === Number(digits.slice(13)) &&
      isDate(Number(digits.slice(3, 5)), 1)
    );
  }),
  checked(/(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])/g, cpf, ["-"]),
  checked(/(?=\d{11})(?<=\bcpf[^\w\n]{0,3})\d{11}(?!\w)/gi, cpf, ["cpf"]),
  checked(/(?=\d{11})(?<=\bpesel\b[^\d\n]{0,12})\d{11}(?!\w)/gi, pesel, ["pesel"]),
  // Great Britain, national insurance number
  checked(
    /(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)/g,
    () => true,
  ),
  // Switzerland, AHV number: an EAN-13
  checked(
    /(?<![\w.-])756\.\d{4}\.\d{4}\.\d{2}(?![\w-])/g,
    (text) => weigh(digitsOf(text), [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 === 0,
    ["756."],
  ),
  checked(
    /(?=\d{2})(?<=(?:steuer-?id|steuerliche identifikationsnummer|idnr)[^\d\n]{0,12})\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\w)/gi,
    steuerId,
    ["steuer", "idnr"],
  ),
  // Netherlands: the eleven test
  checked(
    /(?=\d{9})(?<=\b(?:bsn|burgerservicenummer)\b[^\d\n]{0,12})\d{9}(?!\w)/gi,
    (text) => weigh(text, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0,
    ["bsn", "burgerservice"],
  ),
  // Sweden
  checked(
    /(?<![\w.-])(?:19|20)?\d{2}[01]\d[0-3]\d[-+]\d{4}(?![\w-])/g,
    (text) => {
      const digits = digitsOf(text).slice(-10);
      return luhn(digits) && isDate(Number(digits.slice(2, 4)), Number(digits.slice(4, 6)));
    },
    ["-", "+"],
  ),
];
