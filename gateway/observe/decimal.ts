/** Amounts of money as whole numbers: prices in billionths of a unit for a million tokens, sums in billionths of a unit. */
import type { Json } from "../../sidecar/contract.js";
import { JsonNumber } from "../../sidecar/contract.js";

/** Nine places: the most that prices and sums have. */
const places = 9;

/**
 * Reads a decimal number, with an exponent too (`1.5e-07`), as a whole number of 10^-`scale`.
 * @returns undefined where it isn't one, is negative, or has more places
 */
export function readDecimal(text: string, scale: number = places): bigint | undefined {
  const match = /^(\d{1,18})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const shift = scale + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : undefined;
}

/** Gives a number as it was written; undefined where it is none. */
export function numberText(value: Json | undefined): string | undefined {
  if (value instanceof JsonNumber) return value.text;
  return typeof value === "number" ? String(value) : undefined;
}

/** Writes billionths as a decimal without zeros at its end. */
export function writeNanos(nanos: bigint): string {
  const text = nanos.toString().padStart(places + 1, "0");
  const fraction = text.slice(-places).replace(/0+$/, "");
  const whole = text.slice(0, -places);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
