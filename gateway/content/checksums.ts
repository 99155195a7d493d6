/** Check digits of numbers that people and money have. All take texts of digits (and letters where said) without separators. */

/** Checks by Luhn's formula (ISO/IEC 7812-1, annex B). */
export function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = i % 2 === 0 ? digit : digit * 2;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** The rest of a number, with letters as 10 to 35 (ISO/IEC 7064), divided by a small one. */
export function restOf(text: string, by: number): number {
  let rest = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code <= 57 ? code - 48 : (code | 32) - 87;
    rest = (rest * (value > 9 ? 100 : 10) + value) % by;
  }
  return rest;
}

/** Adds digits up, each times its weight. */
export function weigh(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, i) => sum + weight * (digits.charCodeAt(i) - 48), 0);
}

/** The length of an IBAN by its country. Source: SWIFT, IBAN registry. */
const ibanLengths = new Map(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 " +
    "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 " +
    "LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 " +
    "SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))] as const),
);

export const ibanLength = (country: string): number | undefined => ibanLengths.get(country);

/** Checks an IBAN's check digits (ISO 13616-1, ISO/IEC 7064 MOD 97-10). */
export function iban(text: string): boolean {
  return restOf(text.slice(4) + text.slice(0, 4), 97) === 1;
}

/** Whether a number begins, and is as long, as one of the card schemes' (ISO/IEC 7812). */
export function cardScheme(digits: string): boolean {
  const { length } = digits;
  const [two, three, four] = [2, 3, 4].map((n) => Number(digits.slice(0, n))) as [number, number, number];
  if (digits.startsWith("4")) return length === 16 || length === 13 || length === 19;
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return length === 16;
  if (two === 34 || two === 37) return length === 15;
  if ((three >= 300 && three <= 305) || two === 36 || two === 38) return length === 14;
  if (four === 6011 || two === 65 || two === 62 || two === 35 || (three >= 644 && three <= 649)) {
    return length >= 16 && length <= 19;
  }
  return false;
}
